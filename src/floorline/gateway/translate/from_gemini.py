"""Gemini's answers as chat completions: whole, streamed, and errors. Left out are thoughts and what was grounded on."""

from collections.abc import Sequence

import msgspec

from floorline.gateway.translate.completion import (
    UNREADABLE,
    Call,
    Chunks,
    Finish,
    Head,
    Tokens,
    Told,
    Untold,
    completion,
    failed,
    json_text,
    last_stated,
)

_FINISHES: dict[str, Finish] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
}
"""The ends of an answer in text. Any other one (a malformed call, say) is an error: it must not look like a good answer."""


class _FunctionCall(msgspec.Struct):
    name: str
    args: msgspec.Raw = msgspec.Raw(b"{}")
    id: str = ""


class _Part(msgspec.Struct, rename="camel"):
    text: str | None = None
    thought: bool = False
    function_call: _FunctionCall | None = None
    inline_data: dict[str, msgspec.Raw] | None = None


class _Content(msgspec.Struct):
    parts: list[_Part] = []


class _Candidate(msgspec.Struct, rename="camel"):
    content: _Content | None = None
    finish_reason: str | None = None
    finish_message: str = ""


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: str | None = None


class _Usage(msgspec.Struct, rename="camel"):
    prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    cached_content_token_count: int | None = None
    thoughts_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None


class _Error(msgspec.Struct):
    code: int = 500
    message: str = ""
    status: str = ""


class _Failure(msgspec.Struct):
    error: _Error


class _Response(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] = []
    usage_metadata: _Usage | None = None
    model_version: str = ""
    response_id: str = ""
    prompt_feedback: _Feedback | None = None
    error: _Error | None = None


_response = msgspec.json.Decoder(_Response)
_failure: msgspec.json.Decoder[_Failure | list[_Failure]] = msgspec.json.Decoder(_Failure | list[_Failure])


def whole(body: bytes, created: int) -> bytes:
    """The chat completion that a response is. Untold where it is none."""
    response = _read(body)
    texts: list[str] = []
    calls: list[Call] = []
    for part in _parts(response):
        if part.text:
            texts.append(part.text)
        elif part.function_call is not None:
            calls.append(_call(part.function_call, response, len(calls)))
    finish = _finish(response)
    if finish is None:
        raise Untold("gemini's answer has no reason for its end")
    return completion(
        _head(response, created), texts, calls, _with_calls(finish, len(calls)), _tokens(_stated(response))
    )


def error(status: int, body: bytes) -> Told | None:
    """The error that an answer tells; None when it is not in Google's shape."""
    try:
        failure = _failure.decode(body)
    except UNREADABLE:
        return None
    if isinstance(failure, list):
        if not failure:
            return None
        failure = failure[0]
    return Told(status=status, kind=failure.error.status, message=failure.error.message)


class Stream:
    """A stream's responses, one by one. Which is the last is not said: the answer ends where the stream does, if a reason came."""

    __slots__ = ("_begun", "_chunks", "_created", "_finish", "_usages", "ended")

    def __init__(self, created: int, *, usage_shown: bool) -> None:
        self.ended = self._begun = False
        self._created = created
        self._chunks = Chunks(usage_shown=usage_shown)
        self._finish: Finish | None = None
        self._usages: list[_Usage] = []

    def event(self, data: bytes) -> bytes:
        """What the caller gets of one response. Untold where it makes no sense."""
        response = _read(data)
        if response.error is not None:
            self.ended = True
            told = response.error
            return failed(Told(status=told.code, kind=told.status, message=told.message))
        self._usages += _stated(response)
        self._finish = _finish(response) or self._finish
        out: list[bytes] = []
        if not self._begun:
            self._begun = True
            out.append(self._chunks.begin(_head(response, self._created)))
        for part in _parts(response):
            if part.text:
                out.append(self._chunks.text(part.text))
            elif part.function_call is not None:
                out.append(self._chunks.call(_call(part.function_call, response, self._chunks.calls)))
        return b"".join(out)

    def end(self) -> bytes:
        """There are no more responses: the end, where there was a reason for it."""
        if self.ended or self._finish is None:
            return b""
        self.ended = True
        return self._chunks.end(_with_calls(self._finish, self._chunks.calls), _tokens(self._usages))


def _read(body: bytes) -> _Response:
    try:
        return _response.decode(body)
    except UNREADABLE as problem:
        raise Untold(f"gemini's answer cannot be read ({problem})") from problem


def _head(response: _Response, created: int) -> Head:
    return Head(id=response.response_id, model=response.model_version, created=created)


def _parts(response: _Response) -> list[_Part]:
    """What the first candidate says, without its thoughts; only one was asked for."""
    content = response.candidates[0].content if response.candidates else None
    parts = [] if content is None else [part for part in content.parts if not part.thought]
    if any(part.inline_data is not None for part in parts):
        raise Untold(
            "gemini answered with a picture or sound, which a chat completion has no place for: use a model that answers in text"
        )
    return parts


def _call(call: _FunctionCall, response: _Response, place: int) -> Call:
    """A call; one without an id gets one that is its own within the answer."""
    name = call.id or f"call_{response.response_id}_{place}"
    return Call(id=name, name=call.name, arguments=json_text(call.args, "gemini"))


def _finish(response: _Response) -> Finish | None:
    """Why the answer ended, None while it goes on. A prompt that was blocked has no candidates."""
    if not response.candidates:
        feedback = response.prompt_feedback
        return "content_filter" if feedback is not None and feedback.block_reason else None
    candidate = response.candidates[0]
    reason = candidate.finish_reason
    if reason is None:
        return None
    found = _FINISHES.get(reason)
    if found is None:
        more = f": {candidate.finish_message}" if candidate.finish_message else ""
        raise Untold(f"gemini ended the answer for a reason that OpenAI has no word for: {reason}{more}")
    return found


def _with_calls(finish: Finish, calls: int) -> Finish:
    """Gemini says STOP also where functions are to be called."""
    return "tool_calls" if calls and finish == "stop" else finish


def _stated(response: _Response) -> list[_Usage]:
    return [] if response.usage_metadata is None else [response.usage_metadata]


def _tokens(usages: Sequence[_Usage]) -> Tokens | None:
    """What was used: Gemini counts thoughts beside the candidates, and what its tools read beside the prompt."""
    if not usages:
        return None
    thought = last_stated(usages, "thoughts_token_count")
    return Tokens(
        prompt=last_stated(usages, "prompt_token_count") + last_stated(usages, "tool_use_prompt_token_count"),
        completion=last_stated(usages, "candidates_token_count") + thought,
        cached=last_stated(usages, "cached_content_token_count"),
        reasoning=thought,
    )
