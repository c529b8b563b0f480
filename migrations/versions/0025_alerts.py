"""Alerts, whom they were told, what is usual, and an index so that judging stays cheap."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
OPEN = sa.text("over_at IS NULL")
TO_SEND = sa.text("next_try_at IS NOT NULL")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "alert_watch",
        sa.Column("id", sa.Integer(), nullable=False),
        *(sa.Column(name, MOMENT) for name in ("judged_at", "pinged_at")),
        sa.Column("usual", sa.JSON()),
        sa.Column("usual_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_watch")),
    )
    _alerts()
    _notices()
    op.create_index("ix_message_finished", "message", ["finished_at", "state"])


def _alerts() -> None:
    seen = "mail_since", "page_since", "seen_at", "firing_since", "calm_since", "told_at", "taken_at"
    op.create_table(
        "alert",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(16), nullable=False),
        sa.Column("rule", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("level", sa.String(8), nullable=False),
        *(sa.Column(name, MOMENT) for name in seen),
        sa.Column("taken_by_id", sa.Integer()),
        sa.Column("over_at", MOMENT),
        sa.Column("words", sa.String(200), nullable=False),
        sa.ForeignKeyConstraint(["taken_by_id"], ["staff.id"], name=op.f("fk_alert_taken_by_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
        sa.UniqueConstraint("public_id", name=op.f("uq_alert_public_id")),
    )
    op.create_index(
        "uq_alert_open", "alert", ["rule", "subject"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN
    )
    op.create_index("ix_alert_over_at", "alert", ["over_at"])


def _notices() -> None:
    op.create_table(
        "alert_notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(16), nullable=False),
        sa.Column("way", sa.String(8), nullable=False),
        sa.Column("whom", sa.JSON(), nullable=False),
        sa.Column("about", sa.JSON(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", MOMENT),
        sa.Column("sent_at", MOMENT),
        sa.Column("trouble", sa.String(200), nullable=False),
        sa.Column("token_hash", sa.String(64)),
        sa.Column("arrived_at", MOMENT),
        sa.Column("arrived_by_id", sa.Integer()),
        sa.ForeignKeyConstraint(["arrived_by_id"], ["staff.id"], name=op.f("fk_alert_notice_arrived_by_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_notice")),
        sa.UniqueConstraint("public_id", name=op.f("uq_alert_notice_public_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_alert_notice_token_hash")),
    )
    op.create_index(
        "ix_alert_notice_due", "alert_notice", ["next_try_at"], sqlite_where=TO_SEND, postgresql_where=TO_SEND
    )
    op.create_index("ix_alert_notice_made_at", "alert_notice", ["made_at"])


def downgrade() -> None:
    op.drop_index("ix_message_finished", table_name="message")
    for table in ("alert_notice", "alert", "alert_watch"):
        op.drop_table(table)
