"""Where every setting of a file stands: its line, and what is said there, but for secrets."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import yaml

from floorline.config.settings import SETTINGS, Setting

_PARTS = re.compile(r"\[\]|<[^>]*>|[^.\[\]<>]+")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

Parts = tuple[str, ...]
"""A setting's name in its parts, a member of a list being one of its own: `("prices", "[]", "model")`, or as it is written in a
file, `("prices", "[1]", "model")`.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One setting as a file says it; `line` counts from 1. `text` is what is written, but for what may be a secret: there it
    is the variable that it comes from, `${NAME}`, or nothing where it is written out. `is_set` says of such a one whether there is
    a value.
    """

    setting: Setting
    parts: Parts
    text: str
    line: int
    is_set: bool | None = None

    @property
    def path(self) -> str:
        """Its name as problems say it: `prices[1].model`."""
        return path_of(self.parts)


def written(root: yaml.Node, environment: Mapping[str, str]) -> tuple[Written, ...]:
    """Every setting below the root of a file, in the order of the file."""
    return tuple(_below(root, (), (), environment))


def unwritten(known: Sequence[Written]) -> list[tuple[Parts, Setting]]:
    """The settings that hold by their default: those of the whole file, and those of every feature, plan, provider and entry
    that is written. What says more of a setting that may be one value (a price) holds where it is written out.
    """
    mappings = {one.parts[:length] for one in known for length in range(1, len(one.parts))}
    stated = mappings | {one.parts for one in known}
    found: list[tuple[Parts, Setting]] = []
    for pattern, setting in _BY_PATTERN.items():
        own = _chosen(pattern)
        if setting.default == "required" or own == len(pattern):
            continue
        whole = next((pattern[:length] for length in range(1, len(pattern)) if pattern[:length] in _BY_PATTERN), None)
        places = dict.fromkeys(one.parts[:own] for one in known if _pattern(one.setting.name)[:own] == pattern[:own])
        for place in places if own else [()]:
            parts = (*place, *pattern[own:])
            if parts not in stated and (whole is None or parts[: len(whole)] in mappings):
                found.append((parts, setting))
    return found


def path_of(parts: Parts) -> str:
    """The parts as one name."""
    return ".".join(parts).replace(".[", "[")


def _below(node: yaml.Node, at: Parts, parts: Parts, environment: Mapping[str, str]) -> Iterator[Written]:
    known = _CHILDREN.get(at, frozenset())
    if isinstance(node, yaml.MappingNode) and known - {"[]"}:
        for key, value in cast("list[tuple[yaml.ScalarNode, yaml.Node]]", node.value):
            name = cast("str", key.value)
            step = name if name in known else next((part for part in known if part.startswith("<")), None)
            if step is not None:
                yield from _below(value, (*at, step), (*parts, name), environment)
    elif isinstance(node, yaml.SequenceNode) and "[]" in known:
        for number, value in enumerate(cast("list[yaml.Node]", node.value), 1):
            yield from _below(value, (*at, "[]"), (*parts, f"[{number}]"), environment)
    elif at in _BY_PATTERN:
        yield _one(_BY_PATTERN[at], parts, node, environment)


def _one(setting: Setting, parts: Parts, node: yaml.Node, environment: Mapping[str, str]) -> Written:
    line, said = cast("yaml.Mark", node.start_mark).line + 1, _said(node)
    variables = cast("list[str]", _VARIABLE.findall(said))
    if variables:
        is_set = all(environment.get(name, "").strip() for name in variables)
        return Written(setting=setting, parts=parts, text=said, line=line, is_set=is_set)
    if "secret" in setting.type:  # the address of a channel is as good as its password
        return Written(setting=setting, parts=parts, text="", line=line, is_set=True)
    return Written(setting=setting, parts=parts, text=said, line=line)


def _said(node: yaml.Node) -> str:
    """A node as one line."""
    if isinstance(node, yaml.SequenceNode):
        return ", ".join(map(_said, cast("list[yaml.Node]", node.value))) or "[]"
    if isinstance(node, yaml.MappingNode):
        pairs = cast("list[tuple[yaml.Node, yaml.Node]]", node.value)
        return ", ".join(f"{_said(key)}: {_said(value)}" for key, value in pairs) or "{}"
    return " ".join(cast("str", node.value).split())


def _pattern(name: str) -> Parts:
    return tuple(_PARTS.findall(name))


def _chosen(pattern: Parts) -> int:
    """How many parts lead to the last name that the user chooses, or member of a list; 0 where nothing is chosen."""
    return max((at + 1 for at, part in enumerate(pattern) if part == "[]" or part.startswith("<")), default=0)


def _children() -> dict[Parts, frozenset[str]]:
    """What may stand below each name."""
    found: dict[Parts, set[str]] = {}
    for pattern in _BY_PATTERN:
        for at, part in enumerate(pattern):
            found.setdefault(pattern[:at], set()).add(part)
    return {at: frozenset(parts) for at, parts in found.items()}


_BY_PATTERN = {_pattern(setting.name): setting for setting in SETTINGS}
_CHILDREN = _children()
