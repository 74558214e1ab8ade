"""`budgets:` and `rates:`: what may be written, and what is refused."""

from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest

from floorline.cli.check_allowance import allowance_document, print_allowance
from floorline.cli.grid import plain_console
from floorline.config import parse
from floorline.gateway.policy import Sharing
from floorline.guardrails.allowance import Allowance
from floorline.guardrails.budget import Budget, Credit, Part, Soft
from floorline.guardrails.rate import Rate
from floorline.guardrails.windows import Window

PATH = Path("floorline.yaml")


def allowance(text: str) -> Allowance:
    parsed = parse(text.encode(), PATH)
    assert not parsed.problems, parsed.problems
    return parsed.config.gateway.allowance


def problem(text: str) -> str:
    found = parse(text.encode(), PATH).problems
    assert found, "nothing is wrong with it"
    return str(found[0])


def test_a_budget_says_whose_it_is_how_much_and_what_happens_at_its_limits() -> None:
    found = allowance("""
timezone: Europe/Berlin
budgets:
  - name: pro-monthly
    scope: {plan: pro, customer: each}
    limit: {usd: 20}
    window: month
    anchor_day: 15
    soft: {at: 80%, action: delay, delay: 250ms}
    hard: overage
    overage_to: 150%
    unbounded: 0.50
    thresholds: [50, 100]
    features: {search: 5}
    upgrade_url: https://example.com/upgrade
    message: Upgrade to go on.
  - {name: free, acquisition: true, scope: {plan: [free, trial]}, limit: {usd: 300}, timezone: UTC, hard: off}
""")
    monthly, search, free = found.budgets
    assert monthly == Budget(
        name="pro-monthly",
        scope=(Part(dimension="customer"), Part(dimension="plan", names=("pro",))),
        unit="usd",
        limit=Decimal(20),
        window=Window(timezone="Europe/Berlin", anchor_day=15),
        soft=Soft(percent=Decimal(80), action="delay", delay_ms=250),
        overage_limit=Decimal(30),
        unbounded=Decimal("0.50"),
        thresholds=(50, 100),
        upgrade_url="https://example.com/upgrade",
        message="Upgrade to go on.",
    )
    assert (search.name, search.within, search.limit) == ("pro-monthly/search", "pro-monthly", 5)
    assert search.scope == (*monthly.scope, Part(dimension="feature", names=("search",)))
    assert (free.hard, free.acquisition, free.window.timezone) == (False, True, "UTC")
    assert free.scope == (Part(dimension="plan", names=("free", "trial")),)
    assert found.is_hard


def test_credits_are_what_the_plan_says_one_is() -> None:
    found = allowance("""
plans: {docs: {credit: {name: documents, usd: 0.05}}}
budgets: [{name: documents, scope: {plan: docs, customer: each}, limit: {credits: 500}}]
""")
    assert found.budgets[0].credit == Credit(name="documents", measure="usd", size=Decimal("0.05"))
    assert found.budgets[0].limit_quanta == 25 * 10**12


def test_a_rate_counts_requests_tokens_or_both() -> None:
    found = allowance("rates: [{name: burst, scope: {key: each}, requests_per_minute: 60, tokens_per_minute: 90_000}]")
    assert found.rates == (Rate(name="burst", scope=(Part(dimension="key"),), requests=60, tokens=90_000),)


B = "budgets: [{name: b, "


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (B + "limit: {usd: 0}}]", "`budgets[1].limit.usd` is 0: every call would be refused"),
        (B + "scope: {customer: each}}]", "lacks `limit`"),
        (B + "limit: {usd: 1, tokens: 2}}]", "states 2 limits"),
        (B + "limit: {usd: 1}}, {name: b, limit: {usd: 2}}]", "'b' a second time"),
        (B + "limit: {usd: 1}, scope: {costumer: each}}]", "did you mean `customer`?"),
        (B + "limit: {usd: 1}, scope: {customer: []}}]", "names nobody"),
        (B + "limit: {usd: 1}, window: day, anchor_day: 2}]", "a window of one day has no anchor day"),
        (B + "limit: {usd: 1}, window: week, anchor_day: 8}]", "a week begins on a day from 1 to 7"),
        (B + "limit: {usd: 1}, soft: {at: 0.8}}]", "write a share of the limit, as in 80%"),
        (B + "limit: {usd: 1}, hard: overage}]", "bills overage without an end"),
        (B + "limit: {usd: 1}, overage_to: 150%}]", "needs `hard: overage`"),
        (B + "limit: {credits: 1}, scope: {customer: each}}]", "does not name a plan that says what one is"),
        (B + "limit: {usd: 1}, features: {chat: 2}}]", "more than the budget's own 1"),
        (B + "limit: {usd: 1}, timezone: Europe/Berln}]", "did you mean `Europe/Berlin`?"),
        ("rates: [{name: r}]", "states no rate"),
        ("plans: {p: {credit: {name: docs}}}", "must say what one credit is"),
        (B + "limit: {usd: 1}}]\ngateway: {accounting: false}", "without records nothing can be counted"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_place(text: str, said: str) -> None:
    assert said in problem(text)


def test_everything_that_is_wrong_with_a_budget_is_said_at_once() -> None:
    text = (
        B
        + "limit: {usd: 1, calls: 2}, scope: {flavour: x}, window: year, timezone: Berln, soft: {at: 80}, thresholds: [0]}]"
    )
    said = [str(one).split(":", 3)[3] for one in parse(text.encode(), PATH).problems]
    assert [one.split("`")[1] for one in said] == [
        "budgets[1].limit", "budgets[1].scope.flavour", "budgets[1].window", "budgets[1].timezone", "budgets[1].soft.at",
        "budgets[1].thresholds[1]",
    ]  # fmt: skip


def test_shared_counters_are_named_by_a_secret_and_looked_at() -> None:
    text = b"counters: {redis: '${COUNTERS}', prefix: shop, timeout: 250ms, fail: open}"
    parsed = parse(text, PATH, {"COUNTERS": "rediss://redis.internal:6380/1"})
    assert parsed.config.gateway.sharing == Sharing(
        url="rediss://redis.internal:6380/1", prefix="shop", timeout_ms=250, fail="open"
    )
    assert "redis.internal" not in repr(parsed.config)
    assert "no address of Redis" in str(parse(text, PATH, {"COUNTERS": "http://redis"}).problems[0])
    assert "written out" in problem("counters: {redis: 'redis://127.0.0.1'}")


def test_check_shows_what_is_allowed_with_its_defaults_and_no_address() -> None:
    policy = parse(
        b"""
budgets:
  - {name: pro, scope: {plan: pro, customer: each}, limit: {usd: 20}, anchor_day: 15, soft: {at: 80%}, features: {chat: 5}}
rates: [{name: burst, scope: {key: each}, requests_per_minute: 60}]
counters: {redis: "${COUNTERS}"}
""",
        PATH,
        {"COUNTERS": "redis://user:secret@host"},
    ).config.gateway
    shown = allowance_document(policy)
    assert [one["name"] for one in shown["budgets"]] == ["pro", "pro/chat"]
    assert shown["budgets"][0]["scope"] == {"customer": "each", "plan": ["pro"]}
    assert shown["budgets"][0]["soft"] == {"percent": "80", "action": "warn", "delay_ms": None}
    assert shown["counters"] == {"redis": "given", "prefix": "floorline", "timeout_ms": 500, "fail": "closed"}
    out = StringIO()
    print_allowance(plain_console(160, out), policy)
    text = out.getvalue()
    assert "each customer × plan pro" in text
    assert "month from day 15, UTC" in text
    assert "in Redis, closed while that is gone" in text
    assert "secret" not in text
