"""Live traffic of the demo: what it asks, and that it goes on until it is stopped."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from floorline.sandbox import company as own
from floorline.sandbox.flowing import Flow, Flowed
from floorline.sandbox.provider.serving import Settings
from floorline.sandbox.rows import UsageRow
from tests.sandbox.provider.conftest import serve

__all__ = ["serve"]


def row(hour: int, **changes: object) -> UsageRow:
    said = {
        "request_id": "r", "timestamp": datetime(2026, 10, 15, hour, tzinfo=UTC), "provider": own.MIDDLE.provider,
        "model": own.MIDDLE.name, "customer_id": "dev-001", "user_id": "dev-001/u1", "plan": own.PRO, "feature": own.CODE,
        "workflow": "code_chat", "step": "reply", "input_tokens": 200, "output_tokens": 40,
    }  # fmt: skip
    return UsageRow(**{**said, **changes})


def test_calls_flow_until_they_are_stopped_and_the_same_seed_asks_the_same(serve: Callable[[Settings], str]) -> None:
    port = int(serve(Settings(port=0)).rpartition(":")[2])
    rows = [row(hour) for hour in range(24) for _ in range(6_000)]  # the fastest that it goes
    flow = Flow(rows, {own.CODE: "flk_x"}, port, seed=3)
    stopped, seen = threading.Event(), []

    def tell(flowed: Flowed) -> None:
        seen.append(flowed.calls)
        if flowed.calls >= 5:
            stopped.set()

    flow.run(stopped, tell, hours=0.02)
    assert stopped.is_set()
    assert flow.flowed.calls >= 5
    assert flow.flowed.broken == 0


def test_nothing_is_asked_in_an_hour_without_calls_and_it_ends_by_itself(serve: Callable[[Settings], str]) -> None:
    port = int(serve(Settings(port=0)).rpartition(":")[2])
    flow = Flow([], {}, port, seed=1)
    begun = time.monotonic()
    flow.run(threading.Event(), lambda _: None, hours=0.0001)
    assert flow.flowed.calls == 0
    assert time.monotonic() - begun < 30


def test_a_gateway_that_is_away_breaks_calls_and_no_more() -> None:
    flow = Flow([row(hour) for hour in range(24) for _ in range(6_000)], {own.CODE: "flk_x"}, 1, seed=1)
    stopped = threading.Event()
    flow.run(stopped, lambda flowed: stopped.set() if flowed.broken else None, hours=0.02)
    assert flow.flowed.broken > 0
