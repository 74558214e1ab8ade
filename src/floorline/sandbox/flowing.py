"""Live traffic of the demo company: what its users asked yesterday at this hour, asked again through its gateway until somebody stops it."""

import json
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from http.client import HTTPConnection, HTTPException

from floorline.money import ZERO
from floorline.sandbox import company as own
from floorline.sandbox.rows import UsageRow
from floorline.sandbox.scene import MESSAGE_TOKENS
from floorline.sandbox.story import REPEATED, as_asked

CALLERS = 8
FASTER = 3
"""How much faster than yesterday: so that a page moves while somebody looks at it."""

PER_S_MIN, PER_S_MAX = 1 / 3, 5.0
HOURS_MAX = 12
"""After this long nobody looks any more."""

PROMPT_TOKENS_MAX = 4_000
FAILING = 0.01
_OUT_OF_ORDER = 529
_TIMEOUT_S = 60
_REMEMBERED = 50
_WORDS = {
    own.CONTRACTS: "Name the clause of this contract that limits liability, and its cap. ",
    own.SUPPORT: "The parcel arrived open and one item is missing. What can you do? ",
    own.REPORTS: "Write the section on churn: figures first, then causes. ",
    own.CODE: "Why does this loop never end? while n > 0: print(n) ",
}


@dataclass(slots=True, kw_only=True)
class Flowed:
    """What came of the calls so far: `failed` ones had an answer from 400 on that was no refusal, `broken` ones none at all."""

    calls: int = 0
    hits: int = 0
    refused: int = 0
    failed: int = 0
    broken: int = 0
    cost: Decimal = ZERO
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, status: int, headers: Mapping[str, str]) -> None:
        """One more; status 0 is a connection that broke."""
        with self.lock:
            self.calls += 1
            self.hits += headers.get("x-floorline-cache") == "hit"
            self.refused += status in {402, 429}
            self.failed += status >= 400 and status not in {402, 429}
            self.broken += status == 0
            self.cost += Decimal(headers.get("x-floorline-cost-usd") or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that was made, which may be made again word for word."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Flow:
    """Calls through the gateway at `port`, as `rows` of a day have them; `keys` are the features' virtual keys."""

    def __init__(self, rows: Iterable[UsageRow], keys: Mapping[str, str], port: int, seed: int) -> None:
        self._by_hour = _by_hour(rows)
        self._keys, self._port = keys, port
        self._rng = random.Random(seed)  # noqa: S311 - sampling, not secrets
        self._earlier: deque[Asked] = deque(maxlen=_REMEMBERED)
        self._number = 0
        self.flowed = Flowed()

    def run(self, stopped: threading.Event, tell: Callable[[Flowed], None], hours: float = HOURS_MAX) -> None:
        """Until it is stopped, and `hours` at most."""
        end = time.monotonic() + hours * 3_600
        with ThreadPoolExecutor(CALLERS) as callers:
            while time.monotonic() < end:
                hour = self._by_hour[datetime.now(UTC).hour]
                if stopped.wait(self._rng.expovariate(_per_s(len(hour)))):
                    break
                if hour:
                    callers.submit(self._call, self._next(self._rng.choice(hour)))
                    tell(self.flowed)
            callers.shutdown(cancel_futures=True)

    def _next(self, row: UsageRow) -> Asked:
        """The next request: of the code assistant now and then one that was made before."""
        if row.feature == own.CODE and self._earlier and self._rng.random() < REPEATED:
            return self._rng.choice(self._earlier)
        self._number += 1
        asked = self._asked(row)
        if row.feature == own.CODE:
            self._earlier.append(asked)
        return asked

    def _asked(self, row: UsageRow) -> Asked:
        headers = {
            "content-type": "application/json",
            "x-floorline-customer": row.customer_id,
            "x-floorline-user": row.user_id,
            "x-floorline-plan": row.plan,
            "x-floorline-workflow": row.workflow,
            "x-floorline-step": row.step,
            "x-floorline-call-type": row.call_type,
            "x-floorline-run": f"live/{row.run_id}",
            "x-sandbox-output-tokens": str(max(row.output_tokens - row.reasoning_tokens, 1)),
            "x-sandbox-reasoning-tokens": "0",
        }
        if row.baseline:
            headers["x-floorline-prompt"] = row.baseline
        if self._rng.random() < FAILING:
            headers["x-sandbox-status"] = str(_OUT_OF_ORDER)
        path, credential, body = _body(row, self._keys[row.feature], self._number)
        return Asked(path=path, headers={**headers, **credential}, body=json.dumps(body).encode())

    def _call(self, asked: Asked) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_S)
        try:
            connection.request("POST", asked.path, asked.body, dict(asked.headers))
            with connection.getresponse() as response:
                response.read()
            self.flowed.take(response.status, dict(response.headers.items()))
        except (OSError, HTTPException):
            self.flowed.take(0, {})
        finally:
            connection.close()


def _per_s(calls_an_hour: int) -> float:
    return min(max(FASTER * calls_an_hour / 3_600, PER_S_MIN), PER_S_MAX)


def _by_hour(rows: Iterable[UsageRow]) -> list[list[UsageRow]]:
    """The calls that a gateway can make, as they were asked for, by the hour of their day."""
    hours: list[list[UsageRow]] = [[] for _ in range(24)]
    for row in rows:
        if row.model in own.MODELS and row.call_type != "rerank" and row.input_tokens and row.customer_id:
            hours[row.timestamp.hour].append(as_asked(row))
    return hours


def _body(row: UsageRow, key: str, number: int) -> tuple[str, dict[str, str], dict[str, object]]:
    """Path, credential and body in the dialect of the row's model. No two are alike: they begin with their number."""
    words = f"{number}. {_WORDS[row.feature]}"
    size = 4 * max(min(row.input_tokens, PROMPT_TOKENS_MAX) - MESSAGE_TOKENS, 1)  # a token is four bytes there
    said = (words * (size // len(words) + 1))[: max(size, len(words))]
    bearer = {"authorization": f"Bearer {key}"}
    if row.call_type == "embedding":
        return "/v1/embeddings", bearer, {"model": row.model, "input": said}
    messages = [{"role": "user", "content": said}]
    cap = max(row.output_tokens, 1)
    if row.provider == own.STRONG.provider:
        anthropic = {"x-api-key": key, "anthropic-version": "2023-06-01"}
        is_streamed = row.feature == own.CODE
        return (
            "/v1/messages",
            anthropic,
            {"model": row.model, "max_tokens": cap, "messages": messages, "stream": is_streamed},
        )
    return "/v1/chat/completions", bearer, {"model": row.model, "max_completion_tokens": cap, "messages": messages}
