"""Alembic's entry: it is given a connection and runs the revisions on it."""

from alembic import context

from mindbot.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=metadata, render_as_batch=True, transaction_per_migration=True
)
with context.begin_transaction():
    context.run_migrations()
