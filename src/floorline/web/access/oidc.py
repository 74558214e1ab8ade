"""The dashboard's side of OpenID Connect: the code flow with PKCE, and an ID token that is believed after every check.

    attempt = Attempt.new(random_text, back="/features")      its cookie binds the answer to the browser
    provider.start(attempt)                                   where the browser goes
    provider.finish(attempt, answer)                          what the provider says of whoever came back

Nothing is kept of an attempt but what the browser itself holds: state, nonce and verifier follow from it, each in its own way.
"""

import hmac
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from functools import cache
from typing import Protocol, TypeVar, cast
from urllib.parse import urlsplit

import httpx2
import msgspec
from authlib.integrations.httpx_client import OAuth2Client, OAuthError
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet, KeySetSerialization
from joserfc.jws import JWSRegistry

from floorline.web.access.oidc_attempt import Attempt
from floorline.web.access.oidc_person import Claims, NotVouched
from floorline.web.access.policy import LOOPBACK, OidcPolicy

KEPT = timedelta(hours=1)
"""How long what the provider says of itself is believed."""

REFRESH_MIN = timedelta(minutes=1)
"""Keys that are not known are looked for no more often."""

LEEWAY_S = 60
ANSWER_BYTES_MAX = 1 << 20
ALGORITHMS = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
)
"""Signatures by a key that only the provider has: neither `none` nor a secret that both share."""

_T = TypeVar("_T")


class ProviderAway(Exception):
    """The identity provider cannot be asked, or makes no sense: the message says what happened."""


class _Metadata(msgspec.Struct, frozen=True):
    """Of a discovery document, what is needed."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: list[str] = msgspec.field(default_factory=lambda: ["client_secret_basic"])
    id_token_signing_alg_values_supported: list[str] = msgspec.field(default_factory=lambda: ["RS256"])


class _Keys(msgspec.Struct, frozen=True):
    """A set of keys, each as joserfc reads it."""

    keys: list[dict[str, object]]


class _Flow(Protocol):
    """Of Authlib's client, which states no types, what is used."""

    token_endpoint_auth_method: str

    def create_authorization_url(self, url: str, **parameters: str) -> tuple[str, str]:
        """Where the browser goes, and the state."""
        ...

    def fetch_token(self, url: str, **parameters: str) -> Mapping[str, object]:
        """What the provider gives for a code."""
        ...

    def close(self) -> None:
        """Close its connections."""
        ...


class _Checks(Protocol):
    """Of Authlib's claims, what is used."""

    def validate(self, now: int, leeway: int) -> None:
        """Raises a JoseError for the claim that is not good."""
        ...


class Provider:
    """One identity provider. Threads may ask at once."""

    def __init__(self, policy: OidcPolicy, redirect_uri: str, now: Callable[[], datetime]) -> None:
        self._policy, self._redirect_uri, self._now = policy, redirect_uri, now
        self._metadata: tuple[datetime, _Metadata] | None = None
        self._keys: tuple[datetime, KeySet] | None = None
        self._lock = threading.Lock()

    @property
    def host(self) -> str:
        """What people know it by."""
        return urlsplit(self._policy.issuer).hostname or ""

    def start(self, attempt: Attempt) -> str:
        """Where the browser goes to log in. ProviderAway when the provider does not say."""
        metadata = self._told()
        with closing(self._flow()) as flow:
            url, _ = flow.create_authorization_url(
                metadata.authorization_endpoint,
                state=attempt.state,
                code_verifier=attempt.verifier,
                nonce=attempt.nonce,
            )
        return url

    def finish(self, attempt: Attempt, answer: Mapping[str, str]) -> Claims:
        """What the provider says of whoever came back with `answer`, the query of the redirect. NotVouched when any check fails,
        ProviderAway as `start`.
        """
        self._check_answer(attempt, answer)
        metadata = self._told()
        token = self._exchange(metadata, attempt, answer["code"])
        text = token.get("id_token")
        if not isinstance(text, str):
            raise NotVouched("the identity provider sent no ID token: is `openid` among web.oidc.scopes?")
        try:
            return self._checked(metadata, attempt, text, token.get("access_token"))
        except (JoseError, ValueError) as error:
            raise NotVouched(f"the ID token is not good: {error}") from error

    def _check_answer(self, attempt: Attempt, answer: Mapping[str, str]) -> None:
        if not hmac.compare_digest(answer.get("state", "").encode(), attempt.state.encode()):
            raise NotVouched("this is the answer to another login: begin again")
        if answer.get("iss", self._policy.issuer) != self._policy.issuer:
            raise NotVouched("this is the answer of another identity provider")
        if not answer.get("code"):
            raise NotVouched(f"the identity provider says {answer.get('error', 'nothing')[:80]!r}")

    def _exchange(self, metadata: _Metadata, attempt: Attempt, code: str) -> Mapping[str, object]:
        methods = metadata.token_endpoint_auth_methods_supported
        with closing(self._flow()) as flow:
            if self._policy.client_secret and "client_secret_basic" not in methods and "client_secret_post" in methods:
                flow.token_endpoint_auth_method = "client_secret_post"  # noqa: S105 - a method's name
            try:
                return flow.fetch_token(
                    metadata.token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    redirect_uri=self._redirect_uri,
                    code_verifier=attempt.verifier,
                )
            except OAuthError as error:
                raise NotVouched(f"the identity provider does not take the code: {error}") from error
            except (httpx2.HTTPError, ValueError) as error:
                raise ProviderAway(f"{metadata.token_endpoint} did not answer as it should: {error}") from error

    def _checked(self, metadata: _Metadata, attempt: Attempt, text: str, access_token: object) -> Claims:
        """The claims of the ID token, when its signature, issuer, audience, times and nonce are good."""
        allowed = ALGORITHMS.intersection(metadata.id_token_signing_alg_values_supported)
        if not allowed:
            raise NotVouched("the identity provider signs by no algorithm that is taken here")
        registry = JWSRegistry(algorithms=allowed, strict_check_header=False)
        try:
            token = jwt.decode(text, self._key_set(metadata, KEPT), registry=registry)
        except InvalidKeyIdError:
            token = jwt.decode(text, self._key_set(metadata, REFRESH_MIN), registry=registry)
        claims = CodeIDToken(
            token.claims,
            token.header,
            {
                "iss": {"essential": True, "value": self._policy.issuer},
                "aud": {"essential": True, "value": self._policy.client_id},
            },
            {"nonce": attempt.nonce, "client_id": self._policy.client_id, "access_token": access_token},
        )
        cast("_Checks", claims).validate(int(self._now().timestamp()), LEEWAY_S)
        return token.claims

    def _told(self) -> _Metadata:
        """What the provider says of itself, asked at most once in a while."""
        with self._lock:
            if self._metadata is not None and self._now() - self._metadata[0] < KEPT:
                return self._metadata[1]
            url = f"{self._policy.issuer.rstrip('/')}/.well-known/openid-configuration"
            metadata = self._fetched(url, _Metadata)
            if metadata.issuer != self._policy.issuer:
                raise ProviderAway(
                    f"{url} is of the issuer {metadata.issuer!r}, and web.oidc.issuer is {self._policy.issuer!r}: write it the same"
                )
            for endpoint in (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri):
                parts = urlsplit(endpoint)
                if parts.scheme != "https" and parts.hostname not in LOOPBACK:
                    raise ProviderAway(f"{url} names {endpoint!r}, which is not https")
            self._metadata = self._now(), metadata
            return metadata

    def _key_set(self, metadata: _Metadata, kept: timedelta) -> KeySet:
        """The provider's keys, asked for anew when they are older than `kept`."""
        with self._lock:
            if self._keys is None or self._now() - self._keys[0] >= kept:
                told = cast("KeySetSerialization", msgspec.to_builtins(self._fetched(metadata.jwks_uri, _Keys)))
                try:
                    self._keys = self._now(), KeySet.import_key_set(told)
                except (JoseError, ValueError, KeyError, TypeError) as error:
                    raise ProviderAway(f"{metadata.jwks_uri} has a key that cannot be read: {error}") from error
            return self._keys[1]

    def _fetched(self, url: str, type_: type[_T]) -> _T:
        try:
            with httpx2.Client(timeout=self._timeout_s, trust_env=self._by_proxy, verify=_trusted()) as client:
                answer = client.get(url).raise_for_status()
            if len(answer.content) > ANSWER_BYTES_MAX:
                raise ProviderAway(f"{url} answers with more than {ANSWER_BYTES_MAX} bytes")
            return msgspec.json.decode(answer.content, type=type_)
        except httpx2.HTTPError as error:
            raise ProviderAway(f"{url} cannot be had: {error or type(error).__name__}") from error
        except msgspec.MsgspecError as error:
            raise ProviderAway(f"{url} is not what an identity provider says: {error}") from error

    def _flow(self) -> _Flow:
        client = OAuth2Client(
            self._policy.client_id,
            self._policy.client_secret or None,
            scope=" ".join(self._policy.scopes),
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            timeout=self._timeout_s,
            trust_env=self._by_proxy,
            verify=_trusted(),
        )
        return cast("_Flow", client)

    @property
    def _timeout_s(self) -> float:
        return self._policy.timeout.total_seconds()

    @property
    def _by_proxy(self) -> bool:
        """Whether the proxies of the environment are on the way: not to this machine."""
        return self.host not in LOOPBACK


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that this machine trusts, or those that SSL_CERT_FILE names: they take a while to read."""
    return ssl.create_default_context()
