"""What bots keep: cursors, budgets, open cards, profiles."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "keep",
        sa.Column("platform", sa.String(32), primary_key=True),
        sa.Column("bot", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("ends", sa.Float),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("keep")
