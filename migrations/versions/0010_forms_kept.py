"""Forms are kept while somebody signs in anew; a form that was taken remembers what it said."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column("form_nonce", sa.Column("content_hash", sa.String(length=64), nullable=False, server_default=""))
    op.create_table(
        "kept_form",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("clinic_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("kept_at", moment, nullable=False),
        sa.Column("offered_at", moment, nullable=True),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_kept_form_clinic_id_clinic")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_kept_form_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_form")),
        sa.UniqueConstraint("public_id", name=op.f("uq_kept_form_public_id")),
    )
    with op.batch_alter_table("kept_form") as kept_form:
        kept_form.create_index(op.f("ix_kept_form_staff_id"), ["staff_id"])
        kept_form.create_index(op.f("ix_kept_form_kept_at"), ["kept_at"])


def downgrade() -> None:
    op.drop_table("kept_form")
    op.drop_column("form_nonce", "content_hash")
