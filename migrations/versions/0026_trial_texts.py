"""Texts to the operator's own phone that try out a live site."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "trial_text",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("phone", sa.String(24), nullable=False),
        sa.Column("code", sa.String(4), nullable=False),
        sa.Column("sid", sa.String(34), nullable=True),
        sa.Column("error_code", sa.Integer(), nullable=True),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("send_at", moment, nullable=True),
        sa.Column("replied_at", moment, nullable=True),
        sa.Column("by_webhook", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_trial_text"),
        sa.UniqueConstraint("sid", name="uq_trial_text_sid"),
    )
    op.create_index("ix_trial_text_phone", "trial_text", ["phone"])


def downgrade() -> None:
    op.drop_table("trial_text")
