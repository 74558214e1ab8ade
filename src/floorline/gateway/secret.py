"""The signing secret: what virtual keys are hashed with. A guessable one makes every kept hash guessable."""

import base64
import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from floorline.errors import BadInput

SECRET_NAME = "secret"  # noqa: S105 - a file's name
SECRET_CHARACTERS_MIN = 32
CHARACTERS_DIFFERENT_MIN = 8
PLACEHOLDERS = (
    "changeme", "replaceme", "changethis", "replacethis", "placeholder", "password", "passphrase", "secret", "example",
    "insecure", "floorline", "123456789", "abcdefgh", "qwerty",
)  # fmt: skip
"""What a made-up secret contains and a random one practically never, without case, spaces, dashes and underscores."""

_MAKE = "make one with `openssl rand -base64 48`"
_RANDOM_BYTES = 48


def check_secret(text: str, where: str) -> bytes:
    """The secret in `text`, which stands in `where`. BadInput when it is short or made up; its text is not shown."""
    secret = text.strip()
    if len(secret) < SECRET_CHARACTERS_MIN:
        raise BadInput(f"{where} has {len(secret)} characters, at least {SECRET_CHARACTERS_MIN} are needed: {_MAKE}")
    plain = secret.lower().replace("-", "").replace("_", "").replace(" ", "")
    placeholder = next((word for word in PLACEHOLDERS if word in plain), None)
    if placeholder is not None:
        raise BadInput(f"{where} contains {placeholder!r}, as placeholders do: {_MAKE}")
    if len(set(secret)) < CHARACTERS_DIFFERENT_MIN or secret in (secret + secret)[1:-1]:
        raise BadInput(f"{where} repeats itself: {_MAKE}")
    return secret.encode()


def file_secret(path: Path, random: Callable[[int], bytes]) -> bytes:
    """The secret in the file `path`, which is made of random bytes, for its owner alone, when it is not there."""
    if not path.exists():
        draft = path.with_name(f"{path.name}.{random(8).hex()}")
        _make(path, draft, base64.urlsafe_b64encode(random(_RANDOM_BYTES)))
    try:
        if path.stat().st_mode & 0o077:
            raise BadInput(f"{path} can be read by others than its owner: chmod 600 {path}")
        text = path.read_text()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}; give it back, or set FLOORLINE_SECRET") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not text: {_MAKE}") from error
    return check_secret(text, str(path))


def _make(path: Path, draft: Path, content: bytes) -> None:
    """Write the file whole or not at all; of two processes at once, one makes it and the other takes what is there."""
    try:
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(fd, "wb") as file:  # noqa: PTH123 - a descriptor, made with its mode
            file.write(content + b"\n")
            file.flush()
            os.fsync(fd)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    except OSError as error:
        raise BadInput(f"{path} cannot be made: {error.strerror}; mend that, or set FLOORLINE_SECRET") from error
