"""Devices that are known again at the sign-in page, and links that make one known."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column("sign_in_try", sa.Column("device_hash", sa.String(64), nullable=False, server_default=""))
    op.create_index("ix_sign_in_try_tried_at", "sign_in_try", ["tried_at"])
    op.create_table(
        "sign_in_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("used_at", moment, nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_sign_in_link_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_link")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sign_in_link_token_hash")),
    )


def downgrade() -> None:
    op.drop_table("sign_in_link")
    op.drop_index("ix_sign_in_try_tried_at", table_name="sign_in_try")
    with op.batch_alter_table("sign_in_try") as table:
        table.drop_column("device_hash")
