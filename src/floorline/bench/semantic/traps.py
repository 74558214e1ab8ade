"""Questions that look alike and are not the same, each held against a certificate that serves everything: only traps, vetoes and partitions stand between
them and a wrong answer. Beside them questions that are the same in other words, which must not all be stopped.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from floorline.embedding.embedder import Embedded, Embedder
from floorline.guardrails.cache import partition
from floorline.guardrails.frame import ENFORCE, FORWARD, MILLION, Evidence, Facts, Near
from floorline.guardrails.semantic.choosing import Candidate, choose
from floorline.guardrails.semantic.question import Question, read
from floorline.guardrails.semantic.rule import KIND, SemanticRule, hit, step
from floorline.guardrails.semantic.traps import passed_by
from floorline.proof.certificate import Certificate, Certificates

_AT = datetime(2026, 1, 1, tzinfo=UTC)
_RULE = SemanticRule(setting=ENFORCE, similarity_min=0.0, audit_ppm=0)
_EVERYTHING = Certificates(
    as_of=_AT, every=(Certificate(kind=KIND, feature="traps", state="certified", threshold=0.0, since=_AT),)
)
_PROMPT = (
    "You are the assistant of a large bank. You answer customers briefly, politely and only from the handbook, you never give advice on taxes, and "
    "you ask back where something is not clear. "
)

TRAPS: Mapping[str, Sequence[tuple[str, str]]] = {
    "numbers": (
        ("What is the status of order 48213?", "What is the status of order 48231?"),
        ("Convert 5 miles to kilometers", "Convert 50 miles to kilometers"),
        ("Give me two ideas for dinner", "Give me three ideas for dinner"),
        ("Is flight LH 454 on time?", "Is flight LH 455 on time?"),
        ("What changed in version 3.1?", "What changed in version 3.10?"),
        ("rehab centers within 10 miles", "rehab centers within 100 miles"),
        ("Pay invoice #1041", "Pay invoice #1014"),
        ("What is my balance?", "What was my balance 30 days ago?"),
    ),
    "dates": (
        ("Show the sales of March", "Show the sales of May"),
        ("Is there a train on Monday?", "Is there a train on Tuesday?"),
        ("What was revenue in 2023?", "What was revenue in 2024?"),
        ("weather today", "weather tomorrow"),
        ("meetings on Jan 5", "meetings on Jun 5"),
    ),
    "units": (
        ("What are 5 kg in stones?", "What are 5 lb in stones?"),
        ("How far is 10 km?", "How far is 10 miles?"),
        ("Send $20 to my sister", "Send €20 to my sister"),
        ("Set it to 20 C", "Set it to 20 F"),
    ),
    "names": (
        ("Who is the mayor of Paris?", "Who is the mayor of London?"),
        ("What is the weather in Paris?", "What is the weather?"),
        ("Compare GPT-4 with Claude", "Compare GPT-3.5 with Claude"),
        ("Subscribe me to plan A", "Subscribe me to plan B"),
        ("Summarise the contract with Acme", "Summarise the contract with Globex"),
        ("Is there a rehab center in Cook County?", "Is there a rehab center in Lake County?"),
        ("Who directed Terminator 1?", "Who directed Terminator 4?"),
    ),
    "negation": (
        ("Cancel my subscription", "Do not cancel my subscription"),
        ("Why does my card work abroad?", "Why doesn't my card work abroad?"),
        ("Foods I can eat with gout", "Foods I can't eat with gout"),
        ("Recipes with nuts", "Recipes without nuts"),
        ("Which plans have a fee?", "Which plans have no fee?"),
    ),
    "swaps": (
        ("Convert 5 USD to EUR", "Convert 5 EUR to USD"),
        ("convert usd to eur", "convert eur into usd"),
        ("Does Alice report to Bob?", "Does Bob report to Alice?"),
        ("transfer money from savings to checking", "transfer money to savings from checking"),
        ("can a manager approve an employee", "can an employee approve a manager"),
        ("Did the customer refund the merchant?", "Was the customer refunded by the merchant?"),
        ("who manages ana", "who does ana manage"),
        ("Can I pay you?", "Can you pay me?"),
        ("flights from Rome to Oslo", "flights from Oslo to Rome"),
        ("translate this from french to german", "translate this from german to french"),
    ),
    "opposites": (
        ("How do I enable 2FA?", "How do I disable 2FA?"),
        ("turn on dark mode", "turn off dark mode"),
        ("how to upgrade my plan", "how to downgrade my plan"),
        ("Cancel my subscription", "Renew my subscription"),
        ("how to gain weight", "how to lose weight"),
        ("lock my card", "unlock my card"),
        ("list the cheapest flights", "list the most expensive flights"),
        ("increase my limit", "decrease my limit"),
        ("what happens before checkout", "what happens after checkout"),
        ("subscribe to the newsletter", "unsubscribe from the newsletter"),
        ("enabling alerts", "disabling alerts"),
    ),
    "asked for": (
        ("When was the invoice paid?", "Where was the invoice paid?"),
        ("Who signed the contract?", "When was the contract signed?"),
        ('Translate "good night" to Dutch', 'Translate "good day" to Dutch'),
        ("Explain `rm -r`", "Explain `rm -f`"),
    ),
    "scripts": (
        ("取消我的订阅", "升级我的套餐"),
        ("ألغِ اشتراكي", "جدّد اشتراكي"),
        ("отмени мою подписку", "продли мою подписку"),
        ("サブスクリプションを解約したい", "サブスクリプションを更新したい"),
        ("cancel my plan", "取消我的订阅"),
        ("구독을 취소해 주세요", "구독을 갱신해 주세요"),
    ),
    "languages": (
        ("Wie kann ich mein Abo kündigen?", "Wie kann ich mein Abo verlängern?"),
        ("¿Cómo puedo cancelar mi plan?", "¿Cómo puedo renovar mi plan?"),
        ("How can I cancel my plan?", "Comment puis-je annuler mon abonnement ?"),
    ),
    "long beginnings": (
        (f"{_PROMPT}My card was stolen.", f"{_PROMPT}What does a loan cost?"),
        (f"{_PROMPT * 2}Close my account.", f"{_PROMPT * 2}Open an account."),
        (f"{_PROMPT * 9}Close my account.", f"{_PROMPT * 9}What does a loan cost?"),
        (f"My card was stolen. {_PROMPT}", f"What does a loan cost? {_PROMPT}"),
    ),
}  # fmt: skip

SAME: Sequence[tuple[str, str]] = (
    ("How do I cancel my subscription?", "how can I cancel my subscription"),
    ("What's my balance?", "whats my balance"),
    ("Help me with a PIN change.", "Help me change my PIN"),
    ("I forgot my password", "I've forgotten my password"),
    ("How do I reset my password?", "What is the way to reset my password?"),
    ("Where can I see my invoices?", "Where do I find my invoices?"),
    ("When does my card arrive?", "When will my card arrive?"),
    ("Which currencies do you support?", "What currencies are supported?"),
    ("Show sales for Jan", "show sales for January"),
    ("It costs $1,000.00 a month", "it costs 1000 dollars a month"),
    ("Why was I charged twice?", "Why have I been charged two times?"),
    ("Is there a fee for transfers?", "Do transfers have a fee?"),
)


class Tried(NamedTuple):
    """What became of one pair, asked both ways round: how alike its vectors are, what stopped it, '' where it was a hit."""

    kind: str
    similarity: float
    stopped: str


def tried(embedder: Embedder) -> Iterator[Tried]:
    """Every trap, both ways round, and the same question of another tenant."""
    for kind, pairs in TRAPS.items():
        for one, other in pairs:
            yield _tried(kind, one, other, embedder)
            yield _tried(kind, other, one, embedder)
    yield from tenants()


def allowed(embedder: Embedder) -> list[Tried]:
    """The same questions in other words."""
    return [_tried("same", one, other, embedder) for one, other in SAME]


def tenants() -> Iterator[Tried]:
    """The very same question, by whom it may not be answered for: answers are found within a partition alone."""
    mine = Facts(at=_AT, feature="traps", customer="acme", key="k_1")
    others = {
        "another customer": Facts(at=_AT, feature="traps", customer="globex", key="k_1"),
        "another feature": Facts(at=_AT, feature="other", customer="acme", key="k_1"),
        "nobody, by a key of that name": Facts(at=_AT, feature="traps", key="acme"),
    }
    for other in others.values():
        crossed = partition(_RULE, mine) == partition(_RULE, other)
        yield Tried("tenants", 1.0, "" if crossed else "partition")


def _tried(kind: str, stored: str, asked: str, embedder: Embedder) -> Tried:
    (known, question), (kept, made) = map(read, (stored, asked)), map(embedder.embed, (stored, asked))
    similarity = 0.0 if kept.vector is None or made.vector is None else float(kept.vector @ made.vector)
    reason = _passed_by(known, kept, embedder) or _passed_by(question, made, embedder)
    if reason:
        return Tried(kind, similarity, reason)
    chosen = choose(question, [Candidate(key=0, similarity=max(similarity, 0.0), question=known)], 0.0)
    assert chosen is not None, "nothing is too far"
    near = Near(
        state="near", similarity=chosen.similarity, features=chosen.features, veto=chosen.veto, draw=MILLION - 1
    )
    verdict = step(Facts(at=_AT, feature="traps"), Evidence(semantic=near, certified=_EVERYTHING), _RULE, FORWARD)
    return Tried(kind, similarity, "" if hit(verdict) else chosen.veto)


def _passed_by(question: Question, made: Embedded, embedder: Embedder) -> str:
    return passed_by(
        question,
        tokens=made.tokens,
        unknown=made.unknown,
        window=embedder.tokens_max,
        multilingual=embedder.multilingual,
    )
