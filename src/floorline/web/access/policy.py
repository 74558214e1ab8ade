"""What floorline.yaml says of who may use the dashboard."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from floorline.web.who import Role

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""The names by which a machine means itself."""

SCOPES = ("openid", "email", "profile")
TIMEOUT = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcPolicy:
    """An identity provider that vouches for people. `client_secret` is '' for a public client and while its variable is
    not set. `roles`: value of the claim `role_claim` → role; `default_role` is for whoever has none of the values, None
    refuses them. `allowed_domains` are those of verified e-mail addresses, none allows every one.
    """

    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    scopes: tuple[str, ...] = SCOPES
    role_claim: str = ""
    roles: Mapping[str, Role] = field(default_factory=dict[str, Role])
    default_role: Role | None = None
    allowed_domains: tuple[str, ...] = ()
    timeout: timedelta = TIMEOUT


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPolicy:
    """`web:` of floorline.yaml. `public_url` is where people reach the dashboard, '' when nothing says so: then it is
    reached on this machine alone. `proxies` are addresses whose X-Forwarded-For is believed.
    """

    host: str = LOOPBACK[0]
    public_url: str = ""
    allowed_hosts: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    idle: timedelta = timedelta(days=1)
    lifetime: timedelta = timedelta(days=14)
    oidc: OidcPolicy | None = None

    @property
    def public_host(self) -> str:
        """The name in `public_url`, '' without one."""
        return urlsplit(self.public_url).hostname or ""

    @property
    def hosts(self) -> frozenset[str]:
        """The names by which the dashboard may be asked."""
        return frozenset((*LOOPBACK, *self.allowed_hosts, *([self.public_host] if self.public_url else [])))

    def secure(self, host: str) -> bool:
        """Whether browsers that ask `host` come by TLS, which the configuration says and no header does."""
        return self.public_url.startswith("https:") and host == self.public_host


def exposure_problem(policy: WebPolicy, host: str, *, accounts: bool) -> str:
    """Why the dashboard must not listen on `host`, '' when it may: `accounts` says whether anybody has one."""
    if host in LOOPBACK:
        return ""
    if not accounts and policy.oidc is None:
        return (
            f"the dashboard would listen on {host}, where others reach it, and nobody has an account: "
            "`floorline users add you@example.com --role admin` first, or configure web.oidc, or listen on 127.0.0.1"
        )
    if not policy.public_url:
        return (
            f"the dashboard would listen on {host}, where others reach it, and does not know its own name: set "
            "web.public_url in floorline.yaml to the https URL that people use"
        )
    return ""
