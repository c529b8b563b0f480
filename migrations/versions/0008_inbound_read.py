"""Twilio's list of what patients texted is read: since when, how far, and which texts only the list brought."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("heartbeat", sa.Column("inbound_from", sa.DateTime(timezone=True), nullable=True))
    op.add_column("heartbeat", sa.Column("inbound_read_to", sa.DateTime(timezone=True), nullable=True))
    op.add_column("inbound_message", sa.Column("found_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("inbound_message", "found_at")
    op.drop_column("heartbeat", "inbound_read_to")
    op.drop_column("heartbeat", "inbound_from")
