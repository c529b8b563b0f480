"""A text from a patient says which sender it came to, and how Twilio took it (Advanced Opt-Out)."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("inbound_message", sa.Column("sender", sa.String(length=64), nullable=False, server_default=""))
    op.add_column("inbound_message", sa.Column("opt_out_type", sa.String(length=8), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("inbound_message", "opt_out_type")
    op.drop_column("inbound_message", "sender")
