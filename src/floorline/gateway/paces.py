"""How soon each target answers, and how much: averages of what one process has seen lately."""

from floorline.gateway.underway import Try

SETTLED = 8
"""An average moves by one in so many, so that it follows its target within some calls."""


class Pace:
    """What is known of one target. None: nothing yet. Times are of whole answers and of streams apart: of a stream the first byte
    comes long before its last.
    """

    __slots__ = ("output_tokens", "stream_us", "whole_us")

    def __init__(self) -> None:
        self.whole_us: int | None = None
        self.stream_us: int | None = None
        self.output_tokens: int | None = None

    def first_byte_us(self, *, streamed: bool) -> int | None:
        """How long it is until its answer begins."""
        return self.stream_us if streamed else self.whole_us


class Paces:
    """Every target's, by its provider and its name for the model."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Pace] = {}

    def of(self, provider: str, model: str) -> Pace:
        """One target's."""
        found = self._known.get((provider, model))
        if found is None:
            found = self._known[provider, model] = Pace()
        return found

    def learn(self, one: Try, *, streamed: bool) -> None:
        """An attempt has ended. One that failed says nothing: its breaker knows."""
        if not 200 <= one.status < 300 or not one.first_byte_ns:
            return
        pace, took_us = self.of(one.provider.name, one.model), (one.first_byte_ns - one.started_ns) // 1_000
        if streamed:
            pace.stream_us = _moved(pace.stream_us, took_us)
        else:
            pace.whole_us = _moved(pace.whole_us, took_us)
        usage = None if one.usage is None else one.usage.usage
        if usage is not None:
            pace.output_tokens = _moved(pace.output_tokens, usage.tokens - usage.input_tokens)


def _moved(before: int | None, now: int) -> int:
    return now if before is None else before + (now - before) // SETTLED
