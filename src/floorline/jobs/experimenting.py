"""Outcomes to labels of experiments: whether what a run was for came about, for the arm that the run's calls were in.

The status that an outcome has when it is first seen here counts; a later amendment changes what it earns, not what was tried.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from importlib import resources

import msgspec

from floorline.events import Label
from floorline.guardrails.experiments.rule import Experiment, Subject, label
from floorline.guardrails.rules import Guardrails
from floorline.ledger.codec import fingerprint_of
from floorline.ledger.ledger import Entry
from floorline.ledger.surface import AnyLedger
from floorline.query import Query

EVERY = timedelta(minutes=1)
LOOK_BACK = timedelta(days=2)
"""How late an outcome may come after it was recorded."""

SOURCE = "outcomes"
_SQL = resources.files("floorline.jobs").joinpath("sql/experiment_outcomes.sql")


class OutcomeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of experiment_outcomes.sql."""

    outcome_id: str
    status: str
    at: datetime
    guardrail: str
    arm: str
    call_id: str
    customer: str
    user: str
    model: str


def by_outcome(rails: Guardrails) -> Mapping[str, Experiment]:
    """The experiments whose metric is the outcome, by what touches call them."""
    return {one.guardrail: one for rules in rails.every for one in rules.experiments if one.metric == "outcome"}


def label_outcomes(ledger: AnyLedger, rails: Guardrails, now: datetime) -> str:
    """Label every outcome of an experiment that came lately, once; how many were new, in a sentence."""
    tried = by_outcome(rails)
    parameters = {"since": now - LOOK_BACK, "guardrails": sorted(tried)}
    query = Query(sql=_SQL.read_text(encoding="utf-8"), row=OutcomeRow, parameters=parameters)
    new = keep([_label(tried[row.guardrail], row, now) for row in ledger.query(query)], ledger)
    return f"{new} outcomes of experiments" if new else ""


def keep(labels: Sequence[Label], ledger: AnyLedger) -> int:
    """Write labels that are known by their ids alone; how many were new."""
    return ledger.write([Entry(record=one, fingerprint=fingerprint_of(one.id.encode())) for one in labels]).new


def _label(one: Experiment, row: OutcomeRow, now: datetime) -> Label:
    subject = Subject(
        call_id=row.call_id, customer=row.customer, user_id=row.user, model=row.model, treated=row.arm == "treated"
    )
    return label(one, subject, source=SOURCE, id_=row.outcome_id, at=now, right=row.status == "success")
