"""By what a text found late is known as an erased patient's: a keyed digest, until Twilio's list was read so far."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.add_column("patient", sa.Column("number_mark", sa.String(64), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("patient", "number_mark")
