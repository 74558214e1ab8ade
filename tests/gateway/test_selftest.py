"""The self-test of enforcement, against real policies and against one that lets a route through."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from floorline.gateway.policy import GatewayPolicy
from floorline.gateway.selftest import unblocked
from floorline.pricing.book import PriceBook
from floorline.pricing.overrides import PriceOverride
from tests.support.serving import plain

NOW = datetime(2026, 11, 1, tzinfo=UTC)
BOOK = PriceBook(overrides=[PriceOverride(model="claude-sonnet-4-5", free=True)])


def test_every_kind_of_route_is_blocked_by_a_budget_of_a_thousandth_of_a_cent(tmp_path: Path) -> None:
    policy = GatewayPolicy(providers=plain("http://127.0.0.1:9"))
    assert asyncio.run(unblocked(policy, PriceBook(), tmp_path, NOW)) == (18, [])


def test_a_route_that_lets_calls_through_is_named(tmp_path: Path) -> None:
    policy = GatewayPolicy(providers={"anthropic": plain("http://127.0.0.1:9")["anthropic"]})
    assert asyncio.run(unblocked(policy, BOOK, tmp_path, NOW)) == (3, ["/v1/messages"])


def test_without_a_provider_there_is_no_route_to_try(tmp_path: Path) -> None:
    assert asyncio.run(unblocked(GatewayPolicy(), PriceBook(), tmp_path, NOW)) == (0, [])
