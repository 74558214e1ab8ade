"""What a request says, of which dialect ever: the application's own words, and the turns after them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message after the instructions. `role` is the dialect's own word."""

    role: str
    text: str

    @property
    def size(self) -> int:
        """In bytes of UTF-8."""
        return size_of(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A request's texts. `other` says that it holds what is no text (pictures, sound, files): its tokens are not its words'."""

    instructions: str
    tools: str = ""
    turns: tuple[Turn, ...] = ()
    other: bool = False

    @property
    def size(self) -> int:
        """Of all texts, in bytes of UTF-8."""
        return size_of(self.instructions) + size_of(self.tools) + sum(turn.size for turn in self.turns)


def size_of(text: str) -> int:
    """Its bytes in UTF-8. What is no text (half a surrogate pair) counts as one sign."""
    return len(text.encode(errors="replace"))
