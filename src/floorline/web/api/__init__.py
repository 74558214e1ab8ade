"""Routes that are no page's: baselines, a customer's usage, Stripe's webhook, how the process stands."""
