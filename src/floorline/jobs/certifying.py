"""From labels to what gateways may do: every kind of certificate, certified anew where labels came, published in one file.

    labels by place → the kind's certifier (pure) → the shelf, with what changed and why → the audit → FLOORLINE_HOME/certificates

A person may stop a certificate: it stays suspended, whatever labels show, until somebody lets it go on.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, Protocol, TypeVar

import msgspec
from msgspec import structs

from floorline.errors import BadInput
from floorline.evals.kept import JUDGES, Measured
from floorline.events import Label, LabelKind
from floorline.guardrails.cascade.rule import NAME as CASCADE
from floorline.guardrails.cascade.thresholds import certify as certify_check
from floorline.guardrails.certified import certifying as routes
from floorline.guardrails.certified.rule import NAME as CERTIFIED_ROUTE
from floorline.guardrails.certified.rule import subjects
from floorline.guardrails.experiments import certifying as experiments
from floorline.guardrails.experiments.rule import GUARDRAIL as EXPERIMENT
from floorline.guardrails.judges import with_measured
from floorline.guardrails.rules import Guardrails, Rules
from floorline.guardrails.semantic.controller import certify as certify_near
from floorline.guardrails.semantic.rule import KIND
from floorline.guardrails.semantic.rule import NAME as SEMANTIC_CACHE
from floorline.ledger.files import put_file
from floorline.ledger.lock import Lock
from floorline.ledger.shelf import Shelf
from floorline.ledger.state import Audited, State
from floorline.ledger.surface import AnyLedger
from floorline.proof import queries
from floorline.proof.certificate import NAME, Before, Certificate, Certificates, from_bytes, to_bytes
from floorline.proof.certificate import State as Standing
from floorline.proof.labels import LabelsBy, Place

EVERY = timedelta(seconds=30)
WINDOW = timedelta(days=180)
"""Older labels say little of what is served now."""

SHELF = "certificate"
ACTOR = "floorline"
HISTORY_MAX = 100
LOCK_WAIT_S = 10
Rule_contra = TypeVar("Rule_contra", contravariant=True)
Rule = TypeVar("Rule")


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate came into `state` at `at`, for this reason; `by` is who had it so."""

    at: datetime
    state: Standing
    reason: str
    by: str = ACTOR
    labels: int = 0
    bound: float | None = None  # float: a confidence bound


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """Who stopped a certificate, when, and why."""

    by: str
    at: datetime
    why: str


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate as its labels have it, the latest turns it took, newest last, and who stopped it, if anybody did."""

    certificate: Certificate
    turns: tuple[Turn, ...] = ()
    stopped: Stopped | None = None

    @property
    def published(self) -> Certificate:
        """As gateways have it."""
        if self.stopped is None:
            return self.certificate
        reason = f"stopped by {self.stopped.by}: {self.stopped.why}"
        return structs.replace(self.certificate, state="suspended", since=self.stopped.at, reason=reason)


class Certify(Protocol[Rule_contra]):
    """What a guardrail makes of one place's labels, in the order of their time and at least one, by its own rule."""

    def __call__(
        self, rule: Rule_contra, labels: Sequence[Label], before: Certificate | None, now: datetime, /
    ) -> Certificate:
        """The certificate that there is now."""
        ...


Certifying = Callable[[Guardrails, LabelsBy, Before, datetime], Iterable[Certificate]]
"""What holds, labels by place, what was certified of a place before, now → certificates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certifier:
    """Makes certificates of `makes` from the labels of one kind, for the `guardrail` of that name in touches (one that ends in a colon goes
    on with the subject). `is_on`: there is a rule for the place. `apart`: each place by itself, so that only those with new
    labels are looked at; otherwise all of them whenever one has.
    """

    of: LabelKind
    guardrail: str
    makes: tuple[LabelKind, ...]
    is_on: Callable[[Guardrails, Place], bool]
    certify: Certifying
    apart: bool = True


def by(
    kind: LabelKind,
    guardrail: str,
    rule_of: Callable[[Rules], Rule | None],
    certify: Certify[Rule],
    is_about: Callable[[Rule, Place], bool] = lambda _rule, _place: True,
) -> Certifier:
    """Certifies every place by itself, by its feature's rule, where that is about it."""

    def every(rails: Guardrails, labels: LabelsBy, before: Before, now: datetime) -> Iterable[Certificate]:
        for place, found in labels.items():
            rule = rule_of(rails.of(place.feature))
            assert rule is not None, "only places with a rule are certified"
            yield certify(rule, found, before(place), now)

    def is_on(rails: Guardrails, place: Place) -> bool:
        rule = rule_of(rails.of(place.feature))
        return rule is not None and is_about(rule, place)

    return Certifier(of=kind, guardrail=guardrail, makes=(kind,), is_on=is_on, certify=every)


CERTIFIERS: tuple[Certifier, ...] = (
    Certifier(
        of="route",
        guardrail=CERTIFIED_ROUTE,
        makes=("route", "score"),
        is_on=routes.is_on,
        certify=routes.certify_routes,
        apart=False,
    ),
    by(
        KIND,
        SEMANTIC_CACHE,
        lambda rules: rules.semantic_cache,
        certify_near,
        lambda rule, place: bool(place.subject) is (rule.certify == "customer"),
    ),
    by(
        "cascade",
        CASCADE,
        lambda rules: rules.cascade,
        certify_check,
        lambda rule, place: place.subject in subjects(rule.stages),
    ),
    Certifier(
        of="experiment",
        guardrail=EXPERIMENT,
        makes=("experiment",),
        is_on=lambda rails, place: experiments.find(rails.of(place.feature).experiments, place) is not None,
        certify=experiments.certify_all,
    ),
)
"""Every kind of certificate there is."""


def shelf(state: State) -> Shelf[Kept]:
    """Where certificates are kept."""
    return Shelf(state, SHELF, Kept)


def id_of(place: Place) -> str:
    """The name of a place's document, and of what the audit says of it."""
    return "/".join(place)


class Turned(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate came into another state; `before` is '' for one that is new."""

    before: Standing | Literal[""]
    certificate: Certificate


def _nobody(_turned: Turned) -> None:
    """Is told of it."""


class CertifyingJob:
    """Certifies again and again. One object serves one configuration: it remembers which labels it has seen. `tell` is told of every
    certificate that came into another state.
    """

    def __init__(
        self,
        ledger: AnyLedger,
        rails: Guardrails,
        certifiers: Sequence[Certifier] = CERTIFIERS,
        tell: Callable[[Turned], None] = _nobody,
    ) -> None:
        self._ledger, self._rails, self._certifiers, self._tell = ledger, rails, certifiers, tell
        self._seen: dict[Place, tuple[int, datetime]] = {}
        self._stated = rails
        self._measured: list[Measured] = []

    def run(self, now: datetime) -> str:
        """Certify what has new labels, and publish; what became of it, in a sentence."""
        self._measure()
        since = now - WINDOW
        found = {one.place: (one.labels, one.last_at) for one in self._ledger.query(queries.places(since))}
        kept = shelf(self._ledger.state)
        turned = [
            one
            for certifier in self._certifiers
            for made in self._made(certifier, found, since, now)
            if (one := keep(kept, self._ledger.state, made, now)) is not None
        ]
        self._seen = found
        every = publish(self._ledger, self._rails, self._certifiers, now)
        for one in turned:
            self._tell(one)
        acting = sum(one.acts for one in every)
        return f"{acting} of {len(every)} certificates are in force, {len(turned)} changed" if every else ""

    def _measure(self) -> None:
        """Go by what judges are measured to err by; where that changed every place is looked at again."""
        measured = list(Shelf(self._ledger.state, JUDGES, Measured).all().values())
        if measured != self._measured:
            self._rails, self._measured = with_measured(self._stated, measured), measured
            self._seen = {}

    def _made(
        self, certifier: Certifier, found: Mapping[Place, tuple[int, datetime]], since: datetime, now: datetime
    ) -> Iterable[Certificate]:
        mine = [place for place in found if place.kind == certifier.of and certifier.is_on(self._rails, place)]
        new = [place for place in mine if self._seen.get(place) != found[place]]
        if not new:
            return ()
        labels = {place: self._labels(place, since) for place in (new if certifier.apart else mine)}
        kept = shelf(self._ledger.state)

        def before(place: Place) -> Certificate | None:
            known = kept.get(id_of(place))
            return None if known is None else known.certificate

        return certifier.certify(self._rails, labels, before, now)

    def _labels(self, place: Place, since: datetime) -> Sequence[Label]:
        rows = self._ledger.query(queries.labels(place, since))
        return [structs.replace(row, features=tuple(row.features)) for row in rows]


def keep(kept: Shelf[Kept], state: State, made: Certificate, now: datetime) -> Turned | None:
    """Put the certificate in place of the one before. That it came into another state is audited; None where it did not."""
    known = kept.get(id_of(made.place))
    turned = known is None or known.certificate.state != made.state
    turn = Turn(at=now, state=made.state, reason=made.reason, labels=made.labels, bound=made.bound)

    def change(before: Kept | None) -> Kept:
        turns = () if before is None else before.turns
        turns = (*turns, turn)[-HISTORY_MAX:] if turned else turns
        return Kept(certificate=made, turns=turns, stopped=None if before is None else before.stopped)

    kept.change(id_of(made.place), change, now=now)
    if not turned:
        return None
    action = f"certificate.{made.state}"
    state.audit(Audited(at=now, actor=ACTOR, action=action, subject=id_of(made.place), detail=made.reason))
    return Turned(before="" if known is None else known.certificate.state, certificate=made)


def publish(
    ledger: AnyLedger, rails: Guardrails, certifiers: Sequence[Certifier], now: datetime
) -> tuple[Certificate, ...]:
    """See that gateways have every certificate that a rule asks for, as it is; the file is written when one of them is another."""
    every = tuple(one.published for one in asked_for(rails, certifiers, shelf(ledger.state).all().values()))
    path = ledger.home / NAME
    lock = Lock.take(path.with_name(f"{NAME}.lock"), wait_s=LOCK_WAIT_S)  # a person may stop one meanwhile
    try:
        if _published(path) != every:
            put_file(path, to_bytes(Certificates(as_of=now, every=every)))
    finally:
        lock.release()
    return every


def asked_for(rails: Guardrails, certifiers: Sequence[Certifier], kept: Iterable[Kept]) -> list[Kept]:
    """Those of the kept ones that a rule asks for: what rules are gone was kept of asks for nothing."""
    is_on = {kind: one.is_on for one in certifiers for kind in one.makes}
    places = ((one, one.certificate.place) for one in kept)
    return [one for one, place in places if place.kind in is_on and is_on[place.kind](rails, place)]


def _published(path: Path) -> Sequence[Certificate] | None:
    try:
        return from_bytes(path.read_bytes()).every
    except (FileNotFoundError, ValueError):  # none yet, or of another release
        return None


def stop(state: State, id_: str, *, by: str, why: str, now: datetime) -> Kept:
    """Have gateways act by the certificate no more, until `go_on`. BadInput when there is none of that id."""
    return _person(state, id_, Stopped(by=by, at=now, why=why), by=by, why=why, now=now)


def go_on(state: State, id_: str, *, by: str, why: str, now: datetime) -> Kept:
    """Let the certificate be what its labels make it. BadInput when there is none of that id, or nobody stopped it."""
    return _person(state, id_, None, by=by, why=why, now=now)


def _person(state: State, id_: str, stopped: Stopped | None, *, by: str, why: str, now: datetime) -> Kept:
    kept = shelf(state)
    known = kept.get(id_)
    if known is None:
        raise BadInput(f"there is no certificate {id_!r}: `floorline certificates` lists them")
    if (known.stopped is None) is (stopped is None):
        raise BadInput(f"{id_} is {'stopped already' if stopped else 'not stopped'}")
    standing = "suspended" if stopped else known.certificate.state
    turn = Turn(at=now, state=standing, reason=why, by=by)

    def change(before: Kept | None) -> Kept:
        assert before is not None, "certificates are never removed"
        return structs.replace(before, stopped=stopped, turns=(*before.turns, turn)[-HISTORY_MAX:])

    done = kept.change(id_, change, now=now)
    action = "certificate.stop" if stopped else "certificate.go_on"
    state.audit(Audited(at=now, actor=by, action=action, subject=id_, detail=why))
    assert done is not None, "it was put just now"
    return done
