"""The tables of materials, on the metadata of `runner.tasks.model`, so that one describes the whole database.

One row is one file and who has it, so that taking it is one update of one row. A local file gets its row when
a task first looks at it.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from runner.materials.types import State
from runner.tasks.model import UtcDateTime, metadata

materials = Table(
    "materials",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("source", String(8), nullable=False),
    Column("identity", String(64), nullable=False, unique=True),
    Column("sha256", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("path", Text, nullable=False, server_default=""),
    Column("folder", String(64), nullable=False, server_default=""),
    Column("modified_ns", BigInteger, nullable=False, server_default="0"),
    Column("kind", String(8), nullable=False),
    Column("media_type", String(32), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("duration", Float),
    Column("width", Integer),
    Column("height", Integer),
    Column("caption", Text, nullable=False, server_default=""),
    Column("username", String, nullable=False, server_default=""),
    Column("sort_number", Integer),
    Column("state", String(8), nullable=False, server_default=State.UNUSED),
    Column("task_id", Integer, index=True),
    Column("taken_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_materials_choice", "source", "kind", "state"),
    Index("ix_materials_folder", "folder"),
    sqlite_autoincrement=True,
)
"""`identity` is what makes a file the same: in the library its content's SHA-256; of a local file the SHA-256
of canonical path and content. `folder` is the SHA-256 of a local file's folder: paths are too long for an
index. `task_id` is no foreign key, because a used file stays used when its task is deleted."""

tags = Table(
    "material_tags",
    metadata,
    Column("material_id", ForeignKey("materials.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", String(100), primary_key=True, index=True),
)

turns = Table(
    "material_turns",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("list", String(64), nullable=False),
    Column("account", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("task_id", Integer, nullable=False),
    UniqueConstraint("list", "account", "number"),
    UniqueConstraint("task_id", "list"),
)
"""Whose turn in a list (lines of a caption, names of sounds) was when: the account's next is its highest
number + 1, and a task keeps its own. `list` is the SHA-256 of what tells lists apart."""
