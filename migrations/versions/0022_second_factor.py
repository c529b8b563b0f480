"""The second factor at sign-in: an authenticator app's secret, recovery codes, sessions that await a code."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "second_factor",
        sa.Column("staff_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed_secret", sa.String(255), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_second_factor_staff_id_staff")),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_second_factor")),
    )
    op.create_table(
        "recovery_code",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(255), nullable=False),
        sa.Column("used_at", moment, nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_recovery_code_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_code")),
    )
    op.create_index(op.f("ix_recovery_code_staff_id"), "recovery_code", ["staff_id"])
    op.add_column("staff", sa.Column("factor_taken_at", moment, nullable=True))
    op.add_column("staff", sa.Column("factor_taken_by", sa.String(80), nullable=False, server_default=""))
    awaits = sa.Column("awaits_code", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("staff_session", awaits)


def downgrade() -> None:
    op.execute("DELETE FROM staff_session WHERE awaits_code")
    with op.batch_alter_table("staff_session") as table:
        table.drop_column("awaits_code")
    with op.batch_alter_table("staff") as table:
        table.drop_column("factor_taken_by")
        table.drop_column("factor_taken_at")
    op.drop_index(op.f("ix_recovery_code_staff_id"), table_name="recovery_code")
    op.drop_table("recovery_code")
    op.drop_table("second_factor")
