"""Certificates with what came of them: the dollars of their guardrails, for people and programs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from floorline.clock import day_of, timezone
from floorline.jobs.certifying import CERTIFIERS, Certifier, Kept, Turn, id_of, shelf
from floorline.jobs.effectiveness import effects_of
from floorline.jobs.margins import Margins
from floorline.margin.dimensions import Scope
from floorline.money import text, usd_of
from floorline.proof.certificate import Certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A certificate, and what its guardrail saved for its feature, net of its own cost, in 10^-12 USD; None: it touched no call.
    Certificates of one kind and feature share what is saved.
    """

    kept: Kept
    net: int | None


def held_of(
    margins: Margins, now: datetime, days: int, feature: str = "", certifiers: Sequence[Certifier] = CERTIFIERS
) -> list[Held]:
    """Every certificate, those in force first, with the dollars of the last `days` days."""
    found = [one for one in shelf(margins.ledger.state).all().values() if feature in {"", one.certificate.feature}]
    end = day_of(now, timezone(margins.ledger.timezone)) + timedelta(days=1)
    saved = _saved(margins, end - timedelta(days=days), end, feature) if found else dict[tuple[str, str], int]()
    held = [Held(kept=one, net=saved.get(_guardrail_of(one.certificate, certifiers))) for one in found]
    return sorted(held, key=lambda one: (not one.kept.published.acts, id_of(one.kept.certificate.place)))


def saved_by(margins: Margins, one: Certificate, start: date, end: date, certifiers: Sequence[Certifier]) -> int | None:
    """What the guardrail of a certificate saved its feature from `start` to the day before `end`, as `Held.net` has it."""
    return _saved(margins, start, end, one.feature).get(_guardrail_of(one, certifiers))


def _guardrail_of(one: Certificate, certifiers: Sequence[Certifier]) -> tuple[str, str]:
    """Its feature, and its guardrail as touches call it."""
    name = next((certifier.guardrail for certifier in certifiers if one.kind in certifier.makes), "")
    return one.feature, name + one.subject if name.endswith(":") else name


def _saved(margins: Margins, start: date, end: date, feature: str) -> Mapping[tuple[str, str], int]:
    """By feature and guardrail."""
    effects = effects_of(margins, start, end, Scope(), feature)
    return {(one.feature, one.guardrail): one.net for one in effects}


def document(held: Held) -> dict[str, object]:
    """For programs; money is text of 12 places."""
    one = held.kept.published
    return {
        "name": id_of(one.place),
        "kind": one.kind,
        "feature": one.feature,
        "step": one.step,
        "subject": one.subject,
        "state": one.state,
        "since": one.since,
        "reason": one.reason,
        "labels": one.labels,
        "rights": one.rights,
        "bound": one.bound,
        "budget": one.budget,
        "judge": one.judge or None,
        "judge_error": one.judge_error,
        "threshold": one.threshold,
        "share": one.share,
        "model": one.model,
        "epoch": one.epoch,
        "alarm_labels": one.alarm.n,
        "saved_net_usd": None if held.net is None else text(usd_of(held.net)),
        "turns": [_turn(turn) for turn in held.kept.turns],
    }


def _turn(turn: Turn) -> dict[str, object]:
    return {
        "at": turn.at,
        "state": turn.state,
        "by": turn.by,
        "reason": turn.reason,
        "labels": turn.labels,
        "bound": turn.bound,
    }
