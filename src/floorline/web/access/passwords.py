"""Passwords: which are taken, and how they are kept.

They are kept as argon2id with the parameters that RFC 9106 recommends where memory is scarce: 64 MiB, 3 passes, 4 lanes. A
hash with other parameters is replaced at the next login. Length is what makes a password good; no kind of character is asked for.
"""

import threading
import unicodedata
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

PASSWORD_CHARACTERS_MIN = 12
PASSWORD_CHARACTERS_MAX = 1_024
AT_ONCE_MAX = 2
"""Passwords that are hashed at a time: each takes the parameters' memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What a guess costs."""

    passes: int = 3
    memory_kib: int = 64 << 10
    lanes: int = 4


def password_problem(password: str, account: str) -> str:
    """Why `password` is not taken for `account`, an e-mail address; '' when it is."""
    if len(password) < PASSWORD_CHARACTERS_MIN:
        return f"the password has {len(password)} characters: take at least {PASSWORD_CHARACTERS_MIN}"
    if len(password) > PASSWORD_CHARACTERS_MAX:
        return f"the password has {len(password)} characters: take at most {PASSWORD_CHARACTERS_MAX}"
    if password.casefold() in {account.casefold(), account.partition("@")[0].casefold()}:
        return "the password is the account's own name: take another"
    if len(set(password)) == 1:
        return "the password is one character again and again: take another"
    return ""


class Passwords:
    """Hashes passwords and compares them. A few at a time; others wait."""

    def __init__(self, parameters: Parameters | None = None) -> None:
        of = parameters or Parameters()
        self._hasher = PasswordHasher(time_cost=of.passes, memory_cost=of.memory_kib, parallelism=of.lanes)
        self._turn = threading.BoundedSemaphore(AT_ONCE_MAX)
        self._nobodys = ""

    def hash(self, password: str) -> str:
        """What is kept of a password."""
        with self._turn:
            return self._hasher.hash(_plain(password))

    def matches(self, hashed: str, password: str) -> bool:
        """Whether `hashed` is of `password`. '' is nobody's, and takes as long to say so."""
        if len(password) > PASSWORD_CHARACTERS_MAX:
            return False
        nobody = self._nobody()
        with self._turn:
            try:
                self._hasher.verify(hashed or nobody, _plain(password))
            except VerificationError:
                return False
        return bool(hashed)

    def outdated(self, hashed: str) -> bool:
        """Whether `hashed` was made with other parameters, so that the password is hashed anew when it is known."""
        return self._hasher.check_needs_rehash(hashed)

    def _nobody(self) -> str:
        if not self._nobodys:
            self._nobodys = self.hash("the password of nobody")
        return self._nobodys


def _plain(password: str) -> str:
    """The same for every keyboard that writes the same characters."""
    return unicodedata.normalize("NFKC", password)
