"""What the demo's proven part came to, made up: one feature certified, one refused, one that nothing is known of."""

from datetime import UTC, datetime
from decimal import Decimal

from floorline.guardrails.cascade.rule import NAME as CASCADE
from floorline.guardrails.semantic.rule import NAME as SEMANTIC
from floorline.margin.effectiveness import Touched, effects
from floorline.proof.certificate import Certificate
from floorline.sandbox.proven import Proof, Proven
from floorline.sandbox.questions import CLAUSES, HELP, SUMMARIES
from tests.margin.touching import Row, columns_of

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
SAVED_PICO, COST_PICO = 5_000_000_000, 8_000_000_000
"""What one treated call saves, and what one that is held out costs."""


def touched() -> list[Touched]:
    """64 treated customers with a call each that the semantic cache answered, and 40 held-out ones."""
    treated = [Row(HELP, SEMANTIC, f"t-{n}", "treated", "enforce", "hit", saved=SAVED_PICO) for n in range(64)]
    held = [Row(HELP, SEMANTIC, f"h-{n}", "holdout", "enforce", "hit", cost=COST_PICO + n) for n in range(40)]
    return columns_of(treated + held)


def proof(feature: str, guardrail: str, state: str = "", **more: object) -> Proof:
    certificate = None
    if state:
        certificate = Certificate(
            kind="semantic", feature=feature, state=state, since=NOON, labels=320, rights=310, reason="by what was seen"
        )  # type: ignore[arg-type]
    fields: dict[str, object] = {
        "feature": feature, "guardrail": guardrail, "certificate": certificate, "since_round": None, "calls": 900, "cheap": 0,
        "cheap_right": 0, "right_before": Decimal("0.97"), "right_after": None, "effect": None,
    }  # fmt: skip
    return Proof(**{**fields, **more})  # type: ignore[arg-type]


PROVEN = Proven(
    proofs=(
        proof(HELP, SEMANTIC, "certified", since_round=2, cheap=64, cheap_right=62, effect=effects(touched())[0]),
        proof(CLAUSES, SEMANTIC, "refused"),
        proof(SUMMARIES, CASCADE),
    ),
    rounds=6,
    checks=(),
)
