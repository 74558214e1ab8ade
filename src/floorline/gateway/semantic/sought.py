"""What the semantic cache has to do with one call."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from floorline.events import Arm, LabelKind
from floorline.gateway.cache.keeping import Passed
from floorline.gateway.semantic.store import Known
from floorline.guardrails.frame import Near, Verdict
from floorline.guardrails.semantic.rule import SemanticRule, audited, hit

if TYPE_CHECKING:
    from floorline.embedding.vector import Vector

KIND: LabelKind = "semantic"
SEMANTIC, SIMILARITY, VETO = "semantic", "semantic_similarity", "semantic_veto"
"""Their names in a call's metadata. `semantic` is `hit`, `audit`, `veto` or `near`; all are absent where nothing stood near."""

EPOCH, SUBJECT, FEATURES = "semantic_epoch", "semantic_subject", "semantic_features"
"""On the record of a hit alone: what a label of it needs, should somebody say that the answer was bad."""


class Sought(Struct, kw_only=True):
    """`known` is what stands near the call's question, `passed` takes in its answer where that may be kept: under `scope`, with the
    `question` and its `vector`. A certificate for it is about `subject`, and holds under `epoch`. `compared`: the
    model's answer, if there is one, says whether the stored one was right.
    """

    near: Near
    which: Arm
    rule: SemanticRule | None = None
    scope: bytes = b""
    epoch: str = ""
    subject: str = ""
    compared: bool = False
    question: str = ""
    vector: "Vector | None" = None
    known: Known | None = None
    passed: Passed | None = None


def outcome(sought: Sought, verdict: Verdict) -> str:
    """What became of the look, in a word."""
    if hit(verdict):
        return "hit"
    if sought.near.state != "near":
        return sought.near.state
    return "audit" if audited(verdict) else "veto" if sought.near.veto else "near"


def noted(sought: Sought, verdict: Verdict) -> Mapping[str, str]:
    """What the call's record says of the look."""
    near = sought.near
    if near.state != "near":
        return {}
    said = {SEMANTIC: outcome(sought, verdict), SIMILARITY: f"{near.similarity:.4f}"}
    if near.veto:
        said[VETO] = near.veto
    if hit(verdict):
        said |= {EPOCH: sought.epoch, FEATURES: " ".join([f"{one:.4g}" for one in near.features])}
        said |= {SUBJECT: sought.subject} if sought.subject else {}
    return said


def told(sought: Sought, verdict: Verdict) -> tuple[tuple[str, str], ...]:
    """What the call's answer says of it, names without `x-floorline-`: nothing to those that it is left out for."""
    if sought.which != "treated":
        return ()
    said = ("semantic-cache", outcome(sought, verdict))
    near = sought.near
    return (said, ("similarity", f"{near.similarity:.4f}")) if near.state == "near" else (said,)
