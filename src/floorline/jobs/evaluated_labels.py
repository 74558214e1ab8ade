"""What an evaluation found, as comparisons that certificates are made of: a case that two models answered is one, each right or wrong by
itself. The same case of the same models counts once, however often it is evaluated: its first verdict stays.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b

from floorline.evals.kept import EVALUATION
from floorline.evals.scorers import Judge, Scorer
from floorline.evals.sets import Case
from floorline.evals.summary import Answered, outcome
from floorline.events import Label
from floorline.guardrails.certified.complexity import features
from floorline.guardrails.certified.rule import subject_of
from floorline.ledger.codec import fingerprint_of
from floorline.ledger.ledger import Entry
from floorline.ledger.surface import AnyLedger


def labels_of(
    feature: str,
    prompt: str,
    scorer: Scorer,
    cases: Sequence[Case],
    answered: Mapping[str, Sequence[Answered]],
    at: datetime,
) -> Iterator[Label]:
    """A label for every case and candidate, the first of the models being the one they are compared with, where it is known of both
    whether they are right; no answer is a wrong one. `prompt` is the version that the application calls its prompt.
    """
    reference, *candidates = answered
    measure = {one.case: outcome(one) for one in answered[reference]}
    by_id = {case.id: case for case in cases}
    for candidate in candidates:
        subject = subject_of(candidate, reference)
        for one in answered[candidate]:
            case, right, other = by_id[one.case], outcome(one), measure.get(one.case)
            if right is None or other is None:
                continue
            named = f"{feature}\0{case.step}\0{case.id}\0{subject}\0{prompt}"
            yield Label(
                source=EVALUATION,
                id=f"{EVALUATION}-{blake2b(named.encode(), digest_size=16).hexdigest()}",
                at=at,
                kind="route",
                feature=feature,
                step=case.step,
                subject=subject,
                model=candidate,
                features=features("\n".join(_texts(case))),
                right=right,
                other_right=other,
                origin="judge" if isinstance(scorer, Judge) else "scorer",
                epoch=prompt,
                judge=scorer.model if isinstance(scorer, Judge) else "",
            )


def keep(ledger: AnyLedger, labels: Sequence[Label]) -> int:
    """Keep those that are new; how many they are."""
    return ledger.write([Entry(record=one, fingerprint=fingerprint_of(one.id.encode())) for one in labels]).new


def _texts(case: Case) -> Iterator[str]:
    for message in case.messages:
        content = message.get("content")
        if isinstance(content, str):
            yield content
