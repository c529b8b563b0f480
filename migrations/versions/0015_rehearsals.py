"""A hold asks before it withdraws what it does not know; a restored copy may be a rehearsal."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("heartbeat", sa.Column("hold_asks", sa.String(length=200), nullable=False, server_default=""))
    op.add_column("heartbeat", sa.Column("hold_answer", sa.String(length=8), nullable=False, server_default=""))
    op.add_column("heartbeat", sa.Column("rehearsal_since", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for name in ("rehearsal_since", "hold_answer", "hold_asks"):
        op.drop_column("heartbeat", name)
