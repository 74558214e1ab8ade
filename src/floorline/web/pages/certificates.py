"""Certificates: what labels have shown of each optimisation that may be wrong, and a person's word against it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

import msgspec

from floorline.guardrails.rules import Guardrails
from floorline.jobs.certificates import Held, held_of
from floorline.jobs.certifying import CERTIFIERS, go_on, id_of, publish, shelf, stop
from floorline.jobs.decisions import Done as Decided
from floorline.money import usd_of
from floorline.proof.certificate import STATES
from floorline.web.blocks import AnyBlock, Card, Cards, Column, Facts, Form, Link, Note, Shown, Table
from floorline.web.desk import Desk
from floorline.web.http import Refused
from floorline.web.pages.deciding import Words, about, choice, history, note_field, refusing
from floorline.web.pages.guardrails import GuardrailsParams, tabs
from floorline.web.params import Params, Text, segment
from floorline.web.view import Action, Deed, Done, View

DAYS = 30
"""Of which the dollars are."""

_PATH = "/guardrails/certificates"


class CertificatesParams(Params, frozen=True, kw_only=True):
    """Which certificates."""

    feature: Annotated[Text, msgspec.Meta(description="of this feature's calls alone")] = ""
    kind: Annotated[Text, msgspec.Meta(description="of this kind alone, as route")] = ""
    state: Annotated[Text, msgspec.Meta(description="in this state alone, as certified")] = ""


class CertificateParams(Params, frozen=True, kw_only=True):
    """Which certificate."""

    id: Annotated[Text, msgspec.Meta(description="kind/feature/step/subject, quoted")]


def certificates(desk: Desk, asked: CertificatesParams) -> Shown:
    """Every certificate."""
    every = held_of(desk.margins, desk.now(), DAYS)
    found = [one for one in every if _is_asked(one, asked)]
    return Shown(
        title="Guardrails: certificates",
        lead=_lead(every),
        about=about(desk, f"Dollars are of the last {DAYS} days, net of what the guardrail itself cost."),
        blocks=[
            tabs(GuardrailsParams(), _PATH),
            *_taken_back(found),
            *_unmeasured(found),
            Cards(name="figures", cards=_cards(found)),
            _filters(asked, every),
            _table(found),
        ],
    )


def _is_asked(held: Held, asked: CertificatesParams) -> bool:
    one = held.kept.published
    return asked.feature in {"", one.feature} and asked.kind in {"", one.kind} and asked.state in {"", one.state}


def _lead(every: Sequence[Held]) -> str:
    if not every:
        return "No certificate yet: a guardrail that needs one makes labels in shadow first."
    acting = sum(one.kept.published.acts for one in every)
    return f"{acting} of {len(every)} certificates are in force: gateways act by these and by no others."


def _taken_back(found: Sequence[Held]) -> list[AnyBlock]:
    """Said before anything else: what was in force and is so no more."""
    return [
        Note(
            name=f"taken-back-{number}",
            kind="warning",
            title=f"{one.kept.published.feature or 'calls without a feature'}, {_about(one)}:",
            text=f"taken back on {one.kept.published.since:%Y-%m-%d}. {_sentence(one.kept.published.reason)}",
            links=[Link(text="What became of it", to=_to(one))],
        )
        for number, one in enumerate(one for one in found if one.kept.published.state == "suspended")
    ]


def _unmeasured(found: Sequence[Held]) -> list[AnyBlock]:
    """Said once of each judge whose labels carry nothing because nobody knows its error."""
    published = [one.kept.published for one in found]
    reasons = dict.fromkeys([one.reason for one in published if one.is_unmeasured and one.state == "shadow"])
    return [
        Note(
            name=f"unmeasured-{number}",
            kind="warning",
            text=_sentence(reason),
            links=[Link(text="What judges were measured to err by", to="/evaluations")],
        )
        for number, reason in enumerate(reasons)
    ]


def _cards(found: Sequence[Held]) -> list[Card]:
    published = [one.kept.published for one in found]
    nets = {(one.kept.published.kind, one.kept.published.feature): one.net for one in found if one.net is not None}
    return [
        Card(name="certified", title="In force", value=sum(one.acts for one in published), unit="count", definition="certificate"),
        Card(name="shadow", title="In shadow", value=sum(one.state == "shadow" for one in published), unit="count", definition="certificate_state"),
        Card(name="refused", title="Refused", value=sum(one.state == "refused" for one in published), unit="count", definition="certificate_state"),
        Card(name="labels", title="Labels", value=sum(one.labels for one in published), unit="count", definition="labels"),
        Card(name="net", title="Saved, net", value=usd_of(sum(nets.values())), unit="usd", definition="net_saved", note=f"last {DAYS} days"),
    ]  # fmt: skip


def _filters(asked: CertificatesParams, every: Sequence[Held]) -> Form:
    published = [one.kept.published for one in every]
    return Form(
        name="filters",
        action=_PATH,
        submit="Show",
        method="get",
        rule="viewer",
        fields=[
            choice("feature", "Feature", asked.feature, sorted({one.feature for one in published} - {""})),
            choice("kind", "Kind", asked.kind, sorted({one.kind for one in published})),
            choice("state", "State", asked.state, STATES),
        ],
    )


def _table(found: Sequence[Held]) -> Table:
    return Table(
        name="certificates",
        title="What labels have shown",
        columns=[
            Column(name="feature", title="Feature", link=_PATH + "/{id}"),
            Column(name="about", title="Of"),
            Column(name="state", title="State", definition="certificate_state"),
            Column(name="labels", title="Labels", unit="count", definition="labels"),
            Column(name="bound", title="Bound", unit="percent", definition="certificate_bound"),
            Column(name="budget", title="Held against", unit="percent", definition="certificate_bound"),
            Column(name="net", title="Saved, net", unit="usd", definition="net_saved"),
            Column(name="reason", title="Why", unit="said"),
            Column(name="right", title="Right", unit="percent", definition="labels", hidden=True),
            Column(name="since", title="Since", unit="instant", hidden=True),
            Column(name="kind", title="Kind", hidden=True),
            Column(name="step", title="Step", hidden=True),
            Column(name="subject", title="Subject", hidden=True),
            Column(name="id", title="Name", unit="code", hidden=True),
        ],
        rows=[_row(one) for one in found],
        empty="No certificate is like that. A guardrail that needs one makes labels in shadow first.",
        note="Certificates of one kind and feature share what is saved: it is shown with each.",
    )


def _row(held: Held) -> dict[str, object]:
    one = held.kept.published
    return {
        "id": id_of(one.place),
        "feature": one.feature or "(none)",
        "kind": one.kind,
        "step": one.step,
        "subject": one.subject,
        "about": _about(held),
        "state": one.state,
        "labels": one.labels,
        "right": _share(one.rights / one.labels if one.labels else None),
        "bound": _share(one.bound),
        "budget": _share(one.budget),
        "since": one.since,
        "reason": _sentence(one.reason),
        **({} if held.net is None else {"net": usd_of(held.net)}),  # one that touched no call has none
    }


def _about(held: Held) -> str:
    one = held.kept.published
    return " · ".join(part for part in (one.kind, one.step, one.subject) if part)


def certificate(desk: Desk, asked: CertificateParams) -> Shown:
    """One certificate."""
    found = next((one for one in held_of(desk.margins, desk.now(), DAYS) if id_of(one.kept.published.place) == asked.id), None)  # fmt: skip
    if found is None:
        raise Refused(404, "not_found", f"no certificate is called {asked.id!r}: {_PATH} lists them")
    one, is_stopped = found.kept.published, found.kept.stopped is not None
    way = ("go-on", "Let it go on") if is_stopped else ("stop", "Stop it")
    return Shown(
        title=f"Certificate {asked.id}",
        lead=f"It is {one.state}. {_sentence(one.reason)}",
        about=about(desk, f"Dollars are of the last {DAYS} days, net of what the guardrail itself cost."),
        blocks=[
            Note(name="standing", kind="good" if one.acts else "info", text=_standing(found), links=[Link(text="Every certificate", to=_PATH)]),
            Facts(name="facts", facts=_facts(found)),
            Form(
                name=way[0], title=way[1], action=f"{_to(found)}/{way[0]}", submit=way[1], danger=not is_stopped,
                fields=[note_field("Why", required=True)],
            ),
            history(Decided(turn.at, turn.by, turn.state, turn.reason) for turn in found.kept.turns),
        ],
    )  # fmt: skip


def _standing(held: Held) -> str:
    if held.kept.published.acts:
        return "Gateways act by it. An alarm takes it back by itself when labels show that it does not hold any more."
    if held.kept.stopped is not None:
        return "A person stopped it: whatever labels show, gateways do not act by it until somebody lets it go on."
    if held.kept.published.state == "shadow":
        return "Gateways do not act by it: they go on making labels."
    return "Gateways do not act by it."


def _facts(held: Held) -> list[Card]:
    one = held.kept.published
    known = [
        Card(name="labels", title="Labels", value=one.labels, unit="count", definition="labels"),
        Card(name="rights", title="Right", value=one.rights, unit="count", definition="labels"),
        Card(name="bound", title="Bound", value=_share(one.bound), unit="percent", definition="certificate_bound"),
        Card(name="budget", title="Held against", value=_share(one.budget), unit="percent", definition="certificate_bound"),
        Card(name="judge", title="Its judge", value=one.judge or None, unit="text"),
        Card(name="judge_error", title="Its judge errs in", value=_share(one.judge_error), unit="percent", definition="judge_error_taken"),
        Card(name="threshold", title="Acts from a score of", value=_share(one.threshold), unit="number"),
        Card(name="share", title="Part it acts on", value=_share(one.share), unit="percent"),
        Card(name="alarm", title="Labels its alarm saw", value=one.alarm.n, unit="count", definition="certificate_alarm"),
        Card(name="net", title="Saved, net", value=None if held.net is None else usd_of(held.net), unit="usd", definition="net_saved"),
        Card(name="model", title="Model", value=one.model or "as asked", unit="text"),
        Card(name="since", title="Since", value=one.since, unit="instant"),
        Card(name="epoch", title="Holds under", value=one.epoch or "everything", unit="code"),
    ]  # fmt: skip
    unknown = ("bound", "judge_error") if one.is_unmeasured else ("bound",)
    return [
        card for card in known if card.value is not None or card.name in unknown
    ]  # the others are not asked of every kind


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:].rstrip('.')}." if reason else ""


def _share(number: float | None) -> Decimal | None:
    return None if number is None else Decimal(str(round(number, 6)))


def _to(held: Held) -> str:
    return f"{_PATH}/{segment(id_of(held.kept.published.place))}"


# -- what is done


class Why(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why it is stopped, or may go on."""

    note: Annotated[Words, msgspec.Meta(min_length=1)]


def stop_one(desk: Desk, deed: Deed, body: Why) -> Done:
    """Have gateways act by it no more."""
    return _turned(desk, deed, body.note, is_stop=True)


def let_go_on(desk: Desk, deed: Deed, body: Why) -> Done:
    """Let it be what its labels make it."""
    return _turned(desk, deed, body.note, is_stop=False)


def _turned(desk: Desk, deed: Deed, why: str, *, is_stop: bool) -> Done:
    name, turn = deed.names["id"], stop if is_stop else go_on
    if shelf(desk.state).get(name) is None:
        raise Refused(404, "not_found", f"no certificate is called {name!r}: {_PATH} lists them")
    with refusing():
        kept = turn(desk.state, name, by=deed.who.name, why=why, now=desk.now())
    publish(desk.ledger, desk.gateway.guardrails or Guardrails(), CERTIFIERS, desk.now())
    said = f"{name} is {kept.published.state}: gateways know within a second."
    document = {"id": name, "state": kept.published.state, "reason": kept.published.reason}
    return Done(to=f"{_PATH}/{segment(name)}", said=said, subject=name, audited=True, document=document)


VIEWS = (
    View(
        path=_PATH, title="Certificates", params=CertificatesParams, build=certificates, windowed=False, fresh_s=0,
        said="What labels have shown of each optimisation that may be wrong, and whether gateways act by it.",
    ),
    View(
        path=_PATH + "/{id}", title="Certificate", params=CertificateParams, build=certificate, windowed=False, fresh_s=0,
        said="One certificate: what it is made of, and every turn that it took.",
    ),
)  # fmt: skip
ACTIONS = (
    Action(path=_PATH + "/{id}/stop", name="certificate.stop", body=Why, run=stop_one, said="Take a certificate back, whatever labels show."),
    Action(path=_PATH + "/{id}/go-on", name="certificate.go_on", body=Why, run=let_go_on, said="Let a stopped certificate be what its labels make it."),
)  # fmt: skip
