"""What was pressed on patients' pages; clinics that live keep their wording until a manager takes the links in."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
MOMENT = sa.DateTime(timezone=True)
# The site's wording before this change: clinics that had none of their own were texting it, and go on.
WORDING = {
    "confirmation": (
        "{{clinic}}: {{first_name}}, your appointment is {{day}} {{time}}, {{place}}. "
        "Reply 1 = yes, 2 = change, 3 = can't come. {{phone}}. STOP ends texts"
    ),
    "reminder_ask": (
        "{{clinic}}: {{first_name}}, we expect you {{day}} {{time}}, {{place}}. "
        "Reply 1 = yes, 2 = change, 3 = can't come. {{phone}}. STOP ends texts"
    ),
    "moved": (
        "{{clinic}}: {{first_name}}, your new time is {{day}} {{time}}, {{place}}. "
        "Reply 1 = yes, 2 = change, 3 = can't come. {{phone}}. STOP ends texts"
    ),
}


def upgrade() -> None:
    op.create_table(
        "page_press",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("link_id", sa.Integer(), nullable=False),
        sa.Column("page", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("acted", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("stood", sa.String(length=16), nullable=False),
        sa.Column("pressed_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["link_id"], ["manage_link.id"], name=op.f("fk_page_press_link_id_manage_link")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_page_press")),
        sa.UniqueConstraint("page", name=op.f("uq_page_press_page")),
    )
    op.create_index(op.f("ix_page_press_link_id"), "page_press", ["link_id"])
    keep_wording()


def keep_wording() -> None:
    """Write the wording down for clinics that only used the site's default, so that a new default leaves them alone."""
    clinic = sa.table("clinic", sa.column("id"), sa.column("created_at", MOMENT))
    template = sa.table(
        "template",
        *(sa.column(name) for name in ("clinic_id", "kind", "body", "version")),
        sa.column("updated_at", MOMENT),
    )
    for kind, body in WORDING.items():
        own = sa.exists().where(template.c.clinic_id == clinic.c.id, template.c.kind == kind)
        missing = sa.select(clinic.c.id, sa.literal(kind), sa.literal(body), sa.literal(1), clinic.c.created_at)
        names = ["clinic_id", "kind", "body", "version", "updated_at"]
        op.execute(template.insert().from_select(names, missing.where(~own)))


def downgrade() -> None:
    op.drop_index(op.f("ix_page_press_link_id"), "page_press")
    op.drop_table("page_press")
