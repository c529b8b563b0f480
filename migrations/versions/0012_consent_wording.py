"""The wording of consent by version, a patient's own zone, who acknowledges opt-outs, why there are no quiet hours."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
MOMENT = sa.DateTime(timezone=True)


def new_columns() -> dict[str, list[sa.Column]]:
    """Return the columns this one adds, each made anew: a column belongs to one statement."""
    return {
        "clinic": [
            sa.Column("twilio_acknowledges", sa.Boolean(), nullable=False, server_default=sa.true()),
            sa.Column("no_quiet_why", sa.String(length=200), nullable=False, server_default=""),
        ],
        "patient": [
            sa.Column("consent_wording", sa.Integer(), nullable=True),
            sa.Column("time_zone", sa.String(length=64), nullable=False, server_default=""),
        ],
    }


def upgrade() -> None:
    for table, columns in new_columns().items():
        for column in columns:
            op.add_column(table, column)
    # Reminders that would wake a phone far away are planned anew.
    op.execute("UPDATE clinic SET plan_version = plan_version + 1, plans_behind = true, plans_follow_since = NULL")
    op.create_table(
        "consent_wording",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("clinic_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.String(length=1600), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_consent_wording_clinic_id_clinic")),
        sa.ForeignKeyConstraint(["made_by_id"], ["staff.id"], name=op.f("fk_consent_wording_made_by_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_wording")),
        sa.UniqueConstraint("clinic_id", "version", name=op.f("uq_consent_wording_clinic_id_version")),
    )
    with op.batch_alter_table("consent_wording", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consent_wording_clinic_id"), ["clinic_id"], unique=False)


def downgrade() -> None:
    op.drop_table("consent_wording")
    for table, columns in new_columns().items():
        for column in columns:
            op.drop_column(table, column.name)
