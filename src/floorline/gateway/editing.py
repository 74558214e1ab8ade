"""What guardrails change of a request before it goes upstream. Every edit is of the dialect that the target is asked in."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import structs

from floorline.gateway.translate.request import Asked
from floorline.gateway.wire.body import view
from floorline.gateway.wire.errors import Invalid
from floorline.guardrails.frame import Change

Edit = Callable[[Asked, str], Asked]
"""The request with a change of that value; the very same where the dialect or endpoint has no such thing."""

EDITS: Mapping[str, Edit] = {}
"""By the name of the change."""


def edited(asked: Asked | Invalid, changes: Sequence[Change]) -> Asked | Invalid:
    """The request with every change made, in their order."""
    if isinstance(asked, Invalid):
        return asked
    for change in changes:
        asked = EDITS[change.name](asked, change.value)
    return asked


def with_body(asked: Asked, body: bytes) -> Asked:
    """The request with another body, and what is read of it read anew."""
    seen = view(asked.route, body)
    assert not isinstance(seen, Invalid), f"an edit made a request that cannot be read: {seen.message}"
    model = structs.replace(seen, model=asked.view.model)
    return Asked(route=asked.route, view=model, request=structs.replace(asked.request, body=body))
