"""Plans remember which settings they were made with; a text what it tells, what it replaces and when it arrives."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
MOMENT = sa.DateTime(timezone=True)
TROUBLED = sa.text("plan_trouble <> ''")


def new_columns() -> dict[str, list[sa.Column]]:
    """Return the columns this one adds, each made anew: a column belongs to one statement."""
    return {
        "clinic": [
            sa.Column("plan_version", sa.Integer(), nullable=False, server_default="1"),
            sa.Column("plans_behind", sa.Boolean(), nullable=False, server_default=sa.false()),
            sa.Column("plans_follow_since", MOMENT, nullable=True),
        ],
        "appointment": [
            sa.Column("planned_with", sa.Integer(), nullable=False, server_default="1"),
            sa.Column("plan_trouble", sa.String(length=200), nullable=False, server_default=""),
        ],
        "message": [
            sa.Column("replaces_id", sa.Integer(), nullable=True),
            sa.Column("told", sa.JSON(), nullable=True),
            sa.Column("waits_for", sa.String(length=16), nullable=False, server_default=""),
            sa.Column("reaches_at", MOMENT, nullable=True),
        ],
    }


def upgrade() -> None:
    for table, columns in new_columns().items():
        for column in columns:
            op.add_column(table, column)
    op.create_index(
        "ix_appointment_trouble", "appointment", ["clinic_id"], sqlite_where=TROUBLED, postgresql_where=TROUBLED
    )
    op.drop_index("ix_message_handed", "message")
    op.create_index("ix_message_reaches", "message", ["clinic_id", "reaches_at"])
    # Whoever waited for a new plan goes on waiting; what has left, or lies at Twilio, counts for the day it arrives.
    op.execute("UPDATE clinic SET plan_version = 2, plans_behind = true WHERE replan_after IS NOT NULL")
    op.execute(
        "UPDATE message SET reaches_at = CASE WHEN route = 'twilio' THEN send_at ELSE handed_at END"
        " WHERE handed_at IS NOT NULL"
        " AND state NOT IN ('pending', 'leased', 'cancelled', 'suppressed', 'expired')"
    )
    op.drop_column("clinic", "replan_after")
    # A number opts out of every channel of a sender at once; some were kept under the channel's name.
    for name, begins in (("rcs:", 5), ("whatsapp:", 10)):
        op.execute(
            f"UPDATE opt_out SET e164 = substr(e164, {begins}) WHERE e164 LIKE '{name}+%'"  # noqa: S608 - constants
            " AND NOT EXISTS (SELECT 1 FROM opt_out AS other WHERE other.sender = opt_out.sender"
            f" AND other.ended_at IS NULL AND other.e164 = substr(opt_out.e164, {begins}))"
        )


def downgrade() -> None:
    op.add_column("clinic", sa.Column("replan_after", sa.Integer(), nullable=True))
    op.execute("UPDATE clinic SET replan_after = 0 WHERE plans_behind")
    op.drop_index("ix_message_reaches", "message")
    op.create_index("ix_message_handed", "message", ["clinic_id", "handed_at"])
    op.drop_index("ix_appointment_trouble", "appointment")
    for table, columns in new_columns().items():
        for column in reversed(columns):
            op.drop_column(table, column.name)
