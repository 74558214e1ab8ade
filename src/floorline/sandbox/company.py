"""The demo company: what it sells, to whom and since when, at which price, and with which models. All of it is the demo's own.

What is not: how often each user calls and how long the calls are. Every user follows one real client (traffic.py); the
company only sets the level, the mean number of calls of a user in 14 days, so that the spread between users, the hours
and the token lengths are the data's. No figure here was chosen to reach a published one.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from floorline.sandbox.calendar import SHOWN_DAY
from floorline.sandbox.servegen import Client
from floorline.sandbox.traffic import Traffic

OWN = "Company, plans, prices, models and workflow shapes are the demo's own."

CONTRACTS, SUPPORT, REPORTS, CODE = "contract_analysis", "support_agent", "report_generation", "code_assistant"
WORKFLOWS = {CONTRACTS: "contract_review", SUPPORT: "ticket", REPORTS: "report", CODE: "code_chat"}
FEATURES = {workflow: feature for feature, workflow in WORKFLOWS.items()}
FREE_PLAN_DAY = 34
"""The day on which the code assistant's free plan begins."""

SEAT, RESOLVED, ENTERPRISE, PRO, FREE = "contract-seat", "support-resolved", "enterprise", "code-pro", "code-free"

MONTH_DAYS, YEAR_DAYS = 30, 365
"""What is billed by the month or the year is billed for so many days, from the day on which the customer came: so that what falls on a
day is a round figure in every month."""

SEAT_USD_PER_MONTH = Decimal(99)
PRO_USD_PER_MONTH = Decimal(15)
RESOLVED_USD = Decimal(2)
ACQUISITION_USD_PER_MONTH = Decimal(60)  # what the code assistant's free plan may cost
ENTERPRISE_USD_PER_USER_YEAR = Decimal(1_825)  # five dollars a day, so that a day is a round figure
SUPPORT_DESK_USD_PER_MONTH = Decimal(1_200)  # people who take over the tickets that the agent leaves open
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


BEFORE = Model(  # what wrote reports before STRONG did
    provider="anthropic",
    name="claude-opus-4-1",
    input_usd_per_mtok=Decimal(15),
    output_usd_per_mtok=Decimal(75),
)
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
MODELS = {model.name: model for model in (BEFORE, STRONG, MIDDLE, CHEAP, EMBEDDER, RERANKER)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """How many users each plan has, the mean calls of one user in 14 days, and the share of the monthly bills to pay."""

    seats: int = 60
    seat_calls: int = 200
    desks: int = 12
    desk_tickets: int = 240
    analysts: int = 60
    analyst_calls: int = 300
    reviewers: int = 20
    reviewer_calls: int = 150
    pros: int = 120
    pro_calls: int = 300
    frees: int = 300
    free_calls: int = 60
    bills: Decimal = Decimal(1)


SMALL = Volume(
    seats=12, seat_calls=30, desks=4, desk_tickets=30, analysts=9, analyst_calls=40, reviewers=4, reviewer_calls=20,
    pros=15, pro_calls=30, frees=20, free_calls=10, bills=Decimal("0.02"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One paying (or free) customer; invoices name it `billed_as`, which its row of customers.csv gives as an alias.

    It has had its plan since the day `joined`, counted from the company's first; before that it had tried the free plan for
    `tried` days.
    """

    customer: str
    billed_as: str
    name: str
    plan: str
    segment: str
    users: int
    joined: int = 0
    tried: int = 0

    @property
    def came(self) -> int:
        """The day on which it signed up."""
        return self.joined - self.tried

    def plan_on(self, day: int) -> str:
        """What it has on that day."""
        return self.plan if day >= self.joined else FREE


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
    """The customers, everyone who uses a feature, and the share of the monthly bills. `heavy` are the tenth of the free and of the
    pro accounts that call most.
    """

    accounts: tuple[Account, ...]
    members: tuple[Member, ...]
    bills: Decimal
    heavy: frozenset[str]


_FIRST = (
    "Alder", "Birch", "Cedar", "Delta", "Ember", "Fjord", "Garnet", "Harbor", "Indigo", "Juniper", "Kestrel", "Lumen",
    "Meridian", "Nimbus", "Orchard", "Pioneer", "Quarry", "Ridge", "Summit", "Tidal", "Umber", "Vertex", "Willow", "Zephyr",
)  # fmt: skip
_SEAT_LAST = ("Legal", "Law", "Counsel", "Partners")
_DESK_LAST = ("Retail", "Travel", "Telecom", "Energy")
_ENTERPRISE_LAST = ("Bank", "Insurance", "Logistics", "Pharma")
_SEATS = (1, 1, 2, 2, 3, 4, 6)
_ENTERPRISE_USERS = (5, 10, 15)
_OLD = {SEAT: 0.45, RESOLVED: 0.4, ENTERPRISE: 0.5, PRO: 0.35, FREE: 0.0}
"""The share of a plan's customers that were there before the first day."""

_OLDEST_DAYS = 300
_TRIED_DAYS = 12
_HEAVY = 10
"""One in so many."""

_LAST_DAY = SHOWN_DAY - 1
"""The last day on which customers come: of the days that the screens tell of everybody pays the whole."""


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
    pros = _joined(rng, _developers(PRO, 0, volume.pros))
    frees = _joined(rng, _developers(FREE, volume.pros, volume.frees))
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
    return Company(
        accounts=(*seats, *enterprises, *desks, *pros, *frees),
        members=members,
        bills=volume.bills,
        heavy=_heavy(members, PRO) | _heavy(members, FREE),
    )


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
                users=size,
            )
        )
        left -= size
    return _joined(rng, accounts)


def _joined(rng: random.Random, accounts: list[Account]) -> list[Account]:
    """The accounts of one plan with the days on which they came: some long ago, the others one after another, and of those who pay
    for the code assistant since its free plan is there one in three from that.
    """
    old = round(_OLD[accounts[0].plan] * len(accounts))
    first = FREE_PLAN_DAY if accounts[0].plan == FREE else 0
    dated: list[Account] = []
    for number, account in enumerate(accounts):
        if number < old:
            dated.append(replace(account, joined=-rng.randrange(1, _OLDEST_DAYS)))
            continue
        joined = first + int((number - old + rng.random()) / (len(accounts) - old) * (_LAST_DAY - first))
        tried = _TRIED_DAYS if account.plan == PRO and number % 3 == 0 and joined - _TRIED_DAYS >= FREE_PLAN_DAY else 0
        dated.append(replace(account, joined=joined, tried=tried))
    return dated


def _developers(plan: str, before: int, count: int) -> list[Account]:
    return [
        Account(
            customer=f"dev-{number:03d}",
            billed_as=f"cus_Dev{number:03d}",
            name=f"dev-{number:03d}",
            plan=plan,
            segment="developer",
            users=1,
        )
        for number in range(before + 1, before + count + 1)
    ]


def _heavy(members: Sequence[Member], plan: str) -> frozenset[str]:
    """One in _HEAVY customers of a plan: those whose clients call most."""
    mine = sorted(
        (member for member in members if member.account.plan == plan),
        key=lambda member: (-member.client.profile.requests / member.client.profile.span_s, member.account.customer),
    )
    return frozenset(member.account.customer for member in mine[: len(mine) // _HEAVY])


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
