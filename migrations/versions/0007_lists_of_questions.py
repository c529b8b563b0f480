"""A phone that was asked about several appointments gets a list with letters; what its letters meant is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("inbound_message", sa.Column("offered", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("inbound_message", "offered")
