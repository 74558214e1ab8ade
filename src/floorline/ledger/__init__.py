"""The record: spool, store, identities and state."""
