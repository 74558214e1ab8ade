"""The page Now, and its events: made once for everybody who listens, and whole again for whoever comes back."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from floorline.jobs.collecting import Collected
from floorline.jobs.reconciling import Health
from floorline.margin.dimensions import Scope
from floorline.margin.policy import Policies
from floorline.web.desk import Desk
from floorline.web.http import Asked, Refused
from floorline.web.live import Feed, NowParams, beat_of, event
from floorline.web.pages import now
from tests.margin.company import call, keep, line
from tests.support.ledger import Opener

NOW = datetime.fromisoformat("2026-03-10T12:03:20+00:00")


@pytest.fixture(scope="module")
def desk(databases, tmp_path_factory) -> Iterator[Desk]:
    opener = Opener(databases, tmp_path_factory.mktemp("now"))
    ledger = opener()
    calls = [
        call((NOW - timedelta(minutes=7 * number)).isoformat(), "acme", feature, cost)
        for number in range(100)
        for feature, cost in (("assistant", f"0.{number + 1:03}"), ("reports", None))
    ]
    keep(ledger, [
        *calls,
        *[call(f"2026-03-0{day}T10:00:00+00:00", "acme", "assistant", "0.01") for day in range(3, 9)],
        line("acme", "310", "2026-03-01", "2026-04-01"),
    ])  # fmt: skip
    yield Desk(ledger=ledger, policies=Policies(), now=lambda: NOW)
    opener.finish()


def health_at(now: datetime) -> Health:
    return Health(
        at=now, behind_ms=40, unshipped_ms=80, trouble="", collected=Collected(), gateways=(), jobs={}, revenue=None
    )


def told(text: str):
    id_, kind, data = text.strip().splitlines()
    assert kind == "event: now"
    return id_.removeprefix("id: "), json.loads(data.removeprefix("data: "))


def test_the_page_says_what_calls_cost_what_they_earn_and_what_is_unknown(desk):
    shown = now.build(desk, NowParams())
    assistant, reports = shown.table("features").rows
    assert (assistant["feature"], reports["feature"]) == ("assistant", "reports")
    assert (reports["cost"], reports["cost_per_call"], reports["unpriced"]) == (None, None, 100)
    assert assistant["cost_per_call"] == sum(Decimal(number + 1) / 1_000 for number in range(100)) / 100
    assert assistant["margin_per_call"] == assistant["earned_per_call"] - assistant["cost_per_call"]
    minutes = shown.table("minutes").rows
    assert sum(row["calls"] for row in minutes) == 200
    assert [row["at"] for row in minutes] == sorted((row["at"] for row in minutes), reverse=True)
    assert {card.name: card.value for card in shown.blocks[0].cards}["lag"] is None
    assert [chart.live for chart in shown.blocks[1].charts] == ["assistant"]


def test_a_page_without_calls_says_so(desk):
    shown = now.build(desk, NowParams(environment="nowhere"))
    assert shown.lead == "No call in the last 24 hours."
    assert [table.rows for table in shown.tables] == [[], []]


def test_an_event_has_the_last_minutes_or_all_since_whoever_comes_back_was_there(desk):
    beat = beat_of(desk, Scope())
    id_, figures = told(event(beat))
    assert datetime.fromisoformat(id_) == NOW
    assert [row["at"][11:16] for row in figures["points"]["assistant"]] == ["11:45", "11:50", "11:55", "12:00"]
    assert figures["cards"]["refused"]["text"] == "0"
    assert figures["cards"]["hits"]["note"].startswith("0 of")
    _, later = told(event(beat, NOW - timedelta(hours=2)))
    assert later["points"]["assistant"][0]["at"] == "2026-03-10T09:45:00Z"
    _, stale = told(event(beat, NOW - timedelta(days=9)))
    assert len(stale["points"]["assistant"]) == 289


def test_figures_are_made_once_for_all_that_listen(desk):
    made: list[datetime] = []

    def health() -> Health:
        made.append(NOW)
        return health_at(NOW)

    async def take(feed: Feed, count: int) -> list[str]:
        taken: list[str] = []
        async for text in feed.events(Asked(method="GET", path="/now/events")):
            taken.append(text)
            if len(taken) == count:
                return taken
        raise AssertionError("a feed has no end")

    async def listen() -> list[list[str]]:
        feed = Feed(replace(desk, health=health), every_s=0.05)
        return await asyncio.gather(*[take(feed, 2) for _ in range(20)])

    taken = asyncio.run(listen())
    assert {len(one) for one in taken} == {2}
    assert 2 <= len(made) <= 4
    assert told(taken[0][0])[1]["cards"]["lag"]["text"] == "40\u00a0ms"


def test_a_listener_whose_query_is_wrong_is_refused(desk):
    with pytest.raises(Refused, match="there is no parameter 'colour'"):
        Feed(desk).events(Asked(method="GET", path="/now/events", query="colour=red"))
