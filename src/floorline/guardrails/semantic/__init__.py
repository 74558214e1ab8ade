"""The semantic cache's rules: a call answered with what was answered to another call that asks the same in other words.

`traps` says which questions are never compared at all, `vetoes` which two are never the same, `features` what a verifier judges
two by, `controller` from which labels a feature is certified and when that is taken back, and `rule` what becomes of one call.
"""
