"""Automatic rules over calls: what is decided of a call, and why. Pure: what is known comes in, a verdict comes out.

`frame` has the words, `rules` what floorline.yaml says, `decide` the fixed order; each guardrail is a module of its own with the
rule that configures it and the `step` that `decide` takes. `gateway/guarding.py` is the shell: it gathers what is known, has the
verdict carried out, and settles what was reserved.
"""
