"""What a request holds, counted: its tokens by kind, what of them a cache holds, and a digest that the answer is drawn by."""

from dataclasses import dataclass, field
from hashlib import blake2b

from floorline.pricing.usage.tally import Fields, fields, text
from floorline.sandbox.provider.words import json_text, tokens

IMAGE_TOKENS = 258
"""An image of any size, and a document."""

AUDIO_TOKENS = 100
"""A piece of audio of any length."""

TURN_TOKENS = 4
"""What a message costs beside its content."""

CACHED_MIN = 1024
CACHED_STEP = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Caching:
    """Tokens of a prompt that were read from the provider's cache and written to it."""

    read: int = 0
    write_5m: int = 0
    write_1h: int = 0

    @property
    def total(self) -> int:
        """Tokens that the cache touched."""
        return self.read + self.write_5m + self.write_1h


@dataclass(slots=True)
class Prompt:
    """Tokens as they are read, in the order in which a cache sees them: tools, system, messages.

    Nothing is remembered between requests. What a conversation holds before its last message was sent before, because
    an answer to it is there: that is the repeated prefix that caches serve.
    """

    text: int = 0
    image: int = 0
    audio: int = 0
    repeated: int = 0
    marks: list[tuple[int, bool]] = field(default_factory=list[tuple[int, bool]])
    texts: list[str] = field(default_factory=list[str])
    _answered: bool = False
    _digest: "blake2b" = field(default_factory=lambda: blake2b(digest_size=16))

    @property
    def total(self) -> int:
        """Tokens of every kind."""
        return self.text + self.image + self.audio

    def say(self, said: str) -> None:
        """Take in text."""
        self.text += tokens(said)
        self.texts.append(said)
        self._digest.update(said.encode())

    def say_json(self, value: object) -> None:
        """Take in a structure, as its JSON; nothing when it is absent or empty."""
        if value:
            self.say(json_text(value))

    def show(self, value: object) -> None:
        """Take in an image or a document."""
        self.image += IMAGE_TOKENS
        self._digest.update(json_text(value).encode())

    def play(self, value: object) -> None:
        """Take in audio."""
        self.audio += AUDIO_TOKENS
        self._digest.update(json_text(value).encode())

    def turn(self, role: str) -> None:
        """A message by `role` begins."""
        if role in ("assistant", "model"):
            self._answered = True
        elif self._answered:
            self.repeated = self.total
        self.text += TURN_TOKENS

    def mark(self, control: object) -> None:
        """A mark ends here: what stands before it is to be cached, for an hour when its `ttl` says so."""
        if isinstance(control, dict):
            found: Fields = fields(control)  # pyright: ignore[reportUnknownArgumentType] - JSON that nobody checked
            self.marks.append((self.total, text(found.get("ttl")) == "1h"))

    def seed(self, model: str) -> bytes:
        """The 16 bytes that everything about the answer is drawn by."""
        digest = self._digest.copy()
        digest.update(model.encode())
        return digest.digest()

    def repeated_caching(self, stated: int | None) -> Caching:
        """Caching by the provider's own doing: the repeated prefix in whole steps of 128 tokens, from 1,024 on.

        `stated` tokens instead when a control says so. Cached tokens are text.
        """
        if stated is not None:
            return Caching(read=min(stated, self.text))
        if self.repeated < CACHED_MIN:
            return Caching()
        return Caching(read=min(self.repeated, self.text) // CACHED_STEP * CACHED_STEP)

    def marked_caching(self, stated: int | None) -> Caching:
        """Caching by marks: up to the last mark inside the repeated prefix it is read, from there to the last mark it is
        written. A mark before the 1,024th token does nothing.
        """
        if stated is not None:
            return Caching(read=min(stated, self.total))
        marks = [(place, hour) for place, hour in self.marks if place >= CACHED_MIN]
        if not marks:
            return Caching()
        read = max((place for place, _ in marks if place <= self.repeated), default=0)
        last, hour = marks[-1]
        written = last - read
        return Caching(read=read, write_1h=written) if hour else Caching(read=read, write_5m=written)
