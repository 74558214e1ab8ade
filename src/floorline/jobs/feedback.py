"""What people and scorers say of answers: a label of the answer's call, and one of each experiment that goes by such words."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from floorline.errors import Changed, Missing
from floorline.events import Label
from floorline.guardrails.experiments.rule import Subject, label
from floorline.guardrails.rules import Guardrails
from floorline.jobs.recorded import RecordedCall, recorded_call
from floorline.ledger.codec import fingerprint_of
from floorline.ledger.ledger import Entry
from floorline.ledger.state import Audited
from floorline.ledger.surface import AnyLedger

By = Literal["person", "scorer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Whether the answer of a call was right, by whom: a person, or a scorer of the operator's. `user_id` is who of several."""

    call_id: str
    right: bool
    by: By = "person"
    user_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of it: how many labels it is, and whether they are new."""

    labels: int
    is_new: bool


def take(ledger: AnyLedger, rails: Guardrails, said: Said, *, actor: str, now: datetime) -> Taken:
    """Keep what was said, once. Missing when the ledger does not know the call, Changed when the opposite was said before."""
    found = recorded_call(ledger, said.call_id)
    if found is None:
        raise Missing(
            f"the ledger does not know the call {said.call_id[:64]!r}: a gateway's are known within a second or so of their end"
        )
    labels = list(labels_of(found.call, rails, said, source=f"feedback of {actor}", now=now))
    word = "right" if said.right else "wrong"
    written = ledger.write(
        [Entry(record=one, fingerprint=fingerprint_of(f"{one.id}:{word}".encode())) for one in labels]
    )
    if written.refused:
        raise Changed(
            f"the answer of {said.call_id} was said to be {'wrong' if said.right else 'right'} before: that stays"
        )
    if written.new:
        ledger.state.audit(Audited(at=now, actor=actor, action="feedback", subject=said.call_id, detail=word))
    return Taken(labels=len(labels), is_new=written.new > 0)


def labels_of(call: RecordedCall, rails: Guardrails, said: Said, *, source: str, now: datetime) -> Iterator[Label]:
    """The label of the answer itself, and those of its call's experiments whose metric these words are."""
    word = f"{call.id}:{said.user_id}" if said.user_id else call.id
    yield Label(
        source=source,
        id=f"{word}:feedback",
        at=now,
        kind="feedback",
        feature=call.feature,
        step=call.step,
        customer=call.customer,
        user_id=call.user,
        call_id=call.id,
        model=call.model_served,
        right=said.right,
        served=True,
        origin="feedback" if said.by == "person" else "scorer",
    )
    metric = "feedback" if said.by == "person" else "scorer"
    arms = {touch.guardrail: touch.arm for touch in call.touches}
    for one in rails.of(call.feature).experiments:
        if one.metric == metric and one.guardrail in arms and (call.customer or call.user):
            subject = Subject(
                call_id=call.id,
                customer=call.customer,
                user_id=call.user,
                model=call.model_served,
                treated=arms[one.guardrail] == "treated",
            )
            yield label(one, subject, source=source, id_=word, at=now, right=said.right)
