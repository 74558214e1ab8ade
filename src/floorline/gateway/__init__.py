"""The data plane: every call attributed, priced, recorded durably and passed on untouched (docs/gateway.md).

A newcomer reads `pipeline.py` first: one call from its key to its last byte fits one screen there.
"""
