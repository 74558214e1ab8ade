"""Every page of the dashboard over many calls: what it asks of the store, how long the server takes, and what it weighs.

The real application answers in this process, without sockets, over a ledger that filling.py fills: what is measured is from a
request's arrival to its compressed answer. *Cold* builds the page in a process that remembers nothing, *start* in one that was started
anew and has what the one before it remembered, *again* in one that has built it before; both have had a call and an outcome of today
since. *Warm* may use what was built before.
"""

import asyncio
import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, NamedTuple, cast
from urllib.parse import quote, unquote

import msgspec
from starlette.types import Message, Scope

from floorline.bench.filling import END, fill
from floorline.bench.report import Sheet
from floorline.ledger.changes import Changes
from floorline.ledger.ledger import Ledger
from floorline.ledger.store import Store
from floorline.margin.policy import Policies
from floorline.web.answering import Answering
from floorline.web.app import Site
from floorline.web.assets import PATH as STATIC
from floorline.web.assets import Assets
from floorline.web.blocks import Shown
from floorline.web.desk import Desk
from floorline.web.drawing import Chrome, Drawing
from floorline.web.faces import Build, Faces
from floorline.web.memo import Holding, Memo
from floorline.web.pages import VIEWS
from floorline.web.params import Params
from floorline.web.view import View
from floorline.web.who import Who

COLD, WARM = 5, 20
COLD_SECONDS_MAX = 10
"""A page that takes longer than this in all is asked less often."""

SERVER_MS_MAX, FIRST_BYTES_MAX, AFTER_BYTES_MAX = 300, 1_200_000, 100_000
QUARTER = "?days=90"
NOW = datetime(END.year, END.month, END.day, tzinfo=UTC) - timedelta(seconds=1)
COLUMNS = (
    "page", "queries", "rows read", "cold CPU ms", "cold p50 ms", "cold p95 ms", "start CPU ms", "start p50 ms", "start p95 ms",
    "again CPU ms", "again p50 ms", "again p95 ms", "warm p50 ms", "warm p95 ms", "first KB", "after KB", "over",
)  # fmt: skip
_NAMES: Mapping[str, str] = {"feature": "feature-0", "customer": "customer-7", "workflow": "workflow-0"}
_ADDRESS = re.compile(rf'"({STATIC}[^"?#]+)"')
COUNTERS = "SELECT event, value FROM system.events WHERE event IN ('SelectQuery', 'SelectedRows')"


class Asked(NamedTuple):
    """What the engine was asked: queries, and rows that it read for them."""

    queries: int
    rows: int


class Answer(NamedTuple):
    """One answer: its status, its body as it was sent, the server's time, and the processor's, the engine's own included."""

    status: int
    body: bytes
    seconds: float
    processor: float


class _Reader:
    """Access of one who may see everything."""

    def knows_host(self, host: str) -> bool:
        """Any name."""
        return bool(host)

    def identify(self, headers: Mapping[str, str]) -> Who | None:
        """Always the same."""
        del headers
        return Who(name="bench", role="admin")

    def forged(self, who: Who, headers: Mapping[str, str], presented: str) -> str:
        """Nothing is."""
        del who, headers, presented
        return ""


def run(*, rows: int = 10_000_000, kept: Path | None = None, say: Callable[[str], None]) -> Sheet:
    """Every page over `rows` calls. `kept` is a folder whose ledger is used, and filled first when it has no calls."""
    with ExitStack() as stack:
        folder = kept or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="floorline-bench-")))
        ledger = stack.enter_context(Ledger.open(folder))
        if not _calls(ledger.store):
            fill(ledger, rows, say=say)
        pages = Pages(ledger, stack.enter_context(asyncio.Runner()))
        return _sheet(pages, f"web: {_calls(ledger.store):,} calls, 10,000 customers, 90 days", say)


def _sheet(pages: "Pages", title: str, say: Callable[[str], None]) -> Sheet:
    found: list[tuple[str, ...]] = []
    for view in VIEWS:
        for address in addresses(view):
            found.append(pages.measured(address).cells())
            say(" · ".join(found[-1]))
    return Sheet(title=title, columns=COLUMNS, rows=tuple(found))


def addresses(view: View[Any]) -> list[str]:
    """A page's addresses that the made-up company has something at: of 30 days, and of 90 where it is about days."""
    path = view.path
    for name, value in _NAMES.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    if "{" in path:
        return []
    return [path, path + QUARTER] if view.windowed and "days" in view.params.__struct_fields__ else [path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One page. Requests to build it in a process that is new, in one that goes on where another ended, and in one that has built it
    before; seconds of those that need not; `first` are the bytes of the page and all that it needs, `after` those of the page.
    """

    address: str
    status: int
    asked: Asked
    cold: Sequence[Answer]
    start: Sequence[Answer]
    again: Sequence[Answer]
    warm: Sequence[float]
    first: int
    after: int

    @property
    def over(self) -> list[str]:
        """What is beyond its limit."""
        limits = (
            ("cold time", 1_000 * percentile(_seconds(self.cold), 50) > SERVER_MS_MAX),
            ("start time", 1_000 * percentile(_seconds(self.start), 50) > SERVER_MS_MAX),
            ("time", 1_000 * percentile(_seconds(self.again), 50) > SERVER_MS_MAX),
            ("first weight", self.first > FIRST_BYTES_MAX),
            ("weight", self.after > AFTER_BYTES_MAX),
            (f"status {self.status}", self.status != 200),
        )
        return [name for name, beyond in limits if beyond]

    def cells(self) -> tuple[str, ...]:
        """As COLUMNS."""
        sizes = [f"{size / 1_000:.0f}" for size in (self.first, self.after)]
        return (
            self.address, str(self.asked.queries), f"{self.asked.rows:,}", *_built(self.cold), *_built(self.start), *_built(self.again),
            *_times(self.warm), *sizes, ", ".join(self.over),
        )  # fmt: skip


def _built(answers: Sequence[Answer]) -> list[str]:
    """The least processor time, and the times of the requests."""
    return [f"{1_000 * min(answer.processor for answer in answers):.0f}", *_times(_seconds(answers))]


def _times(seconds: Sequence[float]) -> list[str]:
    return [f"{1_000 * percentile(seconds, at):.0f}" for at in (50, 95)]


def _seconds(answers: Sequence[Answer]) -> list[float]:
    return [answer.seconds for answer in answers]


def percentile(seconds: Sequence[float], percent: int) -> float:
    """By nearest rank."""
    return sorted(seconds)[-(-len(seconds) * percent // 100) - 1]


class Pages:
    """The dashboard of a ledger, with the clock at the end of its calls: once without memory of pages, once with it."""

    def __init__(self, ledger: Ledger, runner: asyncio.Runner) -> None:
        self._ledger, self._runner = ledger, runner
        desk = Desk(ledger=ledger, policies=Policies(), now=lambda: NOW)
        assets = Assets(ledger.home / "web")
        assets.prepare()
        memo: Memo[Shown] = Memo(
            now_s=time.monotonic,
            generation=lambda: 0,
            weigh=lambda _: 1,
            weight_max=len(VIEWS) * 4,
            later=lambda task: task(),
        )

        def remembered(view: View[Any], desk: Desk, params: Params) -> Shown:
            key = (view.path, msgspec.structs.replace(params, sort="", page=""))
            held_s = 600 if view.fresh_s else 0
            return memo.get(key, lambda: view.made(desk, params), Holding(fresh_s=held_s, kept_s=held_s))

        self._cold = _site(desk, assets, lambda view, desk, params: view.made(desk, params))
        self._warm = _site(desk, assets, remembered)
        self._remember()  # what a run before kept

    def measured(self, address: str) -> Measured:
        """One page, asked again and again."""
        self._remember()
        asked = engine_asked(self._ledger.store, lambda: self._ask(self._cold, address))
        cold = self._built(address, self._remember)
        start = self._built(address, self._restart)
        changes = self._remember()
        self._ask(self._cold, address)
        again = self._built(address, lambda: _turn(changes))
        self._ask(self._warm, address)
        warm = [self._ask(self._warm, address) for _ in range(WARM)]
        html = self._ask(self._warm, address, packed=False).body.decode()
        assets = sorted(set(_ADDRESS.findall(html)))
        weight = len(cold[0].body)
        return Measured(
            address=address,
            status=cold[0].status,
            asked=asked,
            cold=cold,
            start=start,
            again=again,
            warm=[answer.seconds for answer in warm],
            first=weight + sum(len(self._ask(self._cold, asset).body) for asset in assets),
            after=weight,
        )

    def _ask(self, site: Site, address: str, *, packed: bool = True) -> Answer:
        return ask(self._runner, site, address, packed=packed)

    def _built(self, address: str, before: Callable[[], object]) -> list[Answer]:
        """The page built each time, after something else."""
        found = list[Answer]()
        while len(found) < COLD and sum(_seconds(found)) < COLD_SECONDS_MAX:
            before()
            found.append(self._ask(self._cold, address))
        return found

    def _restart(self) -> None:
        """Begin to remember anew with what was kept, as the process after this one would, and have the first call of today."""
        self._ledger.keep_answers()
        _turn(self._remember())

    def _remember(self) -> Changes:
        """Begin to remember answers anew. The ledger is not written to: it is told what a call of today would change."""
        return self._ledger.remember(today=NOW.date)


def _turn(changes: Changes) -> None:
    """A call and an outcome of today have come."""
    changes.of_day("calls", NOW.date())
    changes.of_day("outcomes", NOW.date())


def _site(desk: Desk, assets: Assets, build: Build) -> Site:
    chrome = Chrome(
        views=VIEWS, assets=assets, timezone=lambda: desk.ledger.timezone, today=lambda: desk.today
    )  # fmt: skip
    drawing = Drawing(chrome)
    faces = Faces(desk=desk, draws=drawing, build=build, changed=lambda: None)
    site = Site(Answering(_Reader(), drawing.error))
    site.serve([assets.route(), *(route for view in VIEWS for route in faces.of_view(view))])
    return site


def ask(runner: asyncio.Runner, site: Site, address: str, *, packed: bool = True) -> Answer:
    """One request of a browser, answered on the loop and the threads that answered the ones before."""
    path, _, query = address.partition("?")
    headers = [(b"host", b"bench"), (b"accept", b"text/html"), *([(b"accept-encoding", b"br")] if packed else [])]
    scope: Scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http", "root_path": "",
        "path": unquote(path), "raw_path": path.encode(), "query_string": query.encode(), "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 1),
    }  # fmt: skip
    return runner.run(_answered(site, scope))


async def _answered(site: Site, scope: Scope) -> Answer:
    status, parts = 0, list[bytes]()

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            parts.append(message["body"])

    start, processor = perf_counter(), process_time()
    await site(scope, receive, send)
    return Answer(status, b"".join(parts), perf_counter() - start, process_time() - processor)


def engine_asked(store: Store, what: Callable[[], object]) -> Asked:
    """What the engine counts of queries and of rows read while `what` is done; its own reading of these counters is left out."""
    counts = [_counters(store), _counters(store)]
    what()
    counts.append(_counters(store))
    (queries, rows), (itself_queries, itself_rows) = (
        (late.queries - early.queries, late.rows - early.rows)
        for early, late in ((counts[1], counts[2]), (counts[0], counts[1]))
    )
    return Asked(queries - itself_queries, max(0, rows - itself_rows))


def _counters(store: Store) -> Asked:
    counts = dict(cast("Sequence[tuple[str, int]]", store.client.query(COUNTERS, parameters={}).result_rows))
    return Asked(counts.get("SelectQuery", 0), counts.get("SelectedRows", 0))


def _calls(store: Store) -> int:
    ((calls,),) = store.client.query("SELECT sum(calls) FROM steps_day", parameters={}).result_rows
    return cast("int", calls)
