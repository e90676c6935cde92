"""Materials: the files of the library and of local folders, who has them, and whose turn it is in lists."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0010"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "materials",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("source", sa.String(8), nullable=False),
        sa.Column("identity", sa.String(64), nullable=False, unique=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False, server_default=""),
        sa.Column("folder", sa.String(64), nullable=False, server_default=""),
        sa.Column("modified_ns", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("media_type", sa.String(32), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("duration", sa.Float),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        sa.Column("caption", sa.Text, nullable=False, server_default=""),
        sa.Column("username", sa.String, nullable=False, server_default=""),
        sa.Column("sort_number", sa.Integer),
        sa.Column("state", sa.String(8), nullable=False, server_default="unused"),
        sa.Column("task_id", sa.Integer, index=True),
        sa.Column("taken_at", INSTANT),
        sa.Column("created_at", INSTANT, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_materials_choice", "materials", ["source", "kind", "state"])
    op.create_index("ix_materials_folder", "materials", ["folder"])
    material = sa.ForeignKey("materials.id", ondelete="CASCADE")
    op.create_table(
        "material_tags",
        sa.Column("material_id", sa.Integer, material, primary_key=True),
        sa.Column("tag", sa.String(100), primary_key=True, index=True),
    )
    op.create_table(
        "material_turns",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("list", sa.String(64), nullable=False),
        sa.Column("account", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("task_id", sa.Integer, nullable=False),
        sa.UniqueConstraint("list", "account", "number"),
        sa.UniqueConstraint("task_id", "list"),
    )


def downgrade() -> None:
    for table in ("material_turns", "material_tags", "materials"):
        op.drop_table(table)
