"""Who may use the dashboard: one-time links, accounts, sessions, an identity provider, and tokens for programs."""
