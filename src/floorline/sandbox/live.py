"""The demo's live part: the company calls through a real gateway process, which is killed in the middle and started anew.

provider process ◀── gateway process ◀── the company's callers        spool ──▶ ledger ──▶ compared with what callers saw
"""

import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from http.client import HTTPConnection, HTTPException
from importlib import resources
from pathlib import Path
from secrets import token_bytes

import msgspec

from floorline.errors import FloorlineError
from floorline.gateway.issuing import Issuer, Wish
from floorline.gateway.keyring_file import KEYRING_NAME
from floorline.gateway.secret import SECRET_NAME, file_secret
from floorline.ledger.ledger import Ledger
from floorline.ledger.state import State
from floorline.money import ZERO, text, usd_of
from floorline.pricing.book import PriceBook
from floorline.query import Query
from floorline.sandbox import company as own
from floorline.sandbox.checks import Check
from floorline.sandbox.processes import PAUSE_S, collect, free_port, gateway, provider

CALLERS = 8
RETRY_S = 30

_MODELS = {own.CONTRACTS: own.STRONG, own.SUPPORT: own.CHEAP, own.REPORTS: own.STRONG, own.CODE: own.MIDDLE}
_ASK = {
    own.CONTRACTS: "Name the clause of this contract that limits liability, and its cap. ",
    own.SUPPORT: "The parcel arrived open and one item is missing. What can you do? ",
    own.REPORTS: "Write the section on churn: figures first, then causes. ",
    own.CODE: "Why does this loop never end? while n > 0: print(n) ",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a caller got: the gateway's id of the call and what it says the call cost."""

    feature: str
    call_id: str
    cost: Decimal


def _nothing() -> None:
    """Nobody is interrupted."""


@dataclass(slots=True, kw_only=True)
class Seen:
    """What the callers saw so far; `cut_off` counts calls that they had to make again. With the answer number `middle` comes
    `in_the_middle`.
    """

    answers: list[Answer] = field(default_factory=list[Answer])
    cut_off: int = 0
    middle: int = 0
    in_the_middle: threading.Event = field(default_factory=threading.Event)
    interrupt: Callable[[], None] = _nothing
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, answer: Answer) -> None:
        """One more. The caller that gets the one in the middle interrupts, so that others still wait for theirs."""
        with self.lock:
            self.answers.append(answer)
            if len(self.answers) == self.middle:
                self.interrupt()
                self.in_the_middle.set()

    def interrupted(self) -> None:
        """A call broke off and is made again."""
        with self.lock:
            self.cut_off += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveLine:
    """One feature's calls through the gateway."""

    feature: str
    model: str
    calls: int
    cost: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What came of the live part. `killed_after` answers the gateway was killed; `lost` calls were under way and never closed,
    `lost_cost` is the estimate of what they cost.
    """

    lines: tuple[LiveLine, ...]
    calls: int
    answered: int
    killed_after: int
    down_ms: int
    cut_off: int
    lost: int
    lost_cost: Decimal
    checks: tuple[Check, ...]


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """One call that came through the gateway, as the base table has it; cost in 10^-12 USD."""

    id: str
    feature: str
    ending: str
    basis: str
    pico: int


def run_live(folder: Path, ledger: Ledger, book: PriceBook, *, calls: int, seed: int) -> Live:
    """Send `calls` calls through a gateway of its own below `folder`, kill it in the middle, and compare the ledger with
    what the callers saw.
    """
    rng = random.Random(seed)  # noqa: S311 - sampling, not secrets
    keys = _keys(folder, rng)
    with provider(folder) as upstream:
        config = _config(folder, upstream)
        port = free_port()
        serving = gateway(folder, config, port)
        seen = Seen(middle=calls // 2, interrupt=serving.kill)
        try:
            with ThreadPoolExecutor(CALLERS) as callers:
                plan = [rng.choice(tuple(_MODELS)) for _ in range(calls)]
                pending = [
                    callers.submit(_call, port, feature, keys[feature], n, seen) for n, feature in enumerate(plan)
                ]
                seen.in_the_middle.wait()
                serving.wait()
                down = time.monotonic()
                serving = gateway(folder, config, port)
                down_ms = round((time.monotonic() - down) * 1_000)
                for one in pending:
                    one.result()
        finally:
            serving.terminate()
            serving.wait()
    collect(folder, ledger, book)
    return compared(seen, stored_calls(ledger), calls=calls, killed_after=seen.middle, down_ms=down_ms)


def stored_calls(ledger: Ledger) -> Sequence[Stored]:
    """Every call that came through a gateway, as the base table has it."""
    return ledger.query(Query(sql=_sql("live_calls"), row=Stored))


def _keys(folder: Path, rng: random.Random) -> dict[str, str]:
    """A virtual key for each feature, bound to one customer that uses it."""
    customers = {
        own.CONTRACTS: ("alder-legal", own.SEAT),
        own.SUPPORT: ("birch-retail", own.RESOLVED),
        own.REPORTS: ("cedar-bank", own.ENTERPRISE),
        own.CODE: (f"pro-{rng.randrange(1, 100):03d}", own.PRO),
    }
    state = State.open(folder)
    try:
        secret = file_secret(folder / SECRET_NAME, token_bytes)
        issuer = Issuer(state, folder / KEYRING_NAME, secret, token_bytes, actor="demo")
        now = datetime.now(UTC)
        return {
            feature: issuer.create(Wish(name=feature, feature=feature, customer=customer, plan=plan), now).text
            for feature, (customer, plan) in customers.items()
        }
    finally:
        state.close()


def _config(folder: Path, upstream: str) -> Path:
    path = folder / "gateway.yaml"
    path.write_text(
        "# The demo's gateway: both providers are simulated on this machine.\n"
        "providers:\n"
        f"  openai: {{dialect: openai, base_url: {upstream}/v1, auth: none}}\n"
        f"  anthropic: {{dialect: anthropic, base_url: {upstream}, auth: none}}\n"
    )
    return path


def _call(port: int, feature: str, key: str, number: int, seen: Seen) -> None:
    """One call as an application makes it: again when its connection breaks, for as long as the gateway may be away."""
    path, headers, body = _request(feature, key, number)
    deadline = time.monotonic() + RETRY_S
    while True:
        connection = HTTPConnection("127.0.0.1", port, timeout=RETRY_S)
        try:
            connection.request("POST", path, body, headers)
            with connection.getresponse() as response:  # one that breaks off outlives its connection
                response.read()
        except (OSError, HTTPException):
            seen.interrupted()
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE_S)
            continue
        finally:
            connection.close()
        if response.status != 200:
            raise FloorlineError(f"the gateway answered a call of {feature} with {response.status}")
        cost = Decimal(response.headers["x-floorline-cost-usd"])
        seen.answered(Answer(feature=feature, call_id=response.headers["x-floorline-call-id"], cost=cost))
        return


def _request(feature: str, key: str, number: int) -> tuple[str, dict[str, str], bytes]:
    """The request in the dialect of the feature's model; no two are alike."""
    model = _MODELS[feature]
    messages = [{"role": "user", "content": f"{number}. {_ASK[feature] * (4 + number % 9)}"}]
    headers = {
        "content-type": "application/json",
        "x-floorline-workflow": own.WORKFLOWS[feature],
        "x-floorline-user": f"user-{number % 5}",
    }
    if model.provider == "anthropic":
        body: dict[str, object] = {"model": model.name, "max_tokens": 300, "messages": messages}
        return "/v1/messages", {**headers, "x-api-key": key}, json.dumps(body).encode()
    body = {"model": model.name, "messages": messages}
    return "/v1/chat/completions", {**headers, "authorization": f"Bearer {key}"}, json.dumps(body).encode()


def compared(seen: Seen, stored: Sequence[Stored], *, calls: int, killed_after: int, down_ms: int) -> Live:
    """What callers saw beside what the ledger holds."""
    closed = {row.id: row for row in stored if row.ending == "complete"}
    lost = [row for row in stored if row.ending == "lost"]
    answers = seen.answers
    in_ledger = [closed[answer.call_id] for answer in answers if answer.call_id in closed]
    checks = (
        Check(what="live calls answered", shown=f"{len(answers):,}", raw=f"{len(in_ledger):,}", raw_rows="stored"),
        Check(
            what="cost told to callers",
            shown=text(sum((answer.cost for answer in answers), ZERO)),
            raw=text(usd_of(sum(row.pico for row in in_ledger))),
            raw_rows="stored",
        ),
    )
    return Live(
        lines=tuple(_lines(answers)),
        calls=calls,
        answered=len(answers),
        killed_after=killed_after,
        down_ms=down_ms,
        cut_off=seen.cut_off,
        lost=len(lost),
        lost_cost=usd_of(sum(row.pico for row in lost)),
        checks=checks,
    )


def _lines(answers: Sequence[Answer]) -> Iterator[LiveLine]:
    found: dict[str, tuple[int, Decimal]] = {}
    for answer in answers:
        count, cost = found.get(answer.feature, (0, ZERO))
        found[answer.feature] = (count + 1, cost + answer.cost)
    for feature, (calls, cost) in sorted(found.items()):
        yield LiveLine(feature=feature, model=_MODELS[feature].name, calls=calls, cost=cost)


def _sql(name: str) -> str:
    return resources.files("floorline.sandbox").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
