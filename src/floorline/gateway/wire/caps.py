"""Bounds of an answer in each dialect's words: how many tokens it may have, how hard a model may think. Lowered or set, never
raised; every other byte of the body stays as it came.
"""

from collections.abc import Mapping, Sequence
from typing import cast

import msgspec

from floorline.gateway.wire.members import found_at, found_in, members, text, with_in
from floorline.guardrails.output import EFFORTS, Effort, Thinking, lowered, lowered_effort, lowered_thinking

Path = tuple[str, ...]

THINKING_TOKENS_MIN = 1_024
"""Anthropic takes no smaller budget, and none that leaves no token for the answer."""

_CHAT = (("max_completion_tokens",), ("max_tokens",))
_MAX_TOKENS = (("max_tokens",),)
_GOOGLE = (
    ("generationConfig", "maxOutputTokens"),
    ("generationConfig", "max_output_tokens"),
    ("generation_config", "maxOutputTokens"),
    ("generation_config", "max_output_tokens"),
)
_CONVERSE = (("inferenceConfig", "maxTokens"),)
_OUTPUT: Mapping[str, Sequence[Path]] = {
    "chat.completions": _CHAT,
    "responses": (("max_output_tokens",),),
    "completions": _MAX_TOKENS,
    "messages": _MAX_TOKENS,
    "generateContent": _GOOGLE,
    "streamGenerateContent": _GOOGLE,
    "converse": _CONVERSE,
    "converse-stream": _CONVERSE,
    "invoke": _MAX_TOKENS,
    "invoke-stream": _MAX_TOKENS,
}
"""Where each endpoint's requests say how long an answer may become; a request without any gets the first."""

_GOOGLE_THINKING = tuple(
    [
        (outer, inner)
        for outer in ("generationConfig", "generation_config")
        for inner in ("thinkingConfig", "thinking_config")
    ]
)
_ANTHROPIC_EFFORT, _ANTHROPIC_TOKENS = ("output_config", "effort"), ("thinking", "budget_tokens")
_BELOW_CONVERSE = ("additionalModelRequestFields",)
_INVOKED = frozenset({"invoke", "invoke-stream"})
_CONVERSED = frozenset({"converse", "converse-stream"})
_GENERATED = frozenset({"generateContent", "streamGenerateContent"})

_EFFORTS: Mapping[str, Sequence[Path]] = {
    "chat.completions": (("reasoning_effort",), ("reasoning", "effort")),
    "responses": (("reasoning", "effort"),),
    "messages": (_ANTHROPIC_EFFORT,),
    "invoke": (_ANTHROPIC_EFFORT,),
    "invoke-stream": (_ANTHROPIC_EFFORT,),
    "converse": (_BELOW_CONVERSE + _ANTHROPIC_EFFORT,),
    "converse-stream": (_BELOW_CONVERSE + _ANTHROPIC_EFFORT,),
    **dict.fromkeys(
        _GENERATED, tuple([(*path, name) for path in _GOOGLE_THINKING for name in ("thinkingLevel", "thinking_level")])
    ),
}
_TOKENS: Mapping[str, Sequence[Path]] = {
    "chat.completions": (("reasoning", "max_tokens"),),
    "messages": (_ANTHROPIC_TOKENS,),
    "invoke": (_ANTHROPIC_TOKENS,),
    "invoke-stream": (_ANTHROPIC_TOKENS,),
    "converse": (_BELOW_CONVERSE + _ANTHROPIC_TOKENS,),
    "converse-stream": (_BELOW_CONVERSE + _ANTHROPIC_TOKENS,),
    **dict.fromkeys(
        _GENERATED,
        tuple([(*path, name) for path in _GOOGLE_THINKING for name in ("thinkingBudget", "thinking_budget")]),
    ),
}

_count = msgspec.json.Decoder(int)
_word = msgspec.json.Decoder(str)


def thinking(endpoint: str, body: bytes) -> Thinking:
    """What a request asks of its model's thinking."""
    held = members(body)
    efforts = [effort for path in _EFFORTS.get(endpoint, ()) if (effort := _word_in(held, path)) is not None]
    tokens = [count for path in _TOKENS.get(endpoint, ()) if (count := _count_in(held, path)) is not None]
    return Thinking(effort=efforts[0] if efforts else "", tokens=tokens[0] if tokens else None)


def capped_output(endpoint: str, body: bytes, most: int, *, older_name: bool = False) -> bytes:
    """The request for an answer of at most `most` tokens. `older_name`: a chat that has no bound gets `max_tokens`, which is
    what providers other than OpenAI know.
    """
    paths = _OUTPUT.get(endpoint, ())
    if not paths or (endpoint in _INVOKED and not _is_anthropic(body)):
        return body
    held = members(body)
    stated = {path: asked for path in paths if (asked := _count_in(held, path)) is not None}
    over = [path for path, asked in stated.items() if lowered(asked, most) is not None]
    if not stated:
        over = [_unstated(endpoint, held, older_name=older_name)]
    for path in over:
        body = _with(body, path, b"%d" % most) if len(over) > 1 else _with_in(body, held, path, b"%d" % most)
    return _leaving_room(endpoint, body, most) if "thinking" in held or endpoint in _CONVERSED else body


def _unstated(endpoint: str, held: Mapping[str, msgspec.Raw], *, older_name: bool) -> Path:
    """Where a bound goes that the request does not state."""
    paths = _OUTPUT[endpoint]
    if endpoint == "chat.completions" and older_name:
        return paths[1]
    spelled = endpoint in _GENERATED and found_in(held, ("generation_config",)) is not None
    return ("generation_config", "max_output_tokens") if spelled else paths[0]


def _leaving_room(endpoint: str, body: bytes, most: int) -> bytes:
    """A body of Anthropic's whose thinking would leave no token of `most` for the answer gets half of them for its thinking, or
    none where that is less than a budget can be.
    """
    for path in _TOKENS.get(endpoint, ()):
        if path[-2:] == _ANTHROPIC_TOKENS:
            asked = _count_at(body, path)
            if asked is not None and asked >= most:
                return _with_thinking(body, path, most // 2)
    return body


def capped_thinking(endpoint: str, body: bytes, most: int) -> bytes:
    """The request for at most `most` tokens of thinking, where it states a budget; in Google's dialect also where it does not."""
    stated = False
    for path in _TOKENS.get(endpoint, ()):
        asked = _count_at(body, path)
        stated = stated or asked is not None
        if asked is not None and lowered_thinking(asked, most) is not None:
            body = (
                _with_thinking(body, path, most) if path[-2:] == _ANTHROPIC_TOKENS else _with(body, path, b"%d" % most)
            )
    if not stated and endpoint in _GENERATED and not thinking(endpoint, body).effort:
        body = _with(body, ("generationConfig", "thinkingConfig", "thinkingBudget"), b"%d" % most)
    return body


def _with_thinking(body: bytes, path: Path, tokens: int) -> bytes:
    """A body of Anthropic's with that budget, or without thinking where it is too small for one."""
    if tokens >= THINKING_TOKENS_MIN:
        return _with(body, path, b"%d" % tokens)
    return _with(body, path[:-1], b'{"type":"disabled"}')


def capped_effort(endpoint: str, body: bytes, most: Effort) -> bytes:
    """The request for an effort of at most `most`; one that states none gets it in the dialects that think unasked."""
    stated = False
    for path in _EFFORTS.get(endpoint, ()):
        asked = _word_in(members(body), path)
        stated = stated or asked is not None
        if asked is not None and lowered_effort(asked, most) is not None:
            body = _with_effort(endpoint, body, path, most)
    if stated:
        return body
    if endpoint == "chat.completions" and found_at(body, ("reasoning",)) is None:
        return _with(body, ("reasoning_effort",), text(most))
    if endpoint in ("chat.completions", "responses"):
        return _with(body, ("reasoning", "effort"), text(most))
    if endpoint in _GENERATED and thinking(endpoint, body).tokens is None:
        return _with(body, ("generationConfig", "thinkingConfig", "thinkingLevel"), text(_googles(most)))
    return body


def _with_effort(endpoint: str, body: bytes, path: Path, most: Effort) -> bytes:
    """The effort as the dialect has a word for it."""
    if endpoint in _GENERATED:
        return _with(body, path, text(_googles(most)))
    if path[-2:] != _ANTHROPIC_EFFORT:
        return _with(body, path, text(most))
    if most == "none":
        body = _with(body, (*path[:-2], "thinking"), b'{"type":"disabled"}')
    return _with(body, path, text(max(most, "low", key=_rank)))


def _googles(most: Effort) -> str:
    """Google's levels are four."""
    return min(max(most, "minimal", key=_rank), "high", key=_rank)


def _rank(effort: str) -> int:
    return EFFORTS.index(cast("Effort", effort))


def _is_anthropic(body: bytes) -> bool:
    """Whether what Bedrock passes on to a model by `invoke` is in Anthropic's words."""
    return "anthropic_version" in members(body)


def _count_at(body: bytes, path: Path) -> int | None:
    return _count_in(members(body), path)


def _count_in(held: Mapping[str, msgspec.Raw], path: Path) -> int | None:
    found = found_in(held, path)
    try:
        return None if found is None else _count.decode(found)
    except msgspec.DecodeError:
        return None


def _word_in(held: Mapping[str, msgspec.Raw], path: Path) -> str | None:
    found = found_in(held, path)
    try:
        return None if found is None else _word.decode(found)
    except msgspec.DecodeError:
        return None


def _with(body: bytes, path: Path, value: bytes) -> bytes:
    """The body with that member; as it was where something on the way is no object, which its provider refuses."""
    return _with_in(body, members(body), path, value)


def _with_in(body: bytes, held: Mapping[str, msgspec.Raw], path: Path, value: bytes) -> bytes:
    try:
        return with_in(body, held, path, value)
    except msgspec.ValidationError:
        return body
