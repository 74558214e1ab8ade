"""`routes:`, `routers:` and `intents:` of floorline.yaml: which model serves which call, the first rule that holds, and who is asked for it."""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path

from msgspec.structs import replace

from floorline.config.guardrails import read_condition, read_setting
from floorline.config.reader import Entry, Value, nearest
from floorline.config.settings import names_below, required_below
from floorline.gateway.policy import Embedding, IntentFile
from floorline.guardrails.condition import ALWAYS, Condition
from floorline.guardrails.frame import OFF
from floorline.guardrails.router import RouterRule
from floorline.guardrails.routing import Routing

_RULE, _ROUTER, _INTENT = "routes[]", "routers.<router>", "intents.<intent>"
TIMEOUT_MS_MAX, TTL_MS_MAX = 60_000, 30 * 86_400_000
CLASSES_MAX = 100
NAME_CHARACTERS_MAX = 100
_LABEL = re.compile(r"[\w-]{1,64}")


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


def read_routers(value: Value) -> dict[str, RouterRule]:
    """The models that rules may ask for the class of a call, by their names."""
    return {name: _router(name, entry) for name, entry in value.entries().items()}


def read_intents(value: Value, embedders: Mapping[str, Embedding], folder: Path) -> dict[str, IntentFile]:
    """The classifiers that rules may ask, by their names. Paths begin at `folder`."""
    return {name: _intent(name, entry, embedders, folder) for name, entry in value.entries().items()}


def _intent(name: str, entry: Entry, embedders: Mapping[str, Embedding], folder: Path) -> IntentFile:
    value = entry.value
    if not _LABEL.fullmatch(name):
        entry.key.complain(f"`{value.path}`: rules ask for it as intent.{name}: write it with letters, digits, - and _")
    table = value.table(names_below(_INTENT), required=required_below(_INTENT))
    file = table["file"].text() if "file" in table else None
    embedder = table["embedder"].one_of(tuple(embedders)) if "embedder" in table else None
    if embedder is not None and embedders[embedder].served:
        table["embedder"].complain(
            f"`{table['embedder'].path}` is served by a provider: a classifier goes by an embedder on this machine"
        )
    return IntentFile(path=folder / (file or ""), embedder=embedder or "")


def _router(name: str, entry: Entry) -> RouterRule:
    value = entry.value
    if not _LABEL.fullmatch(name):
        entry.key.complain(f"`{value.path}`: rules ask for it as router.{name}: write it with letters, digits, - and _")
    table = value.table(names_below(_ROUTER), required=required_below(_ROUTER))
    model = table["model"].text() if "model" in table else None
    listed = table["classes"].entries() if "classes" in table else {}
    classes = {label: said for label, one in listed.items() if (said := one.value.text()) is not None}
    if not 2 <= len(listed) <= CLASSES_MAX:
        value.complain(
            f"`{value.path}` has {len(listed)} classes: write from 2 to {CLASSES_MAX}, each with what belongs to it"
        )
    default = table["default"].one_of(tuple(classes)) if "default" in table and classes else None
    timeout = table["timeout"].duration_ms(maximum=TIMEOUT_MS_MAX) if "timeout" in table else None
    ttl = table["ttl"].duration_ms(maximum=TTL_MS_MAX) if "ttl" in table else None
    stated = RouterRule(name=name, model=model or "", classes=classes, default=default or "")
    return replace(
        stated,
        timeout_ms=timeout or stated.timeout_ms,
        ttl_s=stated.ttl_s if ttl is None else max(ttl // 1_000, 1),
    )


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
