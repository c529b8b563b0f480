"""How long a clinic keeps what, what has lost its words, who was erased, and what Twilio is still to forget."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"

MOMENT = sa.DateTime(timezone=True)
KEPT = {"texts_kept_days": "90", "receipts_kept_days": "30", "appointments_kept_months": "24"}
ERASING = sa.text("erasing")


def upgrade() -> None:
    for name, default in KEPT.items():
        op.add_column("clinic", sa.Column(name, sa.Integer(), nullable=False, server_default=default))
    op.add_column("clinic", sa.Column("nobody_id", sa.Integer(), nullable=True))
    op.add_column("patient", sa.Column("erased_at", MOMENT, nullable=True))
    op.add_column("patient", sa.Column("erasing", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("ix_patient_erasing", "patient", ["id"], sqlite_where=ERASING, postgresql_where=ERASING)
    op.add_column("message", sa.Column("redacted_at", MOMENT, nullable=True))
    op.add_column("inbound_message", sa.Column("redacted_at", MOMENT, nullable=True))
    op.create_table(
        "retention_run",
        sa.Column("scope", sa.String(24), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.Column("chore", sa.String(24), nullable=False),
        sa.Column("after_id", sa.Integer(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_retention_run")),
    )
    op.create_table(
        "twilio_erasure",
        sa.Column("sid", sa.String(34), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("sid", name=op.f("pk_twilio_erasure")),
    )
    op.create_index("ix_twilio_erasure_due_at", "twilio_erasure", ["due_at"])


def downgrade() -> None:
    op.drop_table("twilio_erasure")
    op.drop_table("retention_run")
    op.drop_column("inbound_message", "redacted_at")
    op.drop_column("message", "redacted_at")
    op.drop_index("ix_patient_erasing", table_name="patient")
    op.drop_column("patient", "erasing")
    op.drop_column("patient", "erased_at")
    for name in ("nobody_id", *KEPT):
        op.drop_column("clinic", name)
