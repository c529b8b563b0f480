"""Who has opened which patient's page, and when."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.create_table(
        "patient_read",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("clinic_id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("page", sa.String(40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_patient_read_clinic_id_clinic")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_patient_read_patient_id_patient")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_patient_read_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_read")),
    )
    op.create_index("ix_patient_read_patient", "patient_read", ["patient_id", "staff_id", "at"])
    op.create_index("ix_patient_read_clinic", "patient_read", ["clinic_id", "at"])


def downgrade() -> None:
    op.drop_table("patient_read")
