"""What labels have shown, and what gateways may therefore do: one file of certificates, published by the control process.

    shadow ─▶ certified ─▶ suspended ─▶ shadow        refused: enough labels to say that it does not hold

A guardrail acts for a call by a certificate that is `certified` and in no other state. No certificate: nobody has looked yet.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Literal, get_args

import msgspec

from floorline.events import LabelKind
from floorline.proof.betting import FRESH, Wealth
from floorline.proof.labels import Place
from floorline.proof.weights import Weights

NAME = "certificates"
"""The file in FLOORLINE_HOME, and the shelf that keeps what every certificate was."""

State = Literal["shadow", "certified", "refused", "suspended"]
STATES: tuple[State, ...] = get_args(State)


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown of one place (kind, feature, step, subject).

    `threshold` is what a score must reach to act, None where none is safe or none is needed. `budget` is the share that may be wrong, or the
    quality that must be reached, and `bound` the confidence bound that was held against it, both as their kind says; None: no bound
    yet. `labels` were judged and `rights` of them right; `share` is the part of them that it would have acted on, None: not known. `since` is when the state
    began, `epoch` what its labels hold under, `judge` who judged its labels, '' where no model did, the one that is known least where several did, and `judge_error` what that one is known to err by, None where nobody knows, `labels_from` when an alarm made earlier ones count no more, `labels_to` of when the newest of them is, `model` the candidate, `weights` what was learned. `alarm` is the betting against it
    since it was certified. `reason` says in a sentence why it is in its state.
    """

    kind: LabelKind
    feature: str
    step: str = ""
    subject: str = ""
    state: State = "shadow"
    threshold: float | None = None
    budget: float = 0.0
    bound: float | None = None
    labels: int = 0
    rights: int = 0
    share: float | None = None
    since: datetime
    epoch: str = ""
    judge: str = ""
    judge_error: float | None = None
    labels_from: datetime | None = None
    labels_to: datetime | None = None
    model: str = ""
    weights: Weights | None = None
    alarm: Wealth = FRESH
    reason: str = ""

    @property
    def place(self) -> Place:
        """What it is about."""
        return Place(self.kind, self.feature, self.step, self.subject)

    @property
    def is_unmeasured(self) -> bool:
        """Whether its labels carry nothing because nobody knows what their judge errs by."""
        return bool(self.judge) and self.judge_error is None

    @property
    def acts(self) -> bool:
        """Whether gateways act by it."""
        return self.state == "certified"


Before = Callable[[Place], Certificate | None]
"""The certificate that a place had so far."""


class Certificates(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Every certificate there is, as of a moment."""

    as_of: datetime
    every: tuple[Certificate, ...] = ()

    def find(self, kind: LabelKind, feature: str, step: str = "", subject: str = "") -> Certificate | None:
        """The one of exactly this place: what is shown of one step says nothing of another."""
        return self._by_place.get((kind, feature, step, subject))

    def of(self, kind: LabelKind, feature: str, step: str = "") -> Sequence[Certificate]:
        """Those of every subject (every candidate), by its name."""
        return self._by_step.get((kind, feature, step), ())

    @cached_property
    def _by_place(self) -> dict[tuple[str, str, str, str], Certificate]:
        return {one.place: one for one in self.every}

    @cached_property
    def _by_step(self) -> dict[tuple[str, str, str], tuple[Certificate, ...]]:
        found: dict[tuple[str, str, str], tuple[Certificate, ...]] = {}
        for one in sorted(self.every, key=lambda one: one.subject):
            step = (one.kind, one.feature, one.step)
            found[step] = (*found.get(step, ()), one)
        return found


_decode = msgspec.json.Decoder(Certificates).decode


def to_bytes(certificates: Certificates) -> bytes:
    """The file's content: JSON, for people to read too."""
    return msgspec.json.encode(certificates)


def from_bytes(content: bytes) -> Certificates:
    """What `to_bytes` was given. ValueError when it is something else."""
    try:
        return _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"is no file of certificates: {error}") from error
