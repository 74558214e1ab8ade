"""When one client calls and how long its calls are, on any calendar day: a day of its trace with the same weekday.

A trace of 14 days has two of each weekday. Each calendar day draws one of them, and its calls anew, so that weeks differ as
they do in life and none repeats another. Of the day's requests each is kept with the probability `scale` (above 1: whole
copies of them), at a random second of its window of 600.
"""

import math
import random
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

from floorline.sandbox.servegen import WINDOW_S, Client, Distribution, Window, gap_to_next_kept, tokens

_DAY_S = 86_400
_WEEK = 7


class Drawn(NamedTuple):
    """One call: its second of the day and its tokens."""

    at_s: float
    prompt: int
    output: int
    reasoning: int


class Use(NamedTuple):
    """What a client asks of a provider on a mean day: requests, tokens of prompts, tokens of answers (with reasoning)."""

    requests: float
    prompt: float
    output: float

    def times(self, scale: float, prompts: float = 1.0) -> "Use":
        """The use at that scale, with prompts so much longer."""
        return Use(self.requests * scale, self.prompt * scale * prompts, self.output * scale)


class _TraceDay(NamedTuple):
    windows: Sequence[Window]
    through: Sequence[int]  # requests up to the end of each window


class Habit:
    """One client's calls by the day."""

    def __init__(self, client: Client) -> None:
        self._client = client
        windows: list[list[Window]] = [[] for _ in range(client.profile.span_s // _DAY_S)]
        for window in client.profile.windows:
            windows[window.start_s // _DAY_S].append(window)
        self._days = [_TraceDay(some, [*accumulate(window.requests for window in some)]) for some in windows]
        self.mean = self._mean()
        """A mean day at scale 1."""

    def draw(self, day: int, scale: float, rng: random.Random) -> Iterator[Drawn]:
        """The calls of calendar day `day` in the order of time."""
        windows, through = rng.choice(self._like(day))
        copies = max(math.ceil(scale), 1)
        last = through[-1] * copies if through else 0
        number = gap_to_next_kept(rng, scale / copies)
        while number <= last:
            window = windows[bisect_left(through, -(-number // copies))]
            drawn = tokens(self._client.lengths_at(window.start_s), rng)
            at_s = window.start_s % _DAY_S + rng.random() * WINDOW_S
            yield Drawn(at_s, drawn["input_tokens"], drawn["output_tokens"], drawn["reasoning_tokens"])
            number += gap_to_next_kept(rng, scale / copies)

    def _like(self, day: int) -> Sequence[_TraceDay]:
        """The days of the trace with that weekday; all of a trace that has none."""
        return self._days[day % _WEEK :: _WEEK] or self._days

    def _mean(self) -> Use:
        lengths = {id(one): (_mean_of(one.input), _mean_of(one.output)) for one in self._client.lengths}
        uses = {id(day): self._use_of(day, lengths) for day in self._days}
        weekdays = [[uses[id(day)] for day in self._like(weekday)] for weekday in range(_WEEK)]
        sums = [[math.fsum(part) / len(some) for part in zip(*some, strict=True)] for some in weekdays]
        return Use._make(math.fsum(part) / _WEEK for part in zip(*sums, strict=True))

    def _use_of(self, day: _TraceDay, means: Mapping[int, tuple[float, float]]) -> Use:
        requests = prompt = output = 0.0
        for window in day.windows:
            of_prompt, of_output = means[id(self._client.lengths_at(window.start_s))]
            requests += window.requests
            prompt += window.requests * of_prompt
            output += window.requests * of_output
        return Use(requests, prompt, output)


def _mean_of(distribution: Distribution) -> float:
    before, total = 0.0, 0.0
    for value, through in zip(distribution.values, distribution.cumulative, strict=True):
        total += value * (through - before)
        before = through
    return total
