"""What a caller asks the sandbox to do to one call: by `x-sandbox-*` headers, by the model's name, or by chance."""

import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from floorline.errors import BadInput

Fault = Literal[
    "",
    "reset",
    "reset-mid-stream",
    "truncate",
    "garbage",
    "bad-body",
    "hang",
    "hang-mid-stream",
    "error-mid-stream",
    "slow-headers",
    "until-close",
    "gzip",
    "100-continue",
    "early-hints",
    "bytes-after",
    "close-after",
]
FAULTS: tuple[Fault, ...] = get_args(Fault)
BROKEN: frozenset[Fault] = frozenset(
    {"reset", "reset-mid-stream", "truncate", "garbage", "bad-body", "hang", "hang-mid-stream", "error-mid-stream"}
)
"""The faults after which the client does not hold the whole answer."""

PREFIX = "x-sandbox-"
_NUMBERS = {
    "status": (200, 599),
    "latency-ms": (0, 3_600_000),
    "chunks": (1, 1_000_000),
    "chunk-ms": (0, 3_600_000),
    "output-tokens": (0, 1_000_000),
    "reasoning-tokens": (0, 1_000_000),
    "cached-tokens": (0, 100_000_000),
}
_IN_NAME = re.compile(r"\+[a-z-]+=")
NAMES = (*_NUMBERS, "retry-after", "fault")


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """What is asked for one call; None and '' leave it to the sandbox.

    `status` from 400 answers with that error. `chunks` is the number of pieces of a streamed text, `chunk_ms` the pause
    between them. `fault` is one of `FAULTS`.
    """

    status: int | None = None
    retry_after: str = ""
    latency_ms: int | None = None
    chunks: int | None = None
    chunk_ms: int = 0
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    fault: Fault = ""

    @property
    def harmless(self) -> bool:
        """Whether the call is to be answered in full."""
        return not self.fault and (self.status is None or self.status < 400)


UNASKED = Controls()
"""A call that asks for nothing."""


def by_headers(headers: Mapping[str, str]) -> Controls:
    """The controls in a request's headers, their names in lower case. BadInput for one that is unknown or unreadable."""
    asked = [(name[len(PREFIX) :], value) for name, value in headers.items() if name.startswith(PREFIX)]
    return _read(UNASKED, asked) if asked else UNASKED


def by_model(model: str, controls: Controls) -> tuple[str, Controls]:
    """The model's name without its controls (`gpt-4o+status=500+retry-after=2`), and these over `controls`. A plus that
    no control follows is part of the name.
    """
    if "+" not in model:
        return model, controls
    found = _IN_NAME.search(model)
    if found is None:
        return model, controls
    asked = (part.partition("=") for part in model[found.start() + 1 :].split("+"))
    return model[: found.start()], _read(controls, [(key, value) for key, _, value in asked])


def _read(controls: Controls, asked: Iterable[tuple[str, str]]) -> Controls:
    found: dict[str, object] = {}
    for name, value in asked:
        if name in _NUMBERS:
            found[name.replace("-", "_")] = _number(name, value)
        elif name == "fault":
            if value not in FAULTS:
                raise BadInput(f"fault {value!r} is unknown: use one of {', '.join(FAULTS[1:])}")
            found["fault"] = value
        elif name == "retry-after":
            found["retry_after"] = value
        else:
            raise BadInput(f"the control {name!r} is unknown: use one of {', '.join(NAMES)}")
    return replace(controls, **found)


def _number(name: str, value: str) -> int:
    least, most = _NUMBERS[name]
    if not (value.isascii() and value.isdigit() and least <= int(value) <= most):
        raise BadInput(f"{name} is {value!r}: write a whole number from {least} to {most}")
    return int(value)


CHAOS: tuple[Controls, ...] = (
    Controls(status=429, retry_after="1"),
    Controls(status=500),
    Controls(status=503),
    Controls(status=529),
    Controls(fault="reset"),
    Controls(fault="reset-mid-stream"),
    Controls(fault="truncate"),
    Controls(fault="garbage"),
    Controls(fault="bad-body"),
    Controls(fault="error-mid-stream"),
    Controls(fault="slow-headers"),
    Controls(fault="close-after"),
    Controls(latency_ms=2_000),
)
"""The ways in which chaos treats a call, each as likely. None of them leaves a client without an end."""


class Chaos:
    """Treats a share of the calls badly, in an order that the seed decides. A call that asks for a fault or an error of
    its own gets that.
    """

    def __init__(self, share: float, seed: int) -> None:
        self._share = share
        self._random = random.Random(seed)  # noqa: S311 - chance that repeats with its seed

    def over(self, controls: Controls) -> Controls:
        """The controls of the next call."""
        if not self._share or not controls.harmless or self._random.random() >= self._share:
            return controls
        drawn = self._random.choice(CHAOS)
        return replace(
            controls,
            status=drawn.status,
            retry_after=drawn.retry_after,
            fault=drawn.fault,
            latency_ms=drawn.latency_ms or controls.latency_ms,
        )
