"""Who may use the dashboard: one-time links, accounts, sessions, an identity provider, and tokens for programs.

    policy.py     what floorline.yaml says of it
    origin.py, cookies.py, throttle.py, passwords.py      pure: values in, values out
    people.py, sessions.py, links.py, tokens.py           kept as documents of the state, secrets as their hashes alone
    oidc.py       the identity provider's side of a login
    entrance.py   the ways in: each ends in a session or a refusal, and in the audit
    gate.py       what the kernel asks: who a request is of

What opens something is 256 random bits, so a plain SHA-256 of it is kept: nobody can search for it.
"""
