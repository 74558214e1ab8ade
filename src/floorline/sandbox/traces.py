"""What every trace reader returns, and how the readers open what they are given: bounded, and only to read."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from floorline.errors import BadInput

LINE_BYTES_MAX = 4 * 1024 * 1024
TEXT_BYTES_MAX = 4 * 1024 * 1024 * 1024
"""A trace beyond this is refused: a small compressed file must not fill the machine."""


class TracedCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a trace: when it came, relative to the trace's first instant, and how many tokens it moved.

    `position` names its place in the trace and never changes for the same file, seed and options. `input_tokens`
    includes `cache_read_tokens`; `output_tokens` includes `reasoning_tokens`.
    """

    position: str
    at_us: int
    client: str
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    reasoning_tokens: int = 0


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines of a UTF-8 text file, gzip or plain (told by its first bytes). BadInput beyond the limits above."""
    try:
        yield from _read_lines(path)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{path}: cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: is not UTF-8 text ({error.reason}): is this the right file?") from error


def _read_lines(path: Path) -> Iterator[tuple[int, str]]:
    with path.open("rb") as raw:
        compressed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream = gzip.GzipFile(fileobj=raw) if compressed else raw
        total = 0
        number = 0
        while line := stream.readline(LINE_BYTES_MAX + 1):
            number += 1
            total += len(line)
            if len(line) > LINE_BYTES_MAX or total > TEXT_BYTES_MAX:
                raise BadInput(f"{path}:{number}: longer than a trace may be ({LINE_BYTES_MAX} bytes a line)")
            yield number, line.decode().rstrip("\r\n")
