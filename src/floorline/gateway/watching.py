"""What a call's prompt and answer are made of, noted on its record for features that are watched: how the answer ended, words before
structured output, retrieved context and worked examples. Sizes alone are kept, never a word.
"""

import re
from collections.abc import Mapping

import msgspec

from floorline.gateway.cache.taking import Taken
from floorline.gateway.metering import BYTES_A_TOKEN
from floorline.gateway.underway import UnderWay
from floorline.gateway.wire.template import template, words
from floorline.guardrails.shape import context, preamble
from floorline.prompts.wording import examples, pieces

END, PREAMBLE, CONTEXT, PIECES, EXAMPLES, EXAMPLE_PIECES = (
    "answer_end", "preamble_tokens", "context_tokens", "context_pieces", "example_tokens", "example_pieces",
)  # fmt: skip
"""Their names in a call's metadata. `answer_end` is `length`, `stop` or `unknown`; the others are absent where they are 0."""

ANSWER_BYTES_MAX = 256 << 10
"""A longer answer is not looked at."""

PROMPT_BYTES_MAX = 1 << 20
REMEMBERED_MAX = 4_096

_TEXT = re.compile(rb'"(?:content|text|delta)"\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")')
_REASON = re.compile(rb'"(?:finish_reason|stop_reason|stopReason|finishReason|reason)"\s*:\s*"(\w+)"')
_CUT = frozenset({b"length", b"max_tokens", b"max_output_tokens", b"MAX_TOKENS"})
_text = msgspec.json.Decoder(str)


class Watching:
    """Watches the calls of one gateway. What a template has of examples is worked out once."""

    def __init__(self) -> None:
        self._examples: dict[int, tuple[int, int]] = {}

    def noted(self, call: UnderWay, taken: Taken | None) -> Mapping[str, str]:
        """What the call's record says of its prompt and its answer."""
        found = {END: "unknown"}
        if taken is not None and taken.body is not None:
            found[END] = ending(taken.body)
            found |= _counts({PREAMBLE: len(preamble(said(taken.body)).encode())})
        body = call.request.body
        if len(body) <= PROMPT_BYTES_MAX:
            seen = context(said(body))
            size, shown = self._of_examples(call)
            found |= _counts({CONTEXT: seen.size, EXAMPLES: size})
            found |= {name: str(number) for name, number in ((PIECES, seen.pieces), (EXAMPLE_PIECES, shown)) if number}
        return found

    def _of_examples(self, call: UnderWay) -> tuple[int, int]:
        """Bytes of worked examples in what the application fixes, and how many there are."""
        fixed = template(call.view.held)
        key = hash(fixed.instructions)
        known = self._examples.get(key)
        if known is None:
            if len(self._examples) >= REMEMBERED_MAX:
                self._examples.clear()
            shown = examples(words(fixed))
            known = self._examples[key] = sum([len(one.encode()) for one in shown]), pieces(shown)
        return known


def said(body: bytes) -> str:
    """The texts in a request or an answer, whole or streamed, in any dialect."""
    texts: list[str] = []
    for match in _TEXT.finditer(body):
        try:
            texts.append(_text.decode(match[1]))
        except msgspec.DecodeError:
            continue
    return "".join(texts)


def ending(body: bytes) -> str:
    """How an answer says that it ended: cut by its bound (`length`), or not (`stop`)."""
    reasons = _REASON.findall(body)
    if not reasons:
        return "unknown"
    return "length" if _CUT.intersection(reasons) else "stop"


def _counts(sizes: Mapping[str, int]) -> dict[str, str]:
    """Sizes in bytes as about so many tokens, those that are not 0."""
    return {name: str(-(-size // BYTES_A_TOKEN)) for name, size in sizes.items() if size}
