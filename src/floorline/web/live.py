"""What the page Now shows and goes on showing: the figures of one instant, made once for everybody who listens.

    beat = beat_of(desk, scope)                     the figures
    Feed(desk).events(asked)                        the same as server-sent events, every EVERY_S seconds

Each event has an id, the instant of its figures; whoever comes back with it gets every five minutes since then.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated

import msgspec

from floorline.alerts.tuning import Tuning
from floorline.charts.live import CostMoment, row
from floorline.clock import day_of, timezone
from floorline.errors import FloorlineError
from floorline.jobs.pulse import STEP, Earned, Point, Pulse, pulse, slice_of
from floorline.jobs.reconciling import Health
from floorline.margin import queries
from floorline.margin.attribution import Names
from floorline.margin.dimensions import Scope
from floorline.web import figures
from floorline.web.blocks import Card
from floorline.web.desk import Desk
from floorline.web.http import Asked
from floorline.web.params import Params, Text, read_params

EVERY_S = 3
"""How often figures are made while anybody listens."""

CHARTS_MAX = 8
"""Features with a chart: those that spend most."""

_HOUR = timedelta(hours=1)
_AGAIN = 3 * STEP
"""Of how long every event has the points: the running five minutes, and those that late calls may still change."""


class NowParams(Params, frozen=True, kw_only=True):
    """Whose calls the page is about."""

    environment: Annotated[Text, msgspec.Meta(description="count calls of this environment; `all` for every one")] = "production"  # fmt: skip
    purpose: Annotated[Text, msgspec.Meta(description="count calls of this purpose; `all` for every one")] = (
        "production"
    )

    @property
    def scope(self) -> Scope:
        """Whose calls count."""
        return Scope(environment=self.environment, purpose=self.purpose)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """The figures of one instant."""

    pulse: Pulse
    earned: Earned
    tuning: Tuning
    zone: tzinfo
    health: Health | None
    features: tuple[str, ...]
    points: Mapping[str, list[Point]]

    @property
    def charted(self) -> list[str]:
        """The features with a chart: of those with a name and a known cost, the ones that spend most."""
        known = [feature for feature in self.features if feature and self.pulse.total(feature).is_known]
        return known[:CHARTS_MAX]

    def moments(self, feature: str, since: datetime | None = None) -> list[CostMoment]:
        """A feature's points as its chart has them, from `since` on."""
        return [
            CostMoment(
                at=point.at.astimezone(self.zone),
                usd=point.sums.cost_per_call,
                calls=point.sums.calls,
                is_unusual=point.reading == "unusual",
            )
            for point in self.points[feature]
            if since is None or point.at >= since
        ]

    def unusual_since(self, span: timedelta) -> list[str]:
        """The features that cost more than usual in any five minutes of the last `span`."""
        since = slice_of(self.pulse.now - span)
        return [
            feature
            for feature in self.features
            if any(point.reading == "unusual" and point.at >= since for point in self.points[feature])
        ]


def beat_of(desk: Desk, scope: Scope) -> Beat:
    """The figures of now."""
    now, zone = desk.now(), timezone(desk.ledger.timezone)
    names = Names([*desk.ledger.query(queries.aliases()), *desk.policies.aliases])
    found = pulse(desk.ledger, names, now, scope)
    features = tuple(found.by_spend())
    return Beat(
        pulse=found,
        earned=desk.earnings.of(desk.margins, day_of(now, zone), scope),
        tuning=desk.tuning,
        zone=zone,
        health=None if desk.health is None else desk.health(),
        features=features,
        points={feature: found.points(feature, desk.tuning) for feature in features},
    )


def lead(beat: Beat) -> str:
    """What matters now, in one sentence."""
    if not beat.features:
        return "No call in the last 24 hours."
    unusual = beat.unusual_since(_HOUR)
    if unusual:
        return f"{', '.join(unusual)}: a call costs far more than usual, within the last hour."
    return "No feature's calls cost more than usual within the last hour."


def cards(beat: Beat) -> list[Card]:
    """The figures to see first."""
    minutes, hour = beat.pulse.rate(STEP), beat.pulse.rate(_HOUR)
    since = f"since {hour.since.astimezone(beat.zone):%H:%M}"
    health = beat.health
    lag_note = "" if health is None else health.trouble or "gateways' spools to the ledger"
    return [
        Card(
            name="calls_s", title="Calls a second", value=minutes.calls_per_second, unit="number", definition="calls_per_second",
            note=f"since {minutes.since.astimezone(beat.zone):%H:%M}, {minutes.sums.calls:,} calls",
        ),
        Card(
            name="spend_h", title="Spend an hour", value=hour.usd_per_hour, unit="usd", definition="spend_per_hour",
            note=f"{since}; {hour.sums.unpriced:,} calls unpriced" if hour.sums.unpriced else since,
        ),
        Card(
            name="refused", title="Refused", value=hour.sums.refused, unit="count", definition="refused",
            note=f"of {hour.sums.calls:,} calls {since}",
        ),
        Card(
            name="hits", title="Cache hits", value=hour.share(hour.sums.hits), unit="percent", definition="cache_hits",
            note=f"{hour.sums.hits:,} of {hour.sums.calls:,} calls {since}",
        ),
        Card(
            name="lag", title="Ledger lag", value=None if health is None else health.behind_ms, unit="ms", definition="ledger_lag",
            note=lag_note, to="/quality",
        ),
    ]  # fmt: skip


class Feed:
    """Figures as events. What one listener waits for is made once and given to all that ask for the same."""

    def __init__(self, desk: Desk, *, every_s: float = EVERY_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._desk, self._every_s, self._clock = desk, every_s, clock
        self._channels: dict[Scope, _Channel] = {}

    def events(self, asked: Asked) -> AsyncIterator[str]:
        """Events until nobody takes them. Refused where the query is wrong."""
        scope = read_params(NowParams, asked.query, asked.names).scope
        return self._listen(scope, _instant(asked.header("last-event-id")))

    async def _listen(self, scope: Scope, since: datetime | None) -> AsyncIterator[str]:
        channel = self._channels.setdefault(scope, _Channel())
        channel.listeners += 1
        try:
            number = 0
            while True:
                number, beat = await self._next(channel, scope, number)
                if beat is not None:
                    yield event(beat, since)
                    since = None
        finally:
            channel.listeners -= 1
            if not channel.listeners:
                self._channels.pop(scope, None)

    async def _next(self, channel: "_Channel", scope: Scope, after: int) -> tuple[int, Beat | None]:
        """The figures that come after those of the number `after`, and theirs; None where they cannot be had now. The first
        that waits makes them, in a thread; the others find them made.
        """
        async with channel.turn:
            if channel.number <= after:
                await asyncio.sleep(max(0.0, channel.due_s - self._clock()))
                try:
                    channel.beat = await asyncio.to_thread(beat_of, self._desk, scope)
                except FloorlineError:
                    channel.beat = None  # the store may be away for a moment: the page says when its figures are of
                channel.number += 1
                channel.due_s = self._clock() + self._every_s
            return channel.number, channel.beat


@dataclass(slots=True)
class _Channel:
    """What everybody who asks for the same scope shares."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    listeners: int = 0
    number: int = 0
    due_s: float = 0.0
    beat: Beat | None = None


def event(beat: Beat, since: datetime | None = None) -> str:
    """The figures as one server-sent event: every card as it is shown, and the charts' last points, or all since an instant."""
    now = beat.pulse.now
    first = max(beat.pulse.shown_from, slice_of((since or now) - _AGAIN))
    zone_name = str(beat.zone)
    told = {
        "at": now.isoformat(),
        "clock": figures.shown(now, "instant", beat.zone),
        "lead": lead(beat),
        "cards": {
            card.name: {
                "text": None if card.value is None else figures.shown(card.value, card.unit, beat.zone),
                "exact": figures.exact(card.value, card.unit, zone_name, beat.zone),
                "note": card.note,
            }
            for card in cards(beat)
        },
        "points": {feature: [row(moment) for moment in beat.moments(feature, first)] for feature in beat.charted},
    }
    return f"id: {now.astimezone(UTC).isoformat()}\nevent: now\ndata: {msgspec.json.encode(told).decode()}\n\n"


def _instant(text: str) -> datetime | None:
    """What an event's id says; None for anything else."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
