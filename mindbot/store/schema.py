"""The tables, in SQLAlchemy Core. Migrations create them; a test compares the two.

``turns`` is inbox, conversation and trace in one row per message: inserted as ``queued`` before the
platform gets its ack, updated once at the end with spans and reply. That halves the statements a turn
costs. ``outbox`` holds one row per platform message going out.

Nobody writes ``owner``, ``lease_until`` and ``fence`` yet. They are for several workers on one store, each of
which owns some of the partitions for a time. They are there from the first schema on so that neither this nor
their removal has to rebuild a table that may have millions of rows.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

#: SQLite gives a 64-bit rowid key only to a column declared INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")

turns = Table(
    "turns",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("platform", String(32), nullable=False),
    Column("bot", String(64), nullable=False),
    Column("key", String(255), nullable=False, comment="what makes the message unique on its bot"),
    Column("session", String(255), nullable=False),
    Column("sender", String(128), nullable=False),
    Column("partition", Integer, nullable=False, comment="stable_hash(session) % 256"),
    # Not written yet; see the module.
    Column("owner", String(64), comment="the worker that holds it, when several share the store"),
    Column("lease_until", Float),
    Column("fence", BigInteger, nullable=False, server_default=text("0")),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False, server_default=text("1")),
    Column("received", Float, nullable=False),
    Column("finished", Float),
    Column("reason", Text),
    Column("message", Text, nullable=False, comment="JSON, as received"),
    Column("record", Text, comment="JSON: route, vars, reply, spans"),
    UniqueConstraint("platform", "bot", "key", name="turns_message"),
    Index("turns_session", "session", "id"),
    Index(
        "turns_open",
        "id",
        sqlite_where=text("state IN ('queued', 'running', 'parked', 'waiting')"),
        postgresql_where=text("state IN ('queued', 'running', 'parked', 'waiting')"),
    ),
)

outbox = Table(
    "outbox",
    metadata,
    Column("turn", Id, primary_key=True, autoincrement=False),
    Column("n", Integer, primary_key=True, autoincrement=False, comment="place in the reply, from 0"),
    Column("platform", String(32), nullable=False),
    Column("bot", String(64), nullable=False),
    Column("session", String(255), nullable=False),
    Column("kind", String(16), nullable=False, server_default=text("'message'")),
    Column("address", Text, nullable=False, comment="JSON: the message's reply_to"),
    Column("parts", Text, nullable=False, comment="JSON"),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("again", Boolean, nullable=False, server_default=text("0")),
    Column("next_at", Float, nullable=False, server_default=text("0")),
    Column("error", Text),
    Column("sent_id", String(255)),
    Column("notes", Text, comment="JSON: what the platform remarked"),
    Column("created", Float, nullable=False),
    Column("ended", Float),
    Index(
        "outbox_open",
        "turn",
        "n",
        sqlite_where=text("state <> 'sent'"),
        postgresql_where=text("state <> 'sent'"),
    ),
    sqlite_with_rowid=False,
)

memo = Table(
    "memo",
    metadata,
    Column("turn", Id, primary_key=True, autoincrement=False),
    Column("step", String(128), primary_key=True),
    Column("result", Text, nullable=False),
    sqlite_with_rowid=False,
)

sessions = Table(
    "sessions",
    metadata,
    Column("session", String(255), primary_key=True),
    Column("platform", String(32), nullable=False),
    Column("bot", String(64), nullable=False),
    Column("vars", Text, nullable=False, comment="JSON"),
    Column("updated", Float, nullable=False),
)

keep = Table(
    "keep",
    metadata,
    Column("platform", String(32), primary_key=True),
    Column("bot", String(64), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("value", Text, nullable=False, comment="JSON"),
    Column("ends", Float, comment="Unix seconds after which it is as good as gone"),
    sqlite_with_rowid=False,
)

spending = Table(
    "spending",
    metadata,
    Column("by", String(16), primary_key=True, comment="user, group, bot, workflow, provider, model or all"),
    Column("who", String(255), primary_key=True),
    Column("day", String(10), primary_key=True, comment="local: 2026-11-30"),
    Column("calls", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False, comment="of those sent"),
    Column("money", BigInteger, nullable=False, comment="billionths"),
    sqlite_with_rowid=False,
)
