"""A login by an identity provider that is under way. Pure."""

import base64
import hashlib
import hmac
from dataclasses import dataclass

from floorline.web.access.secret import Random

_BINDING_CHARACTERS = 43


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One login under way. `binding` is the browser's secret, `back` where it wanted to go."""

    binding: str
    back: str

    @classmethod
    def new(cls, random: Random, back: str) -> "Attempt":
        """A login that begins."""
        return cls(binding=random(), back=back)

    @classmethod
    def of_cookie(cls, value: str) -> "Attempt | None":
        """The login that a browser's cookie holds; None when it holds none."""
        binding, rest = value[:_BINDING_CHARACTERS], value[_BINDING_CHARACTERS:]
        try:
            back = base64.urlsafe_b64decode(rest + "=" * (-len(rest) % 4)).decode()
        except ValueError:
            return None
        return cls(binding=binding, back=back) if len(binding) == _BINDING_CHARACTERS else None

    @property
    def cookie(self) -> str:
        """What the browser shall hold meanwhile."""
        assert len(self.binding) == _BINDING_CHARACTERS, "a secret of 32 bytes in base64url"
        return self.binding + base64.urlsafe_b64encode(self.back.encode()).rstrip(b"=").decode()

    @property
    def state(self) -> str:
        """What the provider sends back."""
        return self._derived("state")

    @property
    def nonce(self) -> str:
        """What the ID token must hold."""
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """What proves to the provider that the code is asked for by who began."""
        return self._derived("verifier")

    def _derived(self, purpose: str) -> str:
        made = hmac.new(self.binding.encode(), f"floorline oidc {purpose} 1".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(made).rstrip(b"=").decode()
