"""The request of a call once more, to another model: what is asked to compare models, or to hear one several times."""

from urllib.parse import quote

import msgspec

from floorline.gateway.errand import Errand
from floorline.gateway.underway import UnderWay
from floorline.gateway.wire.members import text, with_members

_KEPT_HEADERS = frozenset({b"anthropic-version", b"anthropic-beta"})
"""What of a request's head changes what its body means."""

_BODY_NAMES = frozenset({"openai", "anthropic"})
"""Dialects whose bodies name the model, and say whether a stream is asked for."""

WHOLE = {"streamGenerateContent": "generateContent", "converse-stream": "converse"}
"""Endpoints that answer with streams, and those that answer the same in one piece."""


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """The request for a whole answer of another model, and the errand that asks it."""

    errand: Errand
    body: bytes


def again(call: UnderWay, model: str, *, step: str) -> Again | None:
    """The call's request to `model`; None where it asks for several answers, or for one that is not in one piece."""
    route, body = call.route, call.request.body
    if "n" in call.view.held and bytes(call.view.held["n"]) != b"1":
        return None
    if route.dialect in _BODY_NAMES:
        path = f"/v1{route.path}" if route.dialect == "openai" else route.path  # an Azure client's names the model
        body = with_members(body, {"model": text(model), "stream": None, "stream_options": None})
    else:
        verb, named = WHOLE.get(route.endpoint, route.endpoint), quote(model, safe="")
        path = f"/v1beta/models/{named}:{verb}" if route.dialect == "gemini" else f"/model/{named}/{verb}"
    headers = tuple([header for header in call.request.raw_headers if header[0] in _KEPT_HEADERS])
    return Again(errand=Errand(step=step, call_type="judging", path=path, headers=headers), body=body)
