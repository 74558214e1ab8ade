"""Prompts as the ledger and the content store have them, for the pure part.

content store ▸ samples (their words)        ┐
ledger ▸ counts of those calls, slices of all ┴▸ prompts.audit, prompts.diff
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from importlib import resources
from typing import Literal, NamedTuple, TypeVar

import msgspec

from floorline.clock import day_of, timezone
from floorline.errors import BadInput
from floorline.jobs.backlogging import FirstDay
from floorline.ledger.content import Kept
from floorline.ledger.surface import AnyLedger
from floorline.margin import queries
from floorline.margin.attribution import Names
from floorline.margin.policy import Policies
from floorline.pricing.book import PriceBook
from floorline.prompts.audit import TURNS_MAX, Feature, Sample, TurnMark, audit
from floorline.prompts.counting import Counted, ratios
from floorline.prompts.diff import OfModel, Recorded
from floorline.prompts.said import Said
from floorline.prompts.volume import Cached, Resolve, Slice
from floorline.query import Parameter, Query

Row = TypeVar("Row")
WINDOW_DAYS = 30
SAMPLES_MAX = 2_000
"""Of one feature: the newest that are kept are read."""

_IDS = 500
"""Of calls that are asked for at once."""

_SQL = resources.files("floorline.jobs").joinpath("sql")


class CallRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of prompt_calls.sql."""

    id: str
    prompt: str
    provider: str
    model: str
    counted: int


class SliceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of prompt_slices.sql."""

    feature: str
    prompt: str
    provider: str
    model: str
    cached: Cached
    calls: int
    priced: int
    usage: dict[str, Decimal]


class Window(NamedTuple):
    """Days in the reporting timezone, from `start` to the day before `end`."""

    start: date
    end: date

    @property
    def days(self) -> int:
        """How many."""
        return (self.end - self.start).days


class Captured(NamedTuple):
    """A captured call of the window that could be read."""

    id: str
    feature: str
    subject: str
    said: Said


class Prompts:
    """The prompts of one ledger. `read` makes words of a captured request, or says why it cannot."""

    def __init__(
        self, ledger: AnyLedger, policies: Policies, book: PriceBook, *, read: Callable[[bytes], Said | str]
    ) -> None:
        self._ledger, self._policies, self._book, self._read = ledger, policies, book, read
        self._names = Names([*ledger.query(queries.aliases()), *policies.aliases])

    def today(self, now: datetime) -> date:
        """The day of `now` in the ledger's timezone."""
        return day_of(now, timezone(self._ledger.timezone))

    def window(self, now: datetime) -> Window:
        """The last WINDOW_DAYS whole days, from the first one with calls on; today when there is none before it."""
        today = self.today(now)
        start = today - timedelta(days=WINDOW_DAYS)
        first = self._ask("backlog_first_day", FirstDay, start=start, end=today, timezone=self._ledger.timezone)
        if first and start <= first[0].first < today:
            return Window(first[0].first, today)
        return Window(today, today + timedelta(days=1))

    def audit(self, kept: Iterable[Kept], window: Window, now: datetime, *, feature: str = "") -> list[Feature]:
        """What the prompts of `kept` cost, of one feature or of all; nothing where none is kept."""
        captured, unread = self._captured(kept, window, feature)
        slices = [one for one in self._slices(window) if not feature or one.feature == feature]
        return audit(self._samples(captured, window), slices, unread, window.days, self._resolver(now))

    def recorded(self, kept: Iterable[Kept], window: Window, feature: str, *, prompt: str = "") -> Recorded:
        """What a change to a prompt of `feature` is reckoned by; of the calls that have `prompt` alone, where it is given.
        BadInput when there is no such call.
        """
        slices = [one for one in self._slices(window) if one.feature == feature]
        names = sorted({one.prompt for one in slices})
        if not slices:
            raise BadInput(f"{feature!r} has no call with a prompt from {window.start} on: see floorline margin")
        if prompt:
            slices = [one for one in slices if one.prompt == prompt]
            if not slices:
                raise BadInput(f"{feature!r} has no prompt {prompt!r}, it has {', '.join(names[:10])}")
        counted: defaultdict[tuple[str, str, str], list[Counted]] = defaultdict(list)
        captured, _ = self._captured(kept, window, "")
        for one in self._samples(captured, window):
            if one.tokens is not None:
                counted[one.feature, one.provider, one.model].append(Counted(one.size, one.tokens))
        known, models = ratios(counted), sorted({(one.provider, one.model) for one in slices})
        return Recorded(
            feature=feature,
            start=window.start,
            end=window.end,
            slices=tuple(slices),
            ratios=tuple(
                OfModel(provider=provider, model=model, ratio=known.of(feature, provider, model))
                for provider, model in models
            ),
        )

    def _captured(
        self, kept: Iterable[Kept], window: Window, only: str
    ) -> tuple[list[Captured], list[tuple[str, str]]]:
        zone = timezone(self._ledger.timezone)
        found: list[Captured] = []
        unread: list[tuple[str, str]] = []
        taken: defaultdict[str, int] = defaultdict(int)
        for content, subject in kept:
            day = day_of(content.at, zone)
            feature = self._feature(content.feature, day)
            if not window.start <= day < window.end or taken[feature] >= SAMPLES_MAX or (only and feature != only):
                continue
            taken[feature] += 1
            said = self._read(content.request)
            if isinstance(said, Said):
                found.append(Captured(content.call_id, feature, subject, said))
            else:
                unread.append((feature, said))
        return found, unread

    def _samples(self, captured: Sequence[Captured], window: Window) -> Iterator[Sample]:
        """Those of which the ledger knows: a call that is still on its way, or no production, is none."""
        rows: dict[str, CallRow] = {}
        for first in range(0, len(captured), _IDS):
            ids = [one.id for one in captured[first : first + _IDS]]
            rows |= {
                row.id: row for row in self._ask("prompt_calls", CallRow, start=window.start, end=window.end, ids=ids)
            }
        for one in captured:
            row = rows.get(one.id)
            if row is not None:
                yield _sample(one, row)

    def _slices(self, window: Window) -> list[Slice]:
        asked = {"start": window.start, "end": window.end, "timezone": self._ledger.timezone}
        return [
            Slice(
                feature=self._feature(row.feature, window.start),
                prompt=row.prompt,
                provider=row.provider,
                model=row.model,
                cached=row.cached,
                calls=row.calls,
                priced=row.priced,
                usage={unit: int(quantity) for unit, quantity in row.usage.items()},
            )
            for row in self._ask("prompt_slices", SliceRow, **asked)
        ]

    def _feature(self, name: str, day: date) -> str:
        return self._names.resolve("feature", name, day.toordinal())

    def _resolver(self, now: datetime) -> Resolve:
        return lambda provider, model: self._book.resolve(provider, model, now, {})

    def _ask(
        self,
        name: Literal["prompt_calls", "prompt_slices", "backlog_first_day"],
        row: type[Row],
        **parameters: Parameter,
    ) -> list[Row]:
        sql = _SQL.joinpath(f"{name}.sql").read_text(encoding="utf-8")
        return self._ledger.query(Query(sql=sql, row=row, parameters=parameters))


def _sample(of: Captured, row: CallRow) -> Sample:
    said = of.said
    return Sample(
        feature=of.feature,
        prompt=row.prompt,
        provider=row.provider,
        model=row.model,
        subject=of.subject,
        instructions=said.instructions,
        tools=said.tools,
        turns=tuple(TurnMark(turn.role, hash(turn.text), turn.size) for turn in said.turns[:-1][:TURNS_MAX]),
        size=said.size,
        tokens=row.counted if row.counted and not said.other else None,
    )
