"""A simulated provider that speaks every dialect, so that everything runs without a provider's key (docs/sandbox.md).

A request is read into a `Wish` (wish.py) by its dialect's module, `answer` (answer.py) says what a model would say to
it, the dialect's module writes that down as its provider would, and delivery.py sends it, well or badly as `Controls`
(controls.py) ask for. Everything up to the bytes is pure: the same request, the same answer.
"""
