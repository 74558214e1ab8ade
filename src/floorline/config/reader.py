"""YAML read through its node graph: every mistake is kept with its line and column, and reading goes on.

A `Value` is one node with the path that leads to it. Its methods return what was asked for, or None after noting a
problem, so that one pass over a file reports everything that is wrong with it. Numbers become Decimal from their
text: no float is ever made.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from typing import cast

import yaml

SIZE_MAX = 1 << 20
"""Bytes of one file."""

DEPTH_MAX = 16
NAMES_MAX = 40
"""A message lists no more names than this."""

_NUMBER = re.compile(r"[+-]?(\d[\d_]*)(\.\d+)?|[+-]?\.\d+")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_VARIABLE = re.compile(r"\$\{([^}]*)\}?")
_SECRET = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_MEASURE = re.compile(r"(\d[\d_]*(?:\.\d+)?) ?([A-Za-z]*)")
_MILLISECONDS = {"": 1, "ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_BYTES = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_NUMBER_DIGITS_MAX = 40
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, with where it stands (lines and columns count from 1) and how to mend it."""

    file: str
    line: int
    column: int
    message: str

    @property
    def where(self) -> str:
        """`file:line:column`."""
        return f"{self.file}:{self.line}:{self.column}"

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


@dataclass(slots=True, kw_only=True)
class Findings:
    """The problems of one file, in the order they were met, and where its secrets come from.

    `unset` are secrets whose variable `environment` lacks: a problem for whoever needs them, and for nobody else.
    """

    file: str
    environment: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    problems: list[Problem] = field(default_factory=list[Problem])
    unset: list[Problem] = field(default_factory=list[Problem])

    def note(self, mark: yaml.Mark | None, message: str) -> None:
        """Keep `message` at `mark`; without a mark it concerns the file's start."""
        self.problems.append(self._at(mark, message))

    def note_unset(self, mark: yaml.Mark | None, message: str) -> None:
        """Keep that a secret's variable is not set."""
        self.unset.append(self._at(mark, message))

    def _at(self, mark: yaml.Mark | None, message: str) -> Problem:
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        return Problem(file=self.file, line=line, column=column, message=message)


def share_of(text: str) -> Decimal | None:
    """What is written as `5%` or `0.05`, whatever its size; None where that is no number."""
    bare, percent, rest = text.partition("%")
    bare = bare.rstrip() if percent else bare
    if rest or not _NUMBER.fullmatch(bare) or len(bare) > _NUMBER_DIGITS_MAX:
        return None
    return Decimal(bare.replace("_", "")) / (100 if percent else 1)


def nearest(name: str, names: Iterable[str]) -> str:
    """What to do about the unknown `name`: the closest of `names`, or the list of them, or some of very many."""
    known = sorted(names)
    close = get_close_matches(name, known, n=1, cutoff=0.6)  # float: likeness of names
    if close:
        return f"did you mean `{close[0]}`?"
    if len(known) > NAMES_MAX:
        return f"for example {', '.join(known[:: len(known) // 3][:3])}"
    return f"one of {', '.join(known)}" if known else "nothing is expected here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One node of the file, and the path of settings that leads to it (`features.chat.floor`)."""

    node: yaml.Node
    path: str
    findings: Findings

    def complain(self, message: str) -> None:
        """Note a problem with this value."""
        self.findings.note(self.node.start_mark, message)

    def text(self) -> str | None:
        """A scalar's text, without the spaces around it; empty text is a problem."""
        content = self._scalar()
        variable = _VARIABLE.search(content) if content else None
        if variable:
            self.complain(
                f"`{self.path}` names the variable {variable[0]}: only secrets come from the environment, and this "
                "setting is none: write the value itself"
            )
            return None
        return content

    def secret(self) -> str | None:
        """What the environment has for `${NAME}`. A value that is written out is a problem, and never shown."""
        content = self._scalar()
        if content is None:
            return None
        named = _SECRET.fullmatch(content)
        if named is None:
            self.complain(
                f"`{self.path}` is written out, and secrets come from the environment only: write ${{NAME}}, set NAME "
                "where Floorline runs, and replace the secret if this file was ever shared"
            )
            return None
        value = self.findings.environment.get(named[1], "").strip()
        if not value:
            self.findings.note_unset(
                self.node.start_mark,
                f"`{self.path}` names the variable {named[1]}, which is not set: set it where Floorline runs",
            )
            return None
        return value

    def text_or_secret(self) -> str | None:
        """Text, or what the environment has for `${NAME}`."""
        named = isinstance(self.node, yaml.ScalarNode) and _SECRET.fullmatch(cast("str", self.node.value).strip())
        return self.secret() if named else self.text()

    def _scalar(self) -> str | None:
        if not isinstance(self.node, yaml.ScalarNode) or self.node.tag == "tag:yaml.org,2002:null":
            self.complain(f"`{self.path}` must be text, got {_kind(self.node)}")
            return None
        content = cast("str", self.node.value).strip()
        if not content:
            self.complain(f"`{self.path}` is empty: write its value or leave the setting out")
            return None
        return content

    def one_of(self, names: Sequence[str]) -> str | None:
        """Text that is one of `names`."""
        content = self.text()
        if content is None or content in names:
            return content
        self.complain(f"`{self.path}` is {content!r}: {nearest(content, names)}")
        return None

    def number(self, *, minimum: Decimal | None = None, maximum: Decimal | None = None) -> Decimal | None:
        """A decimal number within the bounds, both included."""
        content = self.text()
        if content is None:
            return None
        if not _NUMBER.fullmatch(content) or len(content) > _NUMBER_DIGITS_MAX:
            self.complain(f"`{self.path}` is {content!r}, which is not a number: write it as 0.60")
            return None
        value = Decimal(content.replace("_", ""))
        if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
            bounds = f"at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
            self.complain(f"`{self.path}` is {content}, it must be {bounds}")
            return None
        return value

    def share(self) -> Decimal | None:
        """A share of the whole, written as `5%` or `0.05`."""
        content = self.text()
        if content is None:
            return None
        value = share_of(content)
        if value is None:
            self.complain(f"`{self.path}` is {content!r}, which is no share: write it as 5% or 0.05")
            return None
        if not 0 <= value <= 1:
            self.complain(f"`{self.path}` is {content}, it must be from 0% to 100%")
            return None
        return value

    def share_ppm(self) -> int | None:
        """A share of the whole, in millionths."""
        share = self.share()
        return None if share is None else int(share * _MILLION)

    def json(self) -> str | None:
        """What is written, whatever it is, as one JSON document: a schema for who reads JSON."""
        try:
            construct = cast("Callable[[yaml.Node], object]", yaml.SafeLoader("").construct_document)
            return json.dumps(construct(self.node), ensure_ascii=False)
        except (yaml.MarkedYAMLError, TypeError, ValueError) as error:
            self.complain(f"`{self.path}` cannot be said in JSON: {error}")
            return None

    @property
    def is_mapping(self) -> bool:
        """Whether it is written as a mapping."""
        return isinstance(self.node, yaml.MappingNode)

    def whole(self, *, minimum: int) -> int | None:
        """A whole number of at least `minimum`."""
        value = self.number(minimum=Decimal(minimum))
        if value is not None and value != value.to_integral_value():
            self.complain(f"`{self.path}` is {value}, it must be a whole number")
            return None
        return None if value is None else int(value)

    def duration_ms(self, *, maximum: int = 7 * 86_400_000) -> int | None:
        """Milliseconds above 0: a whole number of them, or a number with its unit (`250ms`, `30s`, `5m`, `1h`, `2d`)."""
        return self._measure(_MILLISECONDS, "ms", "30s or 500ms", maximum)

    def size_bytes(self, *, maximum: int) -> int | None:
        """Bytes above 0: a whole number of them, or a number with its unit (`64KiB`, `10MiB`, `4GiB`)."""
        return self._measure(_BYTES, "bytes", "64MiB", maximum)

    def _measure(self, units: Mapping[str, int], base: str, example: str, maximum: int) -> int | None:
        content = self.text()
        if content is None:
            return None
        parts = _MEASURE.fullmatch(content)
        if parts is None or parts[2] not in units or len(content) > _NUMBER_DIGITS_MAX:
            self.complain(f"`{self.path}` is {content!r}: write it as {example}")
            return None
        value = Decimal(parts[1].replace("_", "")) * units[parts[2]]
        if value != value.to_integral_value() or not 1 <= value <= maximum:
            self.complain(f"`{self.path}` is {content}, it must be a whole number from 1 to {maximum} {base}")
            return None
        return int(value)

    def flag(self) -> bool | None:
        """`true` or `false`, and nothing else that YAML would take for one."""
        content = self.text()
        if content is not None and content not in {"true", "false"}:
            self.complain(f"`{self.path}` is {content!r}: write true or false")
            return None
        return None if content is None else content == "true"

    def day(self) -> date | None:
        """A calendar day."""
        content = self.text()
        if content is None:
            return None
        day = _day(content)
        if day is None:
            self.complain(f"`{self.path}` is {content!r}, which is not a day: write it as 2026-01-31")
        return day

    @property
    def is_list(self) -> bool:
        """Whether it is written as a list."""
        return isinstance(self.node, yaml.SequenceNode)

    def items(self) -> list["Value"]:
        """The members of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            self.complain(f"`{self.path}` must be a list (lines that begin with `-`), got {_kind(self.node)}")
            return []
        members = cast("list[yaml.Node]", self.node.value)
        return [
            Value(node=node, path=f"{self.path}[{position}]", findings=self.findings)
            for position, node in enumerate(members, 1)
        ]

    def entries(self) -> dict[str, "Entry"]:
        """The members of a mapping whose names the user chooses; a name that stands twice is a problem."""
        if not isinstance(self.node, yaml.MappingNode):
            self.complain(f"{self._title()} must be a mapping (lines of `name: value`), got {_kind(self.node)}")
            return {}
        found: dict[str, Entry] = {}
        for key, node in cast("list[tuple[yaml.Node, yaml.Node]]", self.node.value):
            label = Value(node=key, path="a name", findings=self.findings)
            name = label.text()
            if name is None:
                continue
            if name in found:
                first = found[name].key.node.start_mark.line + 1
                label.complain(f"`{self._below(name)}` stands twice, first on line {first}: keep one of them")
                continue
            value = Value(node=node, path=self._below(name), findings=self.findings)
            found[name] = Entry(key=label, value=value)
        return found

    def table(self, names: Sequence[str], *, required: Sequence[str] = ()) -> dict[str, "Value"]:
        """The members of a mapping whose names are `names`: unknown and missing names are problems."""
        known: dict[str, Value] = {}
        entries = self.entries()
        for name, entry in entries.items():
            if name in names:
                known[name] = entry.value
            else:
                entry.key.complain(f"unknown setting `{self._below(name)}`: {nearest(name, names)}")
        if isinstance(self.node, yaml.MappingNode):
            for name in required:
                if name not in entries:
                    self.complain(f"{self._title()} lacks `{name}`")
        return known

    def _below(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def _title(self) -> str:
        return f"`{self.path}`" if self.path else "the file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One `key: value` of a mapping whose names the user chooses."""

    key: Value
    value: Value


def read(content: bytes, file: str, environment: Mapping[str, str] | None = None) -> tuple[Value | None, Findings]:
    """The file's root, None when it is empty or cannot be read at all (the findings say why)."""
    findings = Findings(file=file, environment=environment or {})
    if len(content) > SIZE_MAX:
        findings.note(None, f"the file has {len(content)} bytes, at most {SIZE_MAX}: is it the right file?")
        return None, findings
    try:
        text = content.decode("utf-8-sig")
        if not _acceptable(text, findings):
            return None, findings
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        findings.note(None, f"byte {error.start} is not UTF-8 text")
        return None, findings
    except yaml.MarkedYAMLError as error:
        findings.note(error.problem_mark, f"not YAML: {error.problem or error.context}")
        return None, findings
    except yaml.reader.ReaderError as error:
        findings.note(None, f"not YAML: the character at {error.position} is not allowed")
        return None, findings
    if node is None or (isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"):
        return None, findings
    return Value(node=node, path="", findings=findings), findings


def _acceptable(text: str, findings: Findings) -> bool:
    """Whether the file stays within what is read: no anchors, aliases or tags, and no endless nesting."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        mark = cast("yaml.Mark", event.start_mark)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            findings.note(mark, "anchors (&) and aliases (*) are not read: write the value where it belongs")
            return False
        if isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None):
            findings.note(mark, "tags (!) are not read: write the plain value")
            return False
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH_MAX:
            findings.note(mark, f"nested deeper than {DEPTH_MAX} levels")
            return False
    return True


def _day(content: str) -> date | None:
    try:
        return date.fromisoformat(content) if _DAY.fullmatch(content) else None
    except ValueError:
        return None


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    return "nothing" if node.tag == "tag:yaml.org,2002:null" else f"{node.value!r}"
