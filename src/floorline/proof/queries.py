"""The questions that certifying asks of the ledger, as values. SQL lives in sql/*.sql."""

from collections.abc import Mapping
from datetime import datetime
from importlib import resources

import msgspec

from floorline.events import Label, LabelKind
from floorline.proof.labels import Place
from floorline.query import Query

_SQL: Mapping[str, str] = {
    file.name.removesuffix(".sql"): file.read_text(encoding="utf-8")
    for file in resources.files("floorline.proof").joinpath("sql").iterdir()
    if file.name.endswith(".sql")
}

LABELS_MAX = 20_000
"""Of one place: what a certificate is made of. Older ones say little of what is served now."""


class Labelled(msgspec.Struct, frozen=True, kw_only=True):
    """A place with labels: how many since the day that was asked for, and when the newest was made."""

    kind: LabelKind
    feature: str
    step: str
    subject: str
    labels: int
    last_at: datetime

    @property
    def place(self) -> Place:
        """What they are about."""
        return Place(self.kind, self.feature, self.step, self.subject)


def places(since: datetime) -> Query[Labelled]:
    """Every place that has labels from `since` on."""
    return Query(sql=_SQL["places"], row=Labelled, parameters={"since": since})


def labels(place: Place, since: datetime, labels_max: int = LABELS_MAX) -> Query[Label]:
    """The newest labels of a place from `since` on, in the order of their time. Their features are lists."""
    parameters = {
        "kind": place.kind,
        "feature": place.feature,
        "step": place.step,
        "subject": place.subject,
        "since": since,
        "labels_max": labels_max,
    }
    return Query(sql=_SQL["labels"], row=Label, parameters=parameters)
