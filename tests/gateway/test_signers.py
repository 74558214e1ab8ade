"""AWS signatures checked by an independent reading of the published rules; Google tokens fetched from a server on this machine."""

import asyncio
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import quote, urlsplit

import pytest
from botocore.credentials import Credentials, RefreshableCredentials
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.oauth2 import service_account

from floorline.gateway.attempts import _credentials
from floorline.gateway.policy import Provider
from floorline.gateway.signers import signer_for
from floorline.gateway.signers.aws import SigV4
from floorline.gateway.signers.google import GoogleToken
from floorline.gateway.upstream import UpstreamBroken
from floorline.gateway.wire.signing import Unsigned
from tests.gateway.wire.requests import headers_of, sent

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"  # the one of AWS's published examples
BEDROCK = Provider(
    name="bedrock", dialect="bedrock", kind="bedrock", auth="sigv4", region="eu-west-1",
    base_url="https://bedrock-runtime.eu-west-1.amazonaws.com",
)  # fmt: skip
VERTEX = Provider(
    name="vertex", dialect="gemini", kind="vertex", auth="google",
    base_url="https://eu-aiplatform.googleapis.com/v1/projects/p/locations/eu",
)  # fmt: skip


def signature(
    method: str, path: str, query: str, headers: dict[str, str], body: bytes, *, scope: str, secret: str
) -> str:
    """A Signature Version 4 as AWS's documentation describes it step by step; `scope` is date/region/service/aws4_request."""
    names = sorted(headers)
    canonical = "\n".join(
        [
            method, quote(path, safe="/~-_."), "&".join(sorted(query.split("&"))) if query else "",
            *[f"{name}:{headers[name].strip()}" for name in names], "", ";".join(names), hashlib.sha256(body).hexdigest(),
        ]
    )  # fmt: skip
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, text.encode(), "sha256").hexdigest()


def test_our_reading_of_the_rules_gives_the_signature_that_aws_publishes() -> None:
    headers = {"host": "example.amazonaws.com", "x-amz-date": "20150830T123600Z"}

    found = signature("GET", "/", "", headers, b"", scope="20150830/us-east-1/service/aws4_request", secret=SECRET)

    assert found == "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"  # the vector get-vanilla


@pytest.mark.parametrize("token", ["", "a-session-token"])
def test_a_request_to_bedrock_is_signed_as_the_rules_say(token: str) -> None:
    signer = SigV4(lambda: Credentials("AKIDEXAMPLE", SECRET, token or None), region="eu-west-1")
    assert signer.stale()
    signer.refresh()
    assert not signer.stale()

    path = "/model/anthropic.claude-v1%3A0/converse"
    out = sent(
        path, {"messages": []}, BEDROCK, signer=signer, headers={"content-type": "application/json"}, query="b=2&a=1"
    )

    headers = {name.decode(): value.decode() for name, value in headers_of(out)}
    assert headers.get("x-amz-security-token", "") == token
    given, _, found = headers["authorization"].partition(", Signature=")
    scope = f"{headers['x-amz-date'][:8]}/eu-west-1/bedrock/aws4_request"
    names = ["content-type", "host", "x-amz-date", *(["x-amz-security-token"] if token else [])]
    assert given == f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, SignedHeaders={';'.join(names)}"
    url = urlsplit(out.target.decode())
    covered = {name: headers[name] for name in names}
    assert found == signature("POST", url.path, url.query, covered, out.body, scope=scope, secret=SECRET)


def test_credentials_that_run_out_are_fetched_again() -> None:
    fetched: list[int] = []

    def fetch() -> dict[str, str]:
        fetched.append(1)
        left = timedelta(seconds=5) if len(fetched) == 1 else timedelta(hours=6)
        ends = (datetime.now(UTC) + left).isoformat()
        return {"access_key": f"KEY{len(fetched)}", "secret_key": "s", "token": "t", "expiry_time": ends}

    signer = SigV4(lambda: RefreshableCredentials.create_from_metadata(fetch(), fetch, "role"), region="r")
    signer.refresh()
    assert not signer.stale()  # the first set had seconds left: it was exchanged at once

    assert len(fetched) == 2
    assert b"KEY2" in dict(signer.sign("POST", "https://x/model/m/converse", [(b"host", b"x")], b""))[b"authorization"]


def test_without_aws_credentials_it_is_said_where_they_were_looked_for() -> None:
    with pytest.raises(Unsigned, match="AWS_ACCESS_KEY_ID"):
        SigV4(lambda: None, region="r").refresh()


class Tokens(BaseHTTPRequestHandler):
    """Google's token endpoint: a new token for each signed assertion."""

    given = 0
    status = 200

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers["content-length"]))
        type(self).given += 1
        answer = {"access_token": f"ya29.{self.given}", "expires_in": 3600, "token_type": "Bearer"}
        body = json.dumps(
            answer if b"assertion=" in form and self.status == 200 else {"error": "invalid_grant"}
        ).encode()
        self.send_response(self.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Nothing: the test says what went wrong."""


@contextmanager
def token_server(status: int = 200) -> Iterator[str]:
    handler = type("Here", (Tokens,), {"status": status, "given": 0})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/token"
        server.shutdown()


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def account(private_key: str, token_uri: str) -> service_account.Credentials:
    return service_account.Credentials.from_service_account_info(
        {"client_email": "floorline@p.iam.gserviceaccount.com", "private_key": private_key, "token_uri": token_uri},
        scopes=["https://www.googleapis.com/auth/cloud-platform"],
    )


def test_a_request_to_vertex_carries_a_token_that_is_fetched_once(private_key: str) -> None:
    with token_server() as uri:
        signer = GoogleToken(lambda: account(private_key, uri))
        assert signer.stale()
        signer.refresh()
        assert not signer.stale()

        for _ in range(2):
            out = sent("/v1beta/models/g:generateContent", {"contents": []}, VERTEX, signer=signer)
            assert dict(headers_of(out))[b"authorization"] == b"Bearer ya29.1"


def test_a_token_that_is_refused_is_told_as_missing_credentials(private_key: str) -> None:
    with token_server(400) as uri, pytest.raises(Unsigned, match=r"no Google credentials: .*invalid_grant"):
        GoogleToken(lambda: account(private_key, uri)).refresh()


def test_the_provider_says_which_signer_it_needs() -> None:
    assert isinstance(signer_for(BEDROCK), SigV4)
    assert isinstance(signer_for(VERTEX), GoogleToken)
    assert signer_for(Provider(name="o", dialect="openai", base_url="https://x")) is None


@pytest.mark.parametrize("found", [Credentials("AKIDEXAMPLE", SECRET), None])
def test_an_attempt_fetches_what_it_signs_with_or_ends_without_having_been_sent(found: Credentials | None) -> None:
    signer = SigV4(lambda: found, region="r")

    async def attempt() -> None:
        await _credentials(signer)

    if found is not None:
        asyncio.run(attempt())
        assert not signer.stale()
        return
    with pytest.raises(UpstreamBroken, match="no AWS credentials") as raised:
        asyncio.run(attempt())
    assert (raised.value.kind, raised.value.sent) == ("credentials", False)
