"""The exact cache: a request that was answered before is answered again without its provider.

    asking     what a request asks, as a key; and whether it may be answered from, and kept in, a cache at all
    entry      one stored answer
    memory     what this process holds, bounded in bytes; `disk` and `redis` are the tiers behind it, sealed by `vault`
    taking     takes in an answer as it passes
    flights    one call of several that ask the same at once goes to the provider, the others wait for its answer
    store      the cache of one process, over all of these
    replaying  a stored answer on its way to a client

What may be shared with whom is a rule of `guardrails/cache.py`: by default an answer is found again by the customer alone
whom it was made for, and nothing that a caller can see or time tells of another's.
"""
