"""Alembic's entry: `state.upgrade` hands the connection in; nothing is read from files or the environment."""

from alembic import context
from sqlalchemy import Connection

connection: Connection = context.config.attributes["connection"]
context.configure(connection=connection)
with context.begin_transaction():
    context.run_migrations()
