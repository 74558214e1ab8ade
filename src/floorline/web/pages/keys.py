"""Keys: the virtual keys of the gateway, what each is bound to and used for; making one, taking one back, putting one in another's
place.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, cast, get_args
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from floorline.clock import timezone
from floorline.errors import BadInput
from floorline.events import ENVIRONMENTS, PURPOSES
from floorline.gateway.issuing import TEXT_MAX, Issued, Issuer, Wish
from floorline.gateway.keys import Key
from floorline.gateway.policy import Unattributed
from floorline.jobs.key_use import KeysUse, KeyUse, key_use
from floorline.web.abouts import about
from floorline.web.blocks import (
    About,
    Card,
    Cards,
    Column,
    Facts,
    Field,
    Form,
    Forms,
    Link,
    Note,
    Shown,
    Snippet,
    Snippets,
    Table,
    Value,
)
from floorline.web.desk import Desk
from floorline.web.http import Refused
from floorline.web.params import Text, Window, address
from floorline.web.view import Action, Deed, Done, Nothing, View

DAYS_MAX = 3_650
GRACE_HOURS = 24
GRACE_HOURS_MAX = 24 * 90
_Bound = Annotated[str, msgspec.Meta(max_length=TEXT_MAX)]


class Keys(Window, frozen=True, kw_only=True):
    """A window of the keys' use. Every environment and purpose counts unless one is named."""

    environment: Annotated[Text, msgspec.Meta(description="count calls of this environment; `all` for every one")] = (
        "all"
    )
    purpose: Annotated[Text, msgspec.Meta(description="count calls of this purpose; `all` for every one")] = "all"


class OneKey(Keys, frozen=True, kw_only=True):
    """One key, by its id."""

    key: Text


class NewKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a new key shall be: as the options of `floorline keys create`. Globs and providers are joined by commas."""

    name: _Bound
    customer: _Bound = ""
    feature: _Bound = ""
    plan: _Bound = ""
    environment: _Bound = ""
    purpose: _Bound = ""
    expires_days: Annotated[int, msgspec.Meta(ge=1, le=DAYS_MAX)] | None = None
    models: Text = ""
    providers: Text = ""
    unattributed: _Bound = ""


class Rotation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the old key goes on."""

    grace_hours: Annotated[int, msgspec.Meta(ge=0, le=GRACE_HOURS_MAX)] = GRACE_HOURS


# -- pages


def build(desk: Desk, params: Keys) -> Shown:
    """Every key."""
    now, window = desk.now(), params.window(desk.today)
    keys = desk.state.virtual_keys()
    use = key_use(desk.ledger, window.start, window.end, params.scope)
    rows = [
        _row(key, use, now, timezone(desk.ledger.timezone))
        for key in sorted(keys, key=lambda key: key.created_at, reverse=True)
    ]
    good = sum(row["state"] == "good" for row in rows)
    return Shown(
        title="Keys",
        lead="" if not keys else f"{good} of {len(keys)} keys are good.",
        about=about(params, desk.today, now, desk.ledger.timezone, notes=_counted_since(use, params, desk)),
        blocks=[
            Table(
                name="keys",
                title="Virtual keys",
                columns=_columns(params),
                rows=rows,
                empty="There is no key yet. Whoever calls the gateway needs one: make it below, or with `floorline keys create`.",
                note="A key's text is shown once, when it is made; what is kept is its keyed hash.",
            ),
            *_make(desk),
        ],
    )


def build_one(desk: Desk, params: OneKey) -> Shown:
    """One key."""
    now, window = desk.now(), params.window(desk.today)
    key = _known(desk, params.key)
    use = key_use(desk.ledger, window.start, window.end, params.scope)
    row = _row(key, use, now, timezone(desk.ledger.timezone))
    return Shown(
        title=key.name,
        about=about(params, desk.today, now, desk.ledger.timezone, notes=_counted_since(use, params, desk)),
        blocks=[
            Cards(name="use", cards=_use_cards(row, params)),
            Facts(name="rights", title="What it is", facts=_rights(key, row)),
            *_changes(desk, key, now),
        ],
    )


def _known(desk: Desk, key_id: str) -> Key:
    found = next((key for key in desk.state.virtual_keys() if key.id == key_id), None)
    if found is None:
        raise Refused(
            404, "not_found", f"there is no key {key_id[:80]!r}: /keys has the ids (k_…), not the keys themselves"
        )
    return found


def _counted_since(use: KeysUse, params: Window, desk: Desk) -> list[str]:
    window = params.window(desk.today)
    if use.since == window.start:
        return []
    if use.since >= window.end:
        return ["There are too many calls a day to count them by key on a page."]
    return [f"Calls are counted from {use.since} on: those before are too many for a page."]


def _columns(params: Keys) -> list[Column]:
    return [
        Column(name="name", title="Name", link=address("/keys/{id}", replace(params, sort="", page=""))),
        Column(name="id", title="Id", unit="code", hidden=True),
        Column(name="state", title="State", definition="key_state"),
        Column(name="bound", title="Bound to", definition="key_bound"),
        Column(name="calls", title="Calls", unit="count", definition="calls"),
        Column(name="cost", title="Cost as recorded", unit="usd", definition="key_cost"),
        Column(name="refused", title="Refused", unit="count", definition="key_refused"),
        Column(name="last", title="Last used", definition="key_last"),
        Column(name="created", title="Created", unit="instant"),
        Column(name="expires", title="Expires", definition="key_expires"),
        Column(name="may", title="May ask for", definition="key_may", hidden=True),
        Column(name="unpriced", title="Unpriced", unit="count", definition="unpriced", hidden=True),
        Column(name="last_at", title="Last used at", unit="instant", hidden=True),
        Column(name="expires_at", title="Expires at", unit="instant", hidden=True),
        Column(name="revoked_at", title="Revoked at", unit="instant", hidden=True),
    ]


def _row(key: Key, all_use: KeysUse, now: datetime, zone: ZoneInfo) -> dict[str, Value]:
    use, counted = all_use.by_key.get(key.id), all_use.counted
    return {
        "id": key.id,
        "name": key.name,
        "state": "revoked" if key.revoked else "expired" if key.expired(now) else "good",
        "bound": ", ".join(f"{field} {text}" for field, text in _bound(key).items()) or "nothing",
        "calls": (use.calls if use else 0) if counted else None,
        "cost": _cost(use) if counted else None,
        "refused": (use.refused if use else 0) if counted else None,
        "unpriced": (use.unpriced if use else 0) if counted else None,
        "last": _minute(use.last, zone) if use else "not in these days" if counted else None,
        "last_at": use.last if use else None,
        "created": key.created_at,
        "expires": _end(key, zone),
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "may": ", ".join((*key.models, *(f"at {provider}" for provider in key.providers))) or "everything",
    }


def _end(key: Key, zone: ZoneInfo) -> str:
    if key.revoked_at is not None:
        return f"revoked {_minute(key.revoked_at, zone)}"
    return "never" if key.expires_at is None else _minute(key.expires_at, zone)


def _minute(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%-d %b %Y %H:%M}"


def _cost(use: KeyUse | None) -> Value:
    if use is None:
        return 0
    return None if use.unpriced == use.calls else use.cost


def _bound(key: Key) -> Mapping[str, str]:
    fields = {
        "customer": key.customer, "feature": key.feature, "plan": key.plan,
        "environment": key.environment, "purpose": key.purpose,
    }  # fmt: skip
    return {field: text for field, text in fields.items() if text}


def _use_cards(row: Mapping[str, Value], params: OneKey) -> list[Card]:
    calls = address("/calls", replace(params, sort="", page=""))
    return [
        Card(name="calls", title="Calls", value=row["calls"], unit="count", definition="calls", to=calls),
        Card(name="cost", title="Cost as recorded", value=row["cost"], unit="usd", definition="key_cost"),
        Card(name="refused", title="Refused", value=row["refused"], unit="count", definition="key_refused"),
        Card(name="unpriced", title="Unpriced", value=row["unpriced"], unit="count", definition="unpriced"),
    ]


def _rights(key: Key, row: Mapping[str, Value]) -> list[Card]:
    return [
        Card(name="id", title="Id", value=key.id, unit="code"),
        Card(name="state", title="State", value=row["state"], unit="text", definition="key_state"),
        Card(name="created", title="Created", value=key.created_at, unit="instant"),
        Card(name="last", title="Last used", value=row["last"], unit="text", definition="key_last"),
        Card(name="expires", title="Expires", value=row["expires"], unit="text", definition="key_expires"),
        Card(name="bound", title="Bound to", value=row["bound"], unit="text", definition="key_bound"),
        Card(name="may", title="May ask for", value=row["may"], unit="text", definition="key_may"),
        Card(name="unattributed", title="Calls without a customer or feature", value=key.unattributed or "as the gateway does", unit="text", definition="key_unattributed"),
        *([Card(name="replaces", title="In place of", value=key.replaces, unit="code", to=address("/keys/{key}", key=key.replaces))] if key.replaces else []),
    ]  # fmt: skip


# -- what is done


def _make(desk: Desk) -> list[Form]:
    if desk.issuer is None:
        return []
    return [
        Form(
            name="new",
            title="Make a key",
            action="/keys",
            submit="Make the key",
            rule="admin",
            fields=(
                Field(name="name", label="Name", required=True, help="Who or what will use it."),
                Field(name="customer", label="Customer", help="Every call is this customer's, whatever its headers say."),
                Field(name="feature", label="Feature", help="Every call is this feature's."),
                Field(name="plan", label="Plan", help="Every call is on this plan."),
                Field(name="environment", label="Environment", kind="choice", options=_choices(ENVIRONMENTS)),
                Field(name="purpose", label="Purpose", kind="choice", options=_choices(PURPOSES)),
                Field(name="expires_days", label="Expires in days", kind="number", help="Never when left out."),
                Field(name="models", label="Models", help="Globs over the names it may ask for, joined by commas; every one when left out."),
                Field(name="providers", label="Providers", help="Where its calls may go, joined by commas; everywhere when left out."),
                Field(name="unattributed", label="Calls without a customer or feature", kind="choice", options=(("", "as the gateway does"), *((one, one) for one in get_args(Unattributed)))),
            ),
        )
    ]  # fmt: skip


def _choices(names: Sequence[str]) -> list[tuple[str, str]]:
    return [("", "as each call says"), *((name, name) for name in names)]


def _changes(desk: Desk, key: Key, now: datetime) -> list[Forms | Note]:
    if desk.issuer is None:
        return []
    if key.revoked or key.expired(now):
        return [
            Note(
                name="over",
                kind="info",
                text="It is good for nothing any more. Make a new one on the page of all keys.",
            )
        ]
    grace = Field(
        name="grace_hours", label="The old one goes on for hours", kind="number", value=str(GRACE_HOURS), required=True
    )
    rotate = Form(
        name="rotate", title="Put a new key in its place", action=address("/keys/{key}/rotate", key=key.id), submit="Rotate",
        rule="admin", fields=(grace,),
    )  # fmt: skip
    revoke = Form(
        name="revoke", title="Take it back", action=address("/keys/{key}/revoke", key=key.id), submit="Revoke now",
        rule="admin", danger=True,
    )  # fmt: skip
    return [Forms(name="changes", title="Change it", forms=(rotate, revoke))]


def create(desk: Desk, deed: Deed, body: NewKey) -> Done:
    """A new key, whose text is in this answer and nowhere else."""
    now = desk.now()
    providers = _listed(body.providers)
    for provider in providers:
        if provider not in desk.gateway.providers:
            names = ", ".join(desk.gateway.providers) or "none is configured"
            raise Refused(400, "invalid", f"providers: {provider!r} is none of floorline.yaml: {names}")
    wish = Wish(
        name=body.name.strip(),
        customer=body.customer.strip(),
        feature=body.feature.strip(),
        plan=body.plan.strip(),
        environment=_one_of(body.environment, ENVIRONMENTS, "environment"),
        purpose=_one_of(body.purpose, PURPOSES, "purpose"),
        expires_at=None if body.expires_days is None else now + timedelta(days=body.expires_days),
        models=_listed(body.models),
        providers=providers,
        unattributed=cast(
            "Unattributed | None", _one_of(body.unattributed, get_args(Unattributed), "unattributed") or None
        ),
    )
    try:
        issued = _issuer(desk, deed).create(wish, now)
    except BadInput as error:
        raise Refused(400, "invalid", str(error)) from error
    return _told(desk, issued, "A key was made")


def rotate(desk: Desk, deed: Deed, body: Rotation) -> Done:
    """A key of the same rights, whose text is in this answer and nowhere else."""
    _known(desk, deed.names["key"])
    try:
        issued = _issuer(desk, deed).rotate(deed.names["key"], timedelta(hours=body.grace_hours), desk.now())
    except BadInput as error:
        raise Refused(409, "state", str(error)) from error
    return _told(desk, issued, f"A key was put in place of {issued.key.replaces}")


def revoke(desk: Desk, deed: Deed, body: Nothing) -> Done:
    """The key is good for nothing from now on."""
    del body
    key = _known(desk, deed.names["key"])
    if key.revoked:
        raise Refused(409, "state", f"{key.id} was revoked at {key.revoked_at}")
    _issuer(desk, deed).revoke(key.id, desk.now())
    said = f"{key.name} is revoked: every gateway refuses it within 2 seconds."
    return Done(to=address("/keys/{key}", key=key.id), said=said, subject=key.id, audited=True, document={"id": key.id})


def _told(desk: Desk, issued: Issued, what: str) -> Done:
    key = issued.key
    shown = Shown(
        title="Keep this key now",
        lead=f"{what}: {key.name}. Its text is shown this once and kept nowhere.",
        about=About(timezone=desk.ledger.timezone, as_of=desk.now()),
        blocks=[
            Snippets(name="key", snippets=[Snippet(title=f"{key.name} ({key.id})", text=issued.text)]),
            Note(
                name="next", kind="info", text="The gateway knows it within 2 seconds. It goes where a provider's key would: "
                "`Authorization: Bearer …`, x-api-key or x-goog-api-key.", links=(Link(text="All keys", to="/keys"),),
            ),
        ],
    )  # fmt: skip
    to = address("/keys/{key}", key=key.id)
    document = {"id": key.id, "key": issued.text}
    return Done(to=to, said=f"{what}.", subject=key.id, audited=True, document=document, shown=shown)


def _issuer(desk: Desk, deed: Deed) -> Issuer:
    if desk.issuer is None:
        raise Refused(409, "state", "keys cannot be changed here: use `floorline keys` where the gateway runs")
    return desk.issuer(deed.who.name)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _one_of(value: str, names: Sequence[str], field: str) -> str:
    if value and value not in names:
        raise Refused(400, "invalid", f"{field} is {value!r}: one of {', '.join(names)}")
    return value


VIEWS = (
    View(
        path="/keys",
        title="Keys",
        group="Operate",
        key="k",
        params=Keys,
        build=build,
        compares=False,
        said="Virtual keys: what each is bound to and used for",
    ),
    View(path="/keys/{key}", title="Key", params=OneKey, build=build_one, compares=False, said="One virtual key"),
)
ACTIONS = (
    Action(path="/keys", name="key.create", body=NewKey, run=create, rule="admin", status=201, said="Make a key"),
    Action(path="/keys/{key}/rotate", name="key.rotate", body=Rotation, run=rotate, rule="admin", status=201, said="Put a new key in place of one"),
    Action(path="/keys/{key}/revoke", name="key.revoke", body=Nothing, run=revoke, rule="admin", said="Take a key back"),
)  # fmt: skip
