"""Replies remember what they told; an answer remembers the one it replaced."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("inbound_message", sa.Column("told", sa.JSON(), nullable=True))
    op.add_column("appointment", sa.Column("answer_before", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("appointment", "answer_before")
    op.drop_column("inbound_message", "told")
