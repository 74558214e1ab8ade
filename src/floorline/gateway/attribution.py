"""Whose call it is: what the key fixes, what headers, baggage and metadata say, and the aliases of other gateways.

docs/attribution.md has the table of precedence, `_SOURCES` is it. A value that cannot be used is
ignored and noted, and the next source is asked: attribution never fails a call by itself.
"""

import unicodedata
from collections.abc import Callable, Mapping
from urllib.parse import unquote_to_bytes

import msgspec

from floorline.events import CALL_TYPES, ENVIRONMENTS, PURPOSES
from floorline.gateway.policy import Unattributed
from floorline.ledger.key import Key

FIELDS = (
    "customer", "user", "feature", "workflow", "run", "step", "call_type", "plan", "environment", "purpose", "prompt",
)  # fmt: skip
TEXT_MAX = 4_096
"""Characters of one value: what a column of the ledger takes."""

DOCUMENT_BYTES_MAX = 16 << 10
"""Of one header that holds several values: baggage, metadata."""

METADATA_MAX = 50
"""Entries of metadata; what comes after them is dropped and noted."""

NOTES_MAX = 20

ATTRIBUTION_HEADERS = frozenset({b"baggage", b"x-customer-id"})
ATTRIBUTION_PREFIXES = (b"x-floorline-", b"x-litellm-", b"x-portkey-", b"helicone-")
"""Headers (lower case) that are for a gateway alone and never go upstream, and how more of them begin."""


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    """Whose call it is. Empty text: nobody said it. `call_type` is empty when nobody said it, for the endpoint to decide.
    `prompt` is what the application calls the version of its prompt.

    `notes` says which values were ignored and why: for people, not for programs.
    """

    customer: str = ""
    user: str = ""
    feature: str = ""
    workflow: str = ""
    run: str = ""
    step: str = ""
    call_type: str = ""
    plan: str = ""
    environment: str = "production"
    purpose: str = "production"
    prompt: str = ""
    metadata: Mapping[str, str] = {}
    notes: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """What the call lacks to be attributed: a customer, a feature, or both."""
        if self.customer and self.feature:
            return ()
        return tuple(name for name in ("customer", "feature") if not getattr(self, name))


def unattributed(attribution: Attribution, key: Key | None, general: Unattributed) -> Unattributed | None:
    """What holds for a call that lacks attribution: the key's own policy, else the general one. None: it lacks nothing."""
    if attribution.customer and attribution.feature:
        return None
    return (key.unattributed if key is not None else None) or general


def missing_text(attribution: Attribution) -> str:
    """What to send so that the call is attributed."""
    return "; ".join(
        f"the call names no {name}: send the header x-floorline-{name}, or use a key that is bound to one"
        for name in attribution.missing
    )


_CHOICES: Mapping[str, tuple[str, ...]] = {"call_type": CALL_TYPES, "environment": ENVIRONMENTS, "purpose": PURPOSES}

_FIELD_NAMES: Mapping[str, str] = {
    **{field: field for field in FIELDS},
    **{f"{field}_id": field for field in ("customer", "user", "feature", "workflow", "run", "step", "plan")},
    "call-type": "call_type", "customer-id": "customer", "user-id": "user", "run-id": "run",
    "prompt_version": "prompt", "prompt-version": "prompt", "_user": "user", "_environment": "environment",
}  # fmt: skip
"""Names inside of metadata that mean a field. `_user` and `_environment` are Portkey's."""

_texts = msgspec.json.Decoder(dict[str, str])
_values = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text = msgspec.json.Decoder(str)


class _Said:
    """What one request says so far. Sources are asked in the order in which they count, so what was said first stays."""

    __slots__ = ("fields", "metadata", "notes")

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self.metadata: dict[str, str] = {}
        self.notes: list[str] = []

    def offer(self, field: str, value: str, origin: bytes) -> None:
        """Take `value` for `field` unless it was said."""
        if field in self.fields:
            return
        text = value.strip() if len(value) <= TEXT_MAX and value.isprintable() else self.clean(value, origin)
        if field in _CHOICES:
            text = self.choose(field, text, origin)
        if text:
            self.fields[field] = text

    def choose(self, field: str, text: str, origin: bytes) -> str:
        """`text` in lower case when it is one of the field's words, else empty."""
        choice = text.lower()
        if choice in _CHOICES[field]:
            return choice
        self.note(origin, f"ignored, {text[:40]!r} is no {field}: one of {', '.join(_CHOICES[field])}")
        return ""

    def add(self, name: str, value: str, origin: bytes) -> None:
        """Take an entry of a document: the field that `name` means, else metadata."""
        field = _FIELD_NAMES.get(name) or _FIELD_NAMES.get(name.lower())
        if field is not None:
            self.offer(field, value, origin)
            return
        if len(name) + len(value) <= TEXT_MAX and name.isprintable() and value.isprintable():
            name, text = name.strip(), value.strip()
        else:
            name, text = self.clean(name, origin), self.clean(value, origin)
        if not name or not text or name in self.metadata:
            return
        if len(self.metadata) < METADATA_MAX:
            self.metadata[name] = text
        else:
            self.note(origin, f"more than {METADATA_MAX} entries of metadata, the rest is dropped")

    def clean(self, value: str, origin: bytes) -> str:
        """`value` without control characters and outer spaces; empty when it is too long."""
        if len(value) <= TEXT_MAX:
            return value.strip() if value.isprintable() else _printable(value)
        self.note(origin, f"ignored, longer than {TEXT_MAX} characters")
        return ""

    def note(self, origin: bytes, problem: str) -> None:
        """Keep why something was ignored, once."""
        text = f"{origin[:60].decode('latin-1')}: {problem}"
        if len(self.notes) < NOTES_MAX and text not in self.notes:
            self.notes.append(text)


def _printable(value: str) -> str:
    """Without what has no shape: control, format, surrogate and unassigned characters, line and paragraph separators."""
    kept = (c for c in value if (kind := unicodedata.category(c))[0] != "C" and kind not in {"Zl", "Zp"})
    return "".join(kept).strip()


def _decoded(value: bytes) -> str:
    """A header's text: UTF-8, else Latin-1, so that two values never become one."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _read_object(said: _Said, value: bytes, origin: bytes) -> None:
    """A JSON object. Numbers and flags keep the digits they are written with, null is not said."""
    try:
        entries: Mapping[str, str] = _texts.decode(value)
    except msgspec.DecodeError:
        try:
            entries = {name: _plain(bytes(raw)) for name, raw in _values.decode(value).items()}
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            said.note(origin, f"ignored, not a JSON object ({str(error)[:80]})")
            return
    for name, text in entries.items():
        said.add(name, text, origin)


def _plain(raw: bytes) -> str:
    if raw.startswith(b'"'):
        return _text.decode(raw)
    return "" if raw == b"null" else raw.decode()


def _read_baggage(said: _Said, value: bytes, origin: bytes) -> None:
    """W3C baggage: the members that begin with `floorline.`, percent-decoded, without their properties."""
    for member in _decoded(value).split(","):
        if "floorline." not in member:
            continue
        name, _, text = member.partition(";")[0].partition("=")
        name = name.strip()
        if name.startswith("floorline."):
            said.add(name[10:], _decoded(unquote_to_bytes(text)) if "%" in text else text, origin)


def _read_property(said: _Said, value: bytes, origin: bytes) -> None:
    """Helicone's: the header's own name says which."""
    said.add(_decoded(origin[len(_PROPERTY) :]), _decoded(value), origin)


def _read_tags(said: _Said, value: bytes, origin: bytes) -> None:
    said.add("tags", _decoded(value), origin)


_PROPERTY = b"helicone-property-"
_Reader = Callable[[_Said, bytes, bytes], None]
_SOURCES: tuple[tuple[bytes, str | _Reader], ...] = (
    *((b"x-floorline-" + field.replace("_", "-").encode(), field) for field in FIELDS),
    (b"baggage", _read_baggage),
    (b"x-floorline-metadata", _read_object),
    (b"x-litellm-customer-id", "customer"),
    (b"x-litellm-end-user-id", "user"),
    (b"x-litellm-session-id", "run"),
    (b"x-litellm-tags", _read_tags),
    (b"x-litellm-spend-logs-metadata", _read_object),
    (b"x-customer-id", "customer"),
    (b"helicone-user-id", "user"),
    (b"helicone-session-id", "run"),
    (b"helicone-session-name", "workflow"),
    (b"helicone-session-path", "step"),
    (b"helicone-prompt-id", "prompt"),
    (_PROPERTY, _read_property),
    (b"x-portkey-trace-id", "run"),
    (b"x-portkey-metadata", _read_object),
)
"""Each header with the field that it is, or how its several values are read. What stands higher counts more; the key
stands above all of them, the body's end user below.
"""

_ORDER = {name: position for position, (name, _) in enumerate(_SOURCES)}
_DIRECT = {name: as_ for name, as_ in _SOURCES if isinstance(as_, str)}
_DOCUMENTS = {name: as_ for name, as_ in _SOURCES if not isinstance(as_, str)}
_PLAIN = {b"x-floorline-" + field.encode(): field for field in FIELDS if field not in _CHOICES}
_READ = frozenset(_ORDER)


def attribute(key: Key | None, headers: Mapping[bytes, bytes], end_user: str) -> Attribution:
    """Whose call it is. `headers` have names in lower case; `end_user` is what the body names (`user`,
    `safety_identifier`, `metadata.user_id`), empty without. What the key fixes beats everything.
    """
    said = _Said()
    others: list[bytes] = []
    for name in _READ.intersection(headers):
        field = _PLAIN.get(name)
        if field is None:
            others.append(name)
            continue
        try:
            text = headers[name].decode().strip()
        except UnicodeDecodeError:
            text = headers[name].decode("latin-1").strip()
        if text.isprintable() and 0 < len(text) <= TEXT_MAX:  # nothing counts more, nothing to mend: most of all values
            said.fields[field] = text
        else:
            said.offer(field, text, name)
    if _PROPERTY in b" ".join(headers):
        others += [name for name in headers if name.startswith(_PROPERTY)]
    for name in sorted(others, key=_position) if len(others) > 1 else others:
        _read(said, name, headers[name])
    if end_user:
        said.offer("user", end_user, b"the body's user")
    return _settled(key, said)


def _position(name: bytes) -> int:
    return _ORDER.get(name, _ORDER[_PROPERTY])


def _read(said: _Said, name: bytes, value: bytes) -> None:
    field = _DIRECT.get(name)
    if field is not None:
        said.offer(field, _decoded(value), name)
    elif len(value) > DOCUMENT_BYTES_MAX:
        said.note(name, f"ignored, longer than {DOCUMENT_BYTES_MAX} bytes")
    else:
        _DOCUMENTS.get(name, _read_property)(said, value, name)


def _settled(key: Key | None, said: _Said) -> Attribution:
    fields = said.fields
    if key is not None:
        for name, fixed in (
            ("customer", key.customer), ("feature", key.feature), ("plan", key.plan),
            ("environment", key.environment), ("purpose", key.purpose),
        ):  # fmt: skip
            if fixed:
                fields[name] = fixed
    return Attribution(**fields, metadata=said.metadata, notes=tuple(said.notes))  # pyright: ignore[reportArgumentType] - no field of FIELDS is metadata
