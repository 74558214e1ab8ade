"""`routes:` of floorline.yaml: which model serves which call, the first rule that holds."""

from collections.abc import Set as AbstractSet

from floorline.config.guardrails import read_condition, read_setting
from floorline.config.reader import Value, nearest
from floorline.config.settings import names_below, required_below
from floorline.guardrails.condition import ALWAYS, Condition
from floorline.guardrails.frame import OFF
from floorline.guardrails.routing import Routing

_RULE = "routes[]"
NAME_CHARACTERS_MAX = 100


def read_routes(value: Value, labels: AbstractSet[str]) -> tuple[Routing, ...]:
    """The rules in their order. `labels` are the classifiers and routers there are, as `intent.<name>` and `router.<name>`."""
    found: dict[str, Routing] = {}
    for item in value.items():
        table = item.table(names_below(_RULE), required=required_below(_RULE))
        name = _name(table["name"], found) if "name" in table else None
        when = read_condition(table["when"]) if "when" in table else ALWAYS
        to = table["to"].text() if "to" in table else None
        everyone = "everyone" in table and table["everyone"].flag() is True
        mode = read_setting(table)
        if when is not None:
            _check_labels(table.get("when", item), when, labels)
        if everyone and mode.mode != "enforce":
            table["everyone"].complain(
                f"`{table['everyone'].path}`: a rule that holds for the hold-out too is tried on nobody first: leave out its mode"
            )
        if name and when and to and mode != OFF:
            found[name] = Routing(name=name, when=when, to=to, setting=mode, everyone=everyone)
    return tuple(found.values())


def _name(value: Value, known: dict[str, Routing]) -> str | None:
    name = value.text()
    if name is not None and name in known:
        value.complain(f"`{value.path}` is {name!r} a second time: give each rule a name of its own")
    if name is not None and not (name.isascii() and name.isprintable() and len(name) <= NAME_CHARACTERS_MAX):
        value.complain(
            f"`{value.path}` goes out as a header: write at most {NAME_CHARACTERS_MAX} printable ASCII characters"
        )
    return name


def _check_labels(value: Value, when: Condition, labels: AbstractSet[str]) -> None:
    for label in {term.label for term in when.terms} - {"", *labels}:
        kind, _, name = label.partition(".")
        value.complain(f"`{value.path}` asks {label}, and `{kind}s` has no {name!r}: {nearest(label, labels)}")
