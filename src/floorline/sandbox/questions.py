"""What the demo company's users ask in words: of its help desk, of their contracts, of their reports. With the answers, which simulated models
know as often as they are skilled (`provider/knowledge.py`).

Help is asked for in a thousand wordings of a dozen questions, contracts in questions that look alike and are not, reports each once.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from floorline.sandbox.company import CODE, CONTRACTS, MIDDLE, REPORTS, STRONG

HELP, CLAUSES, SUMMARIES = CODE, CONTRACTS, REPORTS
"""The features that ask: the code assistant's help, and two of analysis."""

SKILLS: Mapping[str, float] = {STRONG.name: 0.99, MIDDLE.name: 0.88}
"""How often each model is right; nothing was measured."""

CUSTOMERS = 200
_TOPICS: Mapping[str, str] = {
    "reset my password": "Open Settings, Security, and choose Reset password. A link that works for an hour goes to the address of your account; until you follow it the old password stays in force.",
    "invite a colleague": "Open Team and choose Invite. Your colleague gets a link that works for seven days, and takes a seat once it is followed; seats are billed from that day on.",
    "download my invoices": "Open Billing, Invoices. Every invoice is there as PDF, and Send copies to adds an address that gets each new one.",
    "change the billing address": "Open Billing, Company. The new address stands on the next invoice; those that were issued keep the one they had.",
    "turn on two factor sign in": "Open Settings, Security, Two factors. Scan the code with an authenticator and keep the ten recovery codes: without them nobody can let you in.",
    "export all of my data": "Open Settings, Data, Export. It takes up to a day; then a link comes to the address of your account and works for a week.",
    "cancel the subscription": "Open Billing, Plan, Cancel. It runs to the end of the period that is paid, and your data is kept for ninety days after it.",
    "connect a github repository": "Open Integrations, GitHub, and choose the repositories. The assistant reads the branches you name and writes to none unless you allow it.",
    "use the assistant in vim": "Install the plugin with your plugin manager, run the command AssistantLogin once, and complete with Ctrl-Space. It needs Vim 9 or Neovim.",
    "raise the rate limit": "The limit goes by plan. Open Billing, Limits, and ask for more: requests below ten times the plan's are answered within one working day.",
    "share a prompt with my team": "Open the prompt, choose Share, Team. Everybody on the team can use it, and only you and admins can change it.",
    "see what is stored of my code": "Nothing is kept beyond the request unless History is on. Open Settings, Data, History to see what is there, and to have it deleted.",
}  # fmt: skip
_OPENINGS = ("", "hi, ", "hello there, ", "hey, ", "quick question: ", "good morning, ", "sorry to bother you, ")
_FRAMES = (
    "how do i {}?", "how can i {}?", "i would like to {}, how does that work?", "what do i have to do to {}?",
    "can you tell me how to {}?", "where can i {}?", "please help me to {}", "is there a way to {}?",
)  # fmt: skip
_CLOSINGS = ("", " thanks", " thank you", " thanks a lot", " cheers", " many thanks in advance")
_PARTIES = (
    "northwind", "contoso", "fabrikam", "tailspin", "wingtip", "litware", "adatum", "proseware", "lucerne", "margie", "alpine",
    "blue yonder", "coho", "consolidated", "fourth coffee", "humongous", "relecloud", "southridge", "trey", "woodgrove",
    "vanarsdel", "wide world", "graphic design", "city power", "best for you", "liberty", "munson", "school of fine art",
    "first up", "lamna",
)  # fmt: skip
_ACTS = (
    "assignment to an affiliate", "assignment to a buyer", "audits by the customer", "audits by a third party",
    "automatic renewal", "a change of control", "a change of price", "confidential use by contractors",
    "copies for backup", "copies for testing", "damages for delay", "damages for breach", "deletion on request",
    "disclosure to advisers", "disclosure to courts", "early payment", "early termination", "export to other countries",
    "extension by notice", "governing law of another state", "indemnity by the vendor", "indemnity by the customer",
    "interest on late payment", "joint ownership of results", "liability without a cap", "notice by electronic mail",
    "notice by letter alone", "payment in another currency", "payment in parts", "publicity without consent",
    "recording of calls", "resale to others", "retention of copies", "sublicences to affiliates", "sublicences to customers",
    "subprocessors without notice", "suspension for late payment", "termination for convenience", "use of aggregated data",
    "use of the trade mark",
)  # fmt: skip
_REGIONS = ("north", "south", "east", "west", "centre", "islands", "coast", "highlands", "valley", "harbour")
_FIGURES = (
    "revenue", "returns", "new customers", "support tickets", "stock", "deliveries", "staff hours", "energy", "refunds", "complaints",
    "visits", "orders", "repairs", "claims", "bookings", "subscriptions", "renewals", "downtime", "payments", "travel",
)  # fmt: skip
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august")
_VERDICTS = ("rose", "fell", "held", "recovered", "doubled", "slipped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One call to come: of which feature, by whom, in which words."""

    feature: str
    customer: str
    text: str


def knowledge() -> bytes:
    """What the models know, as `floorline sandbox --knows` reads it."""
    return msgspec.json.encode({"answers": dict((*_help(), *_clauses(), *_summaries())), "skills": SKILLS})


def asked(feature: str, count: int, seed: int) -> Sequence[Question]:
    """So many questions of a feature by its customers, drawn by `seed`; those of contracts and reports at most once each."""
    rng = random.Random(f"{seed} {feature}")  # noqa: S311 - a demo
    every = [text for text, _ in {HELP: _help, CLAUSES: _clauses, SUMMARIES: _summaries}[feature]()]
    texts = [rng.choice(every) for _ in range(count)] if feature == HELP else rng.sample(every, min(count, len(every)))
    return [Question(feature=feature, customer=f"team-{rng.randrange(CUSTOMERS):03}", text=text) for text in texts]


def _help() -> list[tuple[str, str]]:
    return [
        (f"{opening}{frame.format(topic)}{closing}", answer)
        for topic, answer in _TOPICS.items()
        for opening in _OPENINGS
        for frame in _FRAMES
        for closing in _CLOSINGS
    ]


def _clauses() -> list[tuple[str, str]]:
    return [(f"does the {party} agreement allow {act}", _clause(party, act)) for party in _PARTIES for act in _ACTS]


def _clause(party: str, act: str) -> str:
    drawn = _drawn(party, act)
    clause = f"{4 + drawn[0] % 19}.{1 + drawn[1] % 12}"
    return msgspec.json.encode({"allowed": bool(drawn[2] % 2), "clause": clause, "page": 2 + drawn[3] % 61}).decode()


def _summaries() -> list[tuple[str, str]]:
    return [
        (f"summarise {figure} in the {region} for {month}", _summary(figure, region, month))
        for figure in _FIGURES
        for region in _REGIONS
        for month in _MONTHS
    ]


def _summary(figure: str, region: str, month: str) -> str:
    drawn = _drawn(figure, region, month)
    verdict, share, weeks = _VERDICTS[drawn[0] % len(_VERDICTS)], 1 + drawn[1] % 29, 1 + drawn[2] % 4
    return (
        f"In {month} {figure} in the {region} {verdict} by {share} percent against the month before. Week {weeks} made most of it; "
        f"the other weeks were within two percent of their plan. Against the year before it is {'more' if drawn[3] % 2 else 'less'}, and "
        f"the quarter's target is {'in reach' if drawn[4] % 3 else 'out of reach'} at this pace. Nothing that was reported late changes that."
    )


def _drawn(*words: str) -> bytes:
    return blake2b("\0".join(words).encode(), digest_size=8).digest()
