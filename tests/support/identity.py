"""An identity provider of OpenID Connect on loopback, as strict as the real ones, with keys of its own."""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

CLIENT, SECRET = "floorline", "a secret of both"


def _token(claims: dict, header: dict, key) -> str:
    return jws.serialize_compact(header, json.dumps(claims), key, algorithms=[header["alg"]])


@dataclass
class Identity:
    """The provider. Whoever is sent there is logged in at once as `claims` say; `sign` makes the ID token, so that a test
    may have it made wrongly; `requests` are the paths that were asked.
    """

    keys: list[RSAKey | ECKey]
    port: int = 0
    claims: dict = field(default_factory=lambda: {"sub": "0815"})
    methods: list[str] = field(default_factory=lambda: ["client_secret_basic"])
    algorithms: list[str] = field(default_factory=lambda: ["RS256", "ES256"])
    issuer_said: str = ""
    delay_s: float = 0
    error: str = ""
    sign: Callable[["Identity", dict], str] | None = None
    requests: list[str] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}/realm"

    def signed(self, claims: dict, *, number: int = 0) -> str:
        """An ID token by one of its keys."""
        key = self.keys[number]
        return _token(claims, {"alg": "ES256" if isinstance(key, ECKey) else "RS256", "kid": key.kid}, key)

    def unsigned(self, claims: dict) -> str:
        """An ID token with the algorithm `none`."""
        parts = ({"alg": "none", "kid": self.keys[0].kid}, claims)
        return ".".join(_base64(json.dumps(part).encode()) for part in parts) + "."

    def by_shared_secret(self, claims: dict) -> str:
        """An ID token signed with what everybody knows: the public key, taken for a secret."""
        head = ".".join(
            _base64(json.dumps(part).encode()) for part in ({"alg": "HS256", "kid": self.keys[0].kid}, claims)
        )
        made = hmac.new(self.keys[0].as_pem(private=False), head.encode(), hashlib.sha256).digest()
        return f"{head}.{_base64(made)}"

    def discovery(self) -> dict:
        return {
            "issuer": self.issuer_said or self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "token_endpoint_auth_methods_supported": self.methods,
            "id_token_signing_alg_values_supported": self.algorithms,
        }

    def authorized(self, asked: dict[str, str]) -> str:
        """Where the browser goes back to, logged in."""
        assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == ("code", CLIENT, "S256")
        assert "openid" in asked["scope"].split()
        if self.error:
            return f"{asked['redirect_uri']}?{urlencode({'error': self.error, 'state': asked['state']})}"
        code = secrets.token_urlsafe()
        self._codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.issuer})}"

    def exchanged(self, form: dict[str, str], authorization: str) -> tuple[int, dict]:
        """What a code is worth, once, for the client that began."""
        asked = self._codes.pop(form.get("code", ""), None)
        secret = base64.b64decode(authorization.removeprefix("Basic ")).decode() if authorization else ""
        if self.methods == ["client_secret_post"]:
            secret = f"{form.get('client_id')}:{form.get('client_secret')}"
        if secret != f"{CLIENT}:{SECRET}":
            return 401, {"error": "invalid_client"}
        challenge = _base64(hashlib.sha256(form["code_verifier"].encode()).digest())
        if asked is None or challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.claims,
        }
        token = self.sign(self, claims) if self.sign else self.signed(claims)
        return 200, {"access_token": "opaque", "token_type": "Bearer", "id_token": token}


@contextmanager
def identity(keys: list[RSAKey | ECKey]) -> Iterator[Identity]:
    """A provider that answers on a port of its own."""
    provider = Identity(keys=keys)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            url = urlsplit(self.path)
            provider.requests.append(url.path)
            time.sleep(provider.delay_s)
            if url.path == "/realm/.well-known/openid-configuration":
                self.say(200, provider.discovery())
            elif url.path == "/realm/keys":
                self.say(200, {"keys": [key.as_dict(private=False, use="sig", kid=key.kid) for key in provider.keys]})
            elif url.path == "/realm/authorize":
                self.send_response(302)
                self.send_header("location", provider.authorized(dict(parse_qsl(url.query))))
                self.send_header("content-length", "0")
                self.end_headers()
            else:
                self.say(404, {})

        def do_POST(self):
            provider.requests.append(self.path)
            form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
            told = provider.exchanged({k: v[0] for k, v in form.items()}, self.headers.get("authorization", ""))
            self.say(*told)

        def say(self, status: int, document: dict):
            body = json.dumps(document).encode()
            with suppress(ConnectionError):
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.port = server.server_address[1]
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    serving.start()
    try:
        yield provider
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
