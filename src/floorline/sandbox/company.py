"""The demo company: what it sells, to whom, at which price, and with which models. All of it is the demo's own.

What is not: how often each user calls and how long the calls are. Every user follows one real client (traffic.py); the
company only sets the level, the mean number of calls of a user in 14 days, so that the spread between users, the hours
and the token lengths are the data's. No figure here was chosen to reach a published one.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from floorline.sandbox.servegen import Client
from floorline.sandbox.table import DAYS
from floorline.sandbox.traffic import Traffic

OWN = "Company, plans, prices, models and workflow shapes are the demo's own."
FROM = date(2026, 6, 1)
TO = FROM + timedelta(days=DAYS)
OPENED = datetime(FROM.year, FROM.month, FROM.day, tzinfo=UTC)
MONTH_END = date(2026, 7, 1)
YEAR = (date(2026, 1, 1), date(2027, 1, 1))

CONTRACTS, SUPPORT, REPORTS, CODE = "contract_analysis", "support_agent", "report_generation", "code_assistant"
WORKFLOWS = {CONTRACTS: "contract_review", SUPPORT: "ticket", REPORTS: "report", CODE: "code_chat"}
FEATURES = {workflow: feature for feature, workflow in WORKFLOWS.items()}
SEAT, RESOLVED, ENTERPRISE, PRO, FREE = "contract-seat", "support-resolved", "enterprise", "code-pro", "code-free"

SEAT_USD_PER_MONTH = Decimal(99)
PRO_USD_PER_MONTH = Decimal(15)
RESOLVED_USD = Decimal(2)
ACQUISITION_USD_PER_MONTH = Decimal(60)  # what the code assistant's free plan may cost
ENTERPRISE_USD_PER_USER_YEAR = Decimal(1_825)  # five dollars a day, so that a day is a round figure
SUPPORT_DESK_USD_PER_MONTH = Decimal(2_400)  # people who take over the tickets that the agent leaves open
VECTOR_STORE_SUPPORT_USD_PER_MONTH = Decimal(180)
VECTOR_STORE_CONTRACTS_USD_PER_MONTH = Decimal(240)
CALL_LOGGING_USD_PER_MONTH = Decimal(210)  # shared by every call of every feature


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model with its list price, written out a second time so that the check does not lean on the price book.

    USD per million tokens, and per thousand searches; as in genai-prices 0.2.3 and, for the reranker, floorline.yaml.
    """

    provider: str
    name: str
    input_usd_per_mtok: Decimal = Decimal(0)
    output_usd_per_mtok: Decimal = Decimal(0)
    searches_usd_per_k: Decimal = Decimal(0)

    def cost(self, input_tokens: int, output_tokens: int, searches: int) -> Decimal:
        """USD of so many tokens and searches, exact."""
        tokens = self.input_usd_per_mtok * input_tokens + self.output_usd_per_mtok * output_tokens
        return tokens / 1_000_000 + self.searches_usd_per_k * searches / 1_000


STRONG = Model(
    provider="anthropic",
    name="claude-opus-4-5",
    input_usd_per_mtok=Decimal(5),
    output_usd_per_mtok=Decimal(25),
)
MIDDLE = Model(
    provider="anthropic",
    name="claude-haiku-4-5",
    input_usd_per_mtok=Decimal(1),
    output_usd_per_mtok=Decimal(5),
)
CHEAP = Model(
    provider="openai",
    name="gpt-5-mini",
    input_usd_per_mtok=Decimal("0.25"),
    output_usd_per_mtok=Decimal(2),
)
EMBEDDER = Model(provider="openai", name="text-embedding-3-small", input_usd_per_mtok=Decimal("0.02"))
RERANKER = Model(provider="cohere", name="rerank-v3.5", searches_usd_per_k=Decimal(2))
MODELS = {model.name: model for model in (STRONG, MIDDLE, CHEAP, EMBEDDER, RERANKER)}

SETTINGS = f"""\
# The sandbox company's own settings: what floorline.yaml looks like for four AI features.
timezone: UTC
features:
  {CONTRACTS}: {{role: core, owner: legal-ai}}
  {SUPPORT}: {{role: premium, owner: service}}
  {REPORTS}: {{role: core, owner: analytics}}
  {CODE}: {{role: growth, owner: developer-tools}}
plans:
  {SEAT}: {{features: [{CONTRACTS}]}}
  {RESOLVED}: {{features: [{SUPPORT}], outcome_prices: {{ticket_resolved: {RESOLVED_USD}}}}}
  {ENTERPRISE}:
    allocation: value_weights
    weights: {{{REPORTS}: 0.7, {CONTRACTS}: 0.3}}
  {PRO}: {{features: [{CODE}]}}
  {FREE}: {{features: [{CODE}]}}
prices:
  - model: {RERANKER.name}  # not in the catalogue: Cohere's list price
    provider: {RERANKER.provider}
    prices: {{rerank_searches: {RERANKER.searches_usd_per_k}}}
"""


def guardrails(free_usd: Decimal) -> str:
    """The code assistant's guardrails, as floorline.yaml has them: `free_usd` is what its free plan may cost in all."""
    return f"""\
guardrails:
  downgrade: {{{STRONG.name}: {MIDDLE.name}, {MIDDLE.name}: {CHEAP.name}}}
  evidence: {{days: 1}}
  margin_rules:
    - {{name: heavy customers, when: customer.cost_to_revenue > 0.8, do: downgrade}}
budgets:
  - name: acquisition
    scope: {{plan: {FREE}}}
    limit: {{usd: {free_usd}}}
    window: month
    soft: {{at: 50%, action: downgrade}}
    hard: refuse
    acquisition: true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """How many users each plan has, the mean calls of one user in 14 days, and the share of the monthly bills to pay."""

    seats: int = 60
    seat_calls: int = 300
    desks: int = 12
    desk_tickets: int = 450
    analysts: int = 60
    analyst_calls: int = 450
    reviewers: int = 20
    reviewer_calls: int = 200
    pros: int = 120
    pro_calls: int = 300
    frees: int = 300
    free_calls: int = 90
    bills: Decimal = Decimal(1)


SMALL = Volume(
    seats=12, seat_calls=30, desks=4, desk_tickets=30, analysts=9, analyst_calls=40, reviewers=4, reviewer_calls=20,
    pros=15, pro_calls=30, frees=20, free_calls=10, bills=Decimal("0.02"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One paying (or free) customer; invoices name it `billed_as`, which its row of customers.csv gives as an alias."""

    customer: str
    billed_as: str
    name: str
    plan: str
    segment: str
    cohort: str
    users: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One user of one feature, the real client whose pattern they follow, and the share of its requests they make."""

    account: Account
    user: str
    feature: str
    client: Client
    scale: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """The customers, everyone who uses a feature, and the share of the monthly bills."""

    accounts: tuple[Account, ...]
    members: tuple[Member, ...]
    bills: Decimal


_FIRST = (
    "Alder", "Birch", "Cedar", "Delta", "Ember", "Fjord", "Garnet", "Harbor", "Indigo", "Juniper", "Kestrel", "Lumen",
    "Meridian", "Nimbus", "Orchard", "Pioneer", "Quarry", "Ridge", "Summit", "Tidal", "Umber", "Vertex", "Willow", "Zephyr",
)  # fmt: skip
_SEAT_LAST = ("Legal", "Law", "Counsel", "Partners")
_DESK_LAST = ("Retail", "Travel", "Telecom", "Energy")
_ENTERPRISE_LAST = ("Bank", "Insurance", "Logistics", "Pharma")
_SEATS = (1, 1, 2, 2, 3, 4, 6)
_ENTERPRISE_USERS = (5, 10, 15)
_COHORTS = ("2025-09", "2025-12", "2026-03")


def found(traffic: Traffic, rng: random.Random, volume: Volume) -> Company:
    """The company: accounts of every plan, and users who each follow one client of the traffic."""
    seats = _accounts(rng, plan=SEAT, users=volume.seats, sizes=_SEATS, last=_SEAT_LAST, segment="team")
    enterprises = _accounts(
        rng,
        plan=ENTERPRISE,
        users=volume.analysts,
        sizes=_ENTERPRISE_USERS,
        last=_ENTERPRISE_LAST,
        segment="enterprise",
    )
    desks = _accounts(rng, plan=RESOLVED, users=volume.desks, sizes=(1,), last=_DESK_LAST, segment="business")
    pros = _developers(rng, PRO, volume.pros)
    frees = _developers(rng, FREE, volume.frees)
    large, small, reasoning = "language/m-large", "language/m-small", "reason/deepseek-r1"
    reviewers = _spread(rng, _users(enterprises), volume.reviewers)
    members = (
        *_members(traffic, rng, _users(seats), CONTRACTS, large, volume.seat_calls),
        *_members(traffic, rng, _users(desks), SUPPORT, small, volume.desk_tickets),
        *_members(traffic, rng, _users(enterprises), REPORTS, reasoning, volume.analyst_calls),
        *_members(traffic, rng, reviewers, CONTRACTS, large, volume.reviewer_calls),
        *_members(traffic, rng, _users(pros), CODE, large, volume.pro_calls),
        *_members(traffic, rng, _users(frees), CODE, large, volume.free_calls),
    )
    return Company(accounts=(*seats, *enterprises, *desks, *pros, *frees), members=members, bills=volume.bills)


def _accounts(
    rng: random.Random, *, plan: str, users: int, sizes: Sequence[int], last: Sequence[str], segment: str
) -> list[Account]:
    """Companies of sizes drawn from `sizes` until `users` users are placed; the last takes what is left."""
    names = [f"{first} {surname}" for surname in last for first in _FIRST]
    rng.shuffle(names)
    accounts: list[Account] = []
    left = users
    while left:
        size = min(rng.choice(sizes), left)
        name = names[len(accounts)]
        accounts.append(
            Account(
                customer=name.lower().replace(" ", "-"),
                billed_as=f"cus_{name.replace(' ', '')}",
                name=name,
                plan=plan,
                segment=segment,
                cohort=rng.choice(_COHORTS),
                users=size,
            )
        )
        left -= size
    return accounts


def _developers(rng: random.Random, plan: str, count: int) -> list[Account]:
    prefix = plan.removeprefix("code-")
    return [
        Account(
            customer=f"{prefix}-{number:03d}",
            billed_as=f"cus_{prefix.title()}{number:03d}",
            name=f"{prefix}-{number:03d}",
            plan=plan,
            segment="developer",
            cohort=rng.choice(_COHORTS),
            users=1,
        )
        for number in range(1, count + 1)
    ]


def _users(accounts: Sequence[Account]) -> list[tuple[Account, str]]:
    return [(account, f"{account.customer}/u{n}") for account in accounts for n in range(1, account.users + 1)]


def _spread(rng: random.Random, users: list[tuple[Account, str]], count: int) -> list[tuple[Account, str]]:
    return sorted(rng.sample(users, min(count, len(users))), key=lambda user: user[1])


def _members(
    traffic: Traffic, rng: random.Random, users: list[tuple[Account, str]], feature: str, pool: str, calls: int
) -> list[Member]:
    """Users of one feature, to whom the picked clients are dealt at random."""
    clients = traffic.pick(pool, len(users), rng)
    rng.shuffle(clients)
    scale = calls / traffic.mean_requests(pool)
    return [
        Member(account=account, user=user, feature=feature, client=client, scale=scale)
        for (account, user), client in zip(users, clients, strict=True)
    ]
