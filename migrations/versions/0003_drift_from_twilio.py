"""The heartbeat keeps how far the ledger and Twilio's lists were apart when they were last compared."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("heartbeat", sa.Column("drift_count", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("heartbeat", sa.Column("drift_checked_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("heartbeat") as heartbeat:
        heartbeat.drop_column("drift_checked_at")
        heartbeat.drop_column("drift_count")
