"""The job that sends what waits in the outbox, and how the routes stand."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec

from floorline.charts.base import Chart
from floorline.charts.margins import MarginPoint, margin_over_time
from floorline.delivery.message import Message
from floorline.delivery.outbox import Delivery, Tally, deliveries, drain, tallies
from floorline.delivery.route import Answer, Route
from floorline.jobs.exposition import samples
from floorline.ledger.state import State

EVERY = timedelta(seconds=5)


def deliver(state: State, routes: Sequence[Route], now: datetime) -> str:
    """Send what is due; what became of it, '' when nothing was."""
    done = drain(state, routes, now, randbelow=secrets.randbelow)
    return "" if done == Tally() else str(done)


def send_test(route: Route, now: datetime) -> Answer:
    """Send a message that says it is a test, at once and past the outbox. An incident that it opens is resolved again."""
    message = Message(
        id=f"test/{route.name}/{now.isoformat()}",
        dedupe_key=f"test/{route.name}",
        action="trigger",
        severity="info",
        title=f"A test of the route {route.name}",
        text="Floorline sends its messages this way. **Nothing has happened**: `floorline alerts test` was run.",
        fields=(("Route", route.name), ("Kind", route.channel.kind)),
        chart=_example_chart(now.date()),
        at=now,
    )
    answer = route.channel.send(message, now=now)
    if answer.outcome != "taken" or route.channel.kind != "pagerduty":
        return answer
    return route.channel.send(msgspec.structs.replace(message, id=f"{message.id}/resolve", action="resolve"), now=now)


def _example_chart(today: date) -> Chart:
    """A margin of no feature, to see how charts come through."""
    points = [MarginPoint(today - timedelta(days=27 - n), Decimal(72 - n * n // 40) / 100) for n in range(28)]
    floor, band = Decimal("0.60"), Decimal("0.05")
    return margin_over_time("An example: no feature's margin", points, floor=floor, band=band, subtitle="made up")


def delivery_figures(state: State, now: datetime) -> Iterator[str]:
    """How the routes stand, in Prometheus' text format."""
    waiting: dict[str, list[Delivery]] = {}
    for one in deliveries(state):
        if one.state == "waiting":
            waiting.setdefault(one.route, []).append(one)
    yield from samples("floorline_deliveries_total", "counter", "attempts to deliver a message, by what became of them", _attempts(tallies(state)))  # fmt: skip
    yield from samples("floorline_deliveries_waiting", "gauge", "messages that a route's receiver has not taken yet", {_label(route): len(each) for route, each in waiting.items()})  # fmt: skip
    yield from samples("floorline_delivery_oldest_seconds", "gauge", "how long the oldest of them has waited", {_label(route): _waited_s(each, now) for route, each in waiting.items()})  # fmt: skip


def _attempts(by_route: Mapping[str, Tally]) -> dict[str, int]:
    return {
        f'{_label(route)},outcome="{outcome}"': count
        for route, tally in by_route.items()
        for outcome, count in (("taken", tally.taken), ("put_off", tally.put_off), ("failed", tally.failed))
    }


def _label(route: str) -> str:
    shown = route.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'route="{shown}"'


def _waited_s(waiting: Sequence[Delivery], now: datetime) -> int:
    return int((now - min(one.queued_at for one in waiting)).total_seconds())
