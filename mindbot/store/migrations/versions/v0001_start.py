"""The first schema: turns, outbox, memo, sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_OPEN = sa.text("state IN ('queued', 'running', 'parked', 'waiting')")
_UNSENT = sa.text("state <> 'sent'")


def upgrade() -> None:
    op.create_table(
        "turns",
        sa.Column("id", _ID, primary_key=True, autoincrement=False),
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("bot", sa.String(64), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("session", sa.String(255), nullable=False),
        sa.Column("sender", sa.String(128), nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("owner", sa.String(64)),
        sa.Column("lease_until", sa.Float),
        sa.Column("fence", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False, server_default=sa.text("1")),
        sa.Column("received", sa.Float, nullable=False),
        sa.Column("finished", sa.Float),
        sa.Column("reason", sa.Text),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("record", sa.Text),
        sa.UniqueConstraint("platform", "bot", "key", name="turns_message"),
    )
    op.create_index("turns_session", "turns", ["session", "id"])
    op.create_index("turns_open", "turns", ["id"], sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_table(
        "outbox",
        sa.Column("turn", _ID, primary_key=True, autoincrement=False),
        sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("bot", sa.String(64), nullable=False),
        sa.Column("session", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False, server_default=sa.text("'message'")),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("parts", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("again", sa.Boolean, nullable=False, server_default=sa.text("0")),
        sa.Column("next_at", sa.Float, nullable=False, server_default=sa.text("0")),
        sa.Column("error", sa.Text),
        sa.Column("sent_id", sa.String(255)),
        sa.Column("notes", sa.Text),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("ended", sa.Float),
        sqlite_with_rowid=False,
    )
    op.create_index("outbox_open", "outbox", ["turn", "n"], sqlite_where=_UNSENT, postgresql_where=_UNSENT)
    op.create_table(
        "memo",
        sa.Column("turn", _ID, primary_key=True, autoincrement=False),
        sa.Column("step", sa.String(128), primary_key=True),
        sa.Column("result", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sessions",
        sa.Column("session", sa.String(255), primary_key=True),
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("bot", sa.String(64), nullable=False),
        sa.Column("vars", sa.Text, nullable=False),
        sa.Column("updated", sa.Float, nullable=False),
    )


def downgrade() -> None:
    for table in ("sessions", "memo", "outbox", "turns"):
        op.drop_table(table)
