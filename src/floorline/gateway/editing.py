"""What guardrails change of a request before it goes upstream, in the words of the dialect that its target is asked in."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, cast

from msgspec import structs

from floorline.gateway.accounting import priced_as
from floorline.gateway.message import Request
from floorline.gateway.policy import Provider
from floorline.gateway.translate.request import Asked
from floorline.gateway.wire.body import View, view
from floorline.gateway.wire.caps import capped_effort, capped_output, capped_thinking
from floorline.gateway.wire.errors import Invalid
from floorline.gateway.wire.routes import Route
from floorline.guardrails.frame import Change
from floorline.guardrails.output import Effort

_NEWER_NAMES = frozenset({"openai", "azure"})
"""Providers whose newest models refuse `max_tokens`; of the others some know nothing else."""

Edit = Callable[[str, bytes, str, Provider], bytes]
"""The body of a request to an endpoint with a change of that value, as its provider takes it; the very same where the endpoint has
no such thing.
"""


class Asking(Protocol):
    """A request as a target is asked it."""

    @property
    def route(self) -> Route:
        """Where it goes."""
        ...

    @property
    def view(self) -> View:
        """What is known of it."""
        ...

    @property
    def request(self) -> Request:
        """The whole of it."""
        ...


def _output_cap(endpoint: str, body: bytes, value: str, provider: Provider) -> bytes:
    return capped_output(endpoint, body, int(value), older_name=priced_as(provider) not in _NEWER_NAMES)


def _thinking_tokens(endpoint: str, body: bytes, value: str, _provider: Provider) -> bytes:
    return capped_thinking(endpoint, body, int(value))


def _reasoning_effort(endpoint: str, body: bytes, value: str, _provider: Provider) -> bytes:
    return capped_effort(endpoint, body, cast("Effort", value))


EDITS: Mapping[str, Edit] = {
    "output_cap": _output_cap,
    "thinking_tokens": _thinking_tokens,
    "reasoning_effort": _reasoning_effort,
}
"""By the name of the change."""


def edited(asked: Asking, changes: Sequence[Change], provider: Provider) -> Asking:
    """The request with every change made, in their order."""
    body = asked.request.body
    for change in changes:
        body = EDITS[change.name](asked.route.endpoint, body, change.value, provider)
    return with_body(asked, body)


def with_body(asked: Asking, body: bytes) -> Asking:
    """The request with another body, and what is read of it read anew; the very same where that is its own."""
    if body is asked.request.body:
        return asked
    seen = view(asked.route, body)
    assert not isinstance(seen, Invalid), f"an edit made a request that cannot be read: {seen.message}"
    model = structs.replace(seen, model=asked.view.model)
    return Asked(route=asked.route, view=model, request=structs.replace(asked.request, body=body))


def with_beta(asked: Asking, beta: bytes) -> Asking:
    """The request with one more of Anthropic's `anthropic-beta` features."""
    headers = asked.request.raw_headers
    named = [value for name, value in headers if name == b"anthropic-beta"]
    if any(beta in value for value in named):
        return asked
    kept = [header for header in headers if header[0] != b"anthropic-beta"]
    more = [*kept, (b"anthropic-beta", b",".join([*named, beta]))]
    request = structs.replace(asked.request, raw_headers=more, known=None)  # what is known is of the head as it came
    return Asked(route=asked.route, view=asked.view, request=request)
