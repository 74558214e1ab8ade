"""Revenue from Stripe as it happens: a webhook and a pull say what changed, its latest state is fetched, the ledger follows.

    webhook ─▶ inbox ─▶ fetch the invoice and all that hangs on it ─▶ ingest.stripe (the one mapping) ─▶ ledger
    pull ────▶

Nothing in an event but the name of what changed is believed, so events may come late, twice and in any order.
"""
