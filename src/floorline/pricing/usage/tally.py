"""Numbers of an answer, checked one by one, put into disjoint buckets; what is wrong is kept as a sentence.

A provider's answer is read as `Fields`: JSON that nobody has checked yet. `Tally` reads its numbers and never raises:
what cannot be believed becomes a problem, and the answer's status says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import cast

import msgspec

Fields = Mapping[str, object]
NOTHING: Fields = {}

MAX_TOKENS = 10**12
"""A count beyond this is not believed: the largest context windows hold 10^7 tokens."""

REPORT = "report it to the provider with the response id"


def parse_number(text: str) -> Decimal:
    """A JSON number that is not a plain integer, exactly as written; NaN when its exponent is beyond Decimal's."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("NaN")


ABSENT = msgspec.Raw()
"""A member that a payload does not have."""

_ANY = msgspec.json.Decoder(float_hook=parse_number)


def decode(raw: bytes | msgspec.Raw) -> object:
    """The JSON value of `raw`, fractions as Decimal; None for what was not there."""
    return _ANY.decode(raw) if bytes(raw) else None


def fields(value: object) -> Fields:
    """`value` when it is a JSON object, else an empty one."""
    return cast("Fields", value) if isinstance(value, dict) else NOTHING


def items(value: object) -> list[Fields]:
    """The objects in `value` when it is a JSON array, else none."""
    if not isinstance(value, list):
        return []
    return [cast("Fields", entry) for entry in cast("list[object]", value) if isinstance(entry, dict)]


def texts(value: object) -> list[str]:
    """The texts in `value` when it is a JSON array, else none."""
    if not isinstance(value, list):
        return []
    return [entry for entry in cast("list[object]", value) if isinstance(entry, str)]


def text(value: object) -> str:
    """`value` when it is text, else empty text."""
    return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Modal:
    """Tokens of one side by modality, as the provider details them; None where it does not."""

    audio: int | None = None
    image: int | None = None
    video: int | None = None

    @property
    def total(self) -> int:
        """Tokens of the modalities that are reported."""
        return (self.audio or 0) + (self.image or 0) + (self.video or 0)


PLAIN = Modal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """Prompt tokens read from and written to the provider's prompt cache; None where it does not say."""

    read: int | None = None
    write_5m: int | None = None
    write_1h: int | None = None
    read_by_modality: Modal | None = None

    @property
    def total(self) -> int:
        """Tokens that the cache touched, read or written."""
        return (self.read or 0) + (self.write_5m or 0) + (self.write_1h or 0)


@dataclass(slots=True)
class Tally:
    """Buckets and counts under construction. `unreadable` says that a number was missing its meaning, so that the
    buckets are not to be used at all; a contradiction alone leaves them usable, at the dearer reading.
    """

    buckets: dict[str, int] = field(default_factory=dict[str, int])
    counts: dict[str, Decimal] = field(default_factory=dict[str, Decimal])
    problems: list[str] = field(default_factory=list[str])
    unreadable: bool = False

    def tokens(self, source: Fields, *names: str) -> int | None:
        """The first of `names` that has a value, as a whole number; None when none has, or when it is not one."""
        if source:
            for name in names:
                value = source.get(name)
                if value is not None:
                    if type(value) is int and 0 <= value <= MAX_TOKENS:  # `type`: a truth value is an int too
                        return value
                    return self.whole(name, value)
        return None

    def whole(self, name: str, value: object) -> int | None:
        """`value` as a count of at least 0. `28.0` is 28; text, truth values and fractions are problems."""
        number: int | None = None
        if isinstance(value, int) and not isinstance(value, bool):
            number = value
        elif isinstance(value, Decimal) and value.is_finite() and value.adjusted() <= 18 and value == int(value):
            number = int(value)
        if number is None or not 0 <= number <= MAX_TOKENS:
            self.unreadable = True
            shown = repr(value) if isinstance(value, str) else str(value)
            self.problems.append(f"{name} is {shown[:60]}, not a count between 0 and {MAX_TOKENS}: {REPORT}")
            return None
        return number

    def put(self, bucket: str, tokens: int | None) -> None:
        """Add `tokens` to `bucket`; None (not reported) leaves the bucket as it is."""
        if tokens is not None:
            self.buckets[bucket] = self.buckets.get(bucket, 0) + tokens

    def count(self, name: str, number: int | Decimal | None) -> None:
        """Add `number` to the count `name`; None (not reported) leaves it as it is."""
        if number is not None:
            self.counts[name] = self.counts.get(name, Decimal(0)) + number

    def prompt(self, total: int | None, cache: Cache, modal: Modal = PLAIN, *, name: str = "input") -> None:
        """Split a prompt side of `total` tokens, cached and other modalities included in it, into its buckets.

        When parts exceed the whole, the whole is counted as plain uncached input: the dearer reading.
        """
        if total is None:
            self._prompt_parts(cache, modal, cache.read_by_modality or PLAIN)
            return
        if cache.total > total:
            what = "cache_read" if (cache.read or 0) > total else "cache_read + cache_write"
            self.problems.append(f"{what} {cache.total} exceeds {name} {total}: all {total} counted uncached; {REPORT}")
            self.prompt(total, Cache(), modal, name=name)
            return
        cached = cache.read_by_modality or (_spread(cache, modal, total) if cache.read and modal.total else PLAIN)
        if modal.total > total or _exceeds(cached, modal) or cached.total > (cache.read or 0):
            self.problems.append(
                f"{name} details {modal.total} (cached {cached.total}) exceed {name} {total}"
                f" (cached {cache.read or 0}): all {total} counted as text; {REPORT}"
            )
            self.prompt(total, Cache(read=cache.read, write_5m=cache.write_5m, write_1h=cache.write_1h), name=name)
            return
        plain = total - cache.total - (modal.total - cached.total)
        if plain < 0:
            self.problems.append(f"{name} {total} is less than its parts by {-plain}: all counted as text; {REPORT}")
            self.prompt(total, Cache(), name=name)
            return
        self.put("input", plain)
        self._prompt_parts(cache, modal, cached)

    def _prompt_parts(self, cache: Cache, modal: Modal, cached: Modal) -> None:
        if cache.read is not None:
            self.put("cache_read", max(cache.read - cached.total, 0))
        self.put("cache_write_5m", cache.write_5m)
        self.put("cache_write_1h", cache.write_1h)
        if modal is PLAIN and cached is PLAIN:
            return
        for kind in ("audio", "image", "video"):
            of_kind, of_cache = cast("int | None", getattr(modal, kind)), cast("int | None", getattr(cached, kind))
            if of_kind is not None:
                self.put(f"input_{kind}", of_kind - (of_cache or 0))
            if of_cache:
                self.put(f"cache_read_{kind}", of_cache)

    def completion(
        self,
        total: int | None,
        reasoning: int | None,
        modal: Modal = PLAIN,
        *,
        inside: bool = True,
        name: str = "output",
    ) -> None:
        """Split a completion side into its buckets. `inside`: `total` includes the reasoning tokens."""
        parts = modal.total + ((reasoning or 0) if inside else 0)
        if total is not None and parts > total:
            what = f"reasoning {reasoning}" if inside and (reasoning or 0) > total else f"{name} details {parts}"
            self.problems.append(f"{what} exceeds {name} {total}: all {total} counted as output; {REPORT}")
            self.put("output", total)
            return
        if total is not None:
            self.put("output", total - parts)
        self.put("reasoning", reasoning)
        self.put("output_audio", modal.audio)
        self.put("output_image", modal.image)
        self.put("output_video", modal.video)


def _exceeds(cached: Modal, modal: Modal) -> bool:
    return (
        (cached.audio or 0) > (modal.audio or 0)
        or (cached.image or 0) > (modal.image or 0)
        or (cached.video or 0) > (modal.video or 0)
    )


def _spread(cache: Cache, modal: Modal, total: int) -> Modal:
    """Cached tokens of a prompt of `total` without detail are text first, then image, video, audio."""
    text_tokens = total - modal.total
    left = max((cache.read or 0) - max(text_tokens - (cache.write_5m or 0) - (cache.write_1h or 0), 0), 0)
    taken: dict[str, int] = {}
    for kind, available in (("image", modal.image or 0), ("video", modal.video or 0), ("audio", modal.audio or 0)):
        taken[kind] = min(left, available)
        left -= taken[kind]
    return Modal(audio=taken["audio"] or None, image=taken["image"] or None, video=taken["video"] or None)
