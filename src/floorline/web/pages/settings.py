"""Settings: the configuration that holds, each value with its line in the file, and what looks wrong with it."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, Literal

import msgspec

from floorline.margin.floors import feature_floor
from floorline.web.blocks import About, Column, Field, Form, Note, Shown, Table, Value
from floorline.web.desk import Desk
from floorline.web.params import Params, Text
from floorline.web.settings_shown import ConfigShown, SettingShown
from floorline.web.view import View

_WHICH = (("", "all of them"), ("stated", "what the file says"), ("default", "what holds by default"))


class Settings(Params, frozen=True, kw_only=True):
    """Which settings are shown."""

    q: Annotated[
        Text, msgspec.Meta(description="words that a setting's name, value or description has, all of them")
    ] = ""
    which: Annotated[Literal["", "stated", "default"], msgspec.Meta(description="`stated` in the file, or holding by `default`; both when not given")] = ""  # fmt: skip


def build(desk: Desk, params: Settings) -> Shown:
    """The page."""
    config = desk.settings
    found = [one for one in config.settings if _is_asked(one, params)]
    return Shown(
        title="Settings",
        lead=_lead(config),
        about=About(timezone=desk.ledger.timezone, as_of=desk.now(), notes=["Read-only: change the file, then `kill -HUP` the process that serves, or start it again."] if config.file else []),
        blocks=[
            *(Note(name=f"warning-{number}", kind="warning", text=text) for number, text in enumerate(config.warnings, 1)),
            _search(params),
            Table(
                name="settings",
                title="Settings that hold",
                columns=_COLUMNS,
                rows=[_row(one, config) for one in found],
                empty="No setting has these words.",
            ),
            _floors(desk),
            Table(
                name="variables",
                title="Environment variables",
                columns=_VARIABLE_COLUMNS,
                rows=[{"name": one.name, "is_set": one.is_set, "doc": one.doc} for one in config.variables],
                empty="None is read.",
            ),
        ],
    )  # fmt: skip


def _lead(config: ConfigShown) -> str:
    stated = sum(one.line is not None for one in config.settings)
    if not config.file:
        return "There is no floorline.yaml: every setting holds by its default."
    wrong = (
        f" {len(config.warnings)} warnings." if len(config.warnings) > 1 else " 1 warning." if config.warnings else ""
    )
    return f"{config.file} says {stated} settings; the others hold by their defaults.{wrong}"


def _is_asked(one: SettingShown, params: Settings) -> bool:
    if params.which and (params.which == "stated") != (one.line is not None):
        return False
    text = f"{one.name} {one.value} {one.doc}".casefold()
    return all(word in text for word in params.q.casefold().split())


def _search(params: Settings) -> Form:
    return Form(
        name="search",
        title="Find a setting",
        action="/settings",
        submit="Find",
        method="get",
        rule="viewer",
        fields=(
            Field(name="q", label="Words", value=params.q, help="In its name, its value or its description."),
            Field(name="which", label="Of", kind="choice", value=params.which, options=_WHICH),
        ),
    )


_COLUMNS = (
    Column(name="name", title="Setting", unit="code"),
    Column(name="value", title="Value", definition="setting_value"),
    Column(name="where", title="Where", definition="setting_where"),
    Column(name="doc", title="What it is"),
    Column(name="type", title="As"),
    Column(name="secret", title="Secret", definition="setting_secret", hidden=True),
    Column(name="line", title="Line", unit="count", hidden=True),
)
_VARIABLE_COLUMNS = (
    Column(name="name", title="Variable", unit="code"),
    Column(name="is_set", title="Set", unit="flag"),
    Column(name="doc", title="What it is"),
)


def _row(one: SettingShown, config: ConfigShown) -> dict[str, Value]:
    return {
        "name": one.name,
        "value": _value(one),
        "where": "default" if one.line is None else f"{PurePath(config.file).name}:{one.line}",
        "doc": one.doc,
        "type": one.type,
        "secret": one.secret or None,
        "line": one.line,
    }


def _value(one: SettingShown) -> str:
    if one.secret:
        return f"{one.value} ({one.secret})" if one.value else f"({one.secret}, not shown)"
    return one.value


def _floors(desk: Desk) -> Table:
    return Table(
        name="floors",
        title="Floors that hold today",
        columns=(
            Column(name="feature", title="Feature"),
            Column(name="role", title="Role"),
            Column(name="hosting", title="Hosting"),
            Column(name="floor", title="Floor", unit="percent", definition="floor"),
            Column(name="origin", title="By", definition="floor_origin"),
            Column(name="band", title="Yellow band", unit="percent", definition="yellow_band"),
            Column(name="owner", title="Owner"),
        ),
        rows=[_floor_row(desk, name) for name in desk.policies.features],
        empty="floorline.yaml names no feature: each is held to the default of its role and hosting.",
    )


def _floor_row(desk: Desk, name: str) -> Mapping[str, Value]:
    policy, floor = desk.policies.features[name], feature_floor(desk.policies, name, desk.today)
    return {
        "feature": name, "role": policy.role, "hosting": policy.hosting, "floor": floor.ratio, "origin": floor.origin,
        "band": floor.band, "owner": policy.owner or desk.policies.runbook.owner or "nobody",
    }  # fmt: skip


VIEWS = (
    View(
        path="/settings",
        title="Settings",
        group="Data",
        key="s",
        params=Settings,
        build=build,
        windowed=False,
        said="The configuration that holds, read-only, each setting with its file and line",
    ),
)
