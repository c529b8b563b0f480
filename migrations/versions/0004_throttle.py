"""Texts leave gently after trouble, and the site remembers since when an account is refused."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "throttle",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("per_second", sa.Float(), nullable=True),
        sa.Column("level", sa.Float(), nullable=False),
        sa.Column("level_at", moment, nullable=True),
        sa.Column("slowed_at", moment, nullable=True),
        sa.Column("down_since", moment, nullable=True),
        sa.Column("down_why", sa.String(length=200), nullable=False),
        sa.Column("probe_at", moment, nullable=True),
        sa.Column("failed_tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_throttle")),
    )
    op.add_column("heartbeat", sa.Column("circuit_since", moment, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("heartbeat") as heartbeat:
        heartbeat.drop_column("circuit_since")
    op.drop_table("throttle")
