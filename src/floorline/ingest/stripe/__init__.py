"""Stripe's objects become revenue, customers and aliases: docs/stripe.md says which counts, how, and why."""
