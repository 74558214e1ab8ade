"""What a key may do, at the door of a gateway: no path lets it ask for more than it was given."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.gateway.admission import Admitted, Turned, admit
from floorline.gateway.keys import Key, Keyring, digest, new_key
from floorline.gateway.message import Request
from floorline.gateway.places import Places
from floorline.gateway.policy import Allowed, GatewayPolicy, Provider

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECRET = b"Zm9vYmFyLWJhei1xdXV4LWNvcmdlLWdyYXVsdA"
TEXT = new_key(bytes(32))
HERE = Provider(name="here", dialect="openai", base_url="http://here/v1", region="eu")
THERE = Provider(name="there", dialect="openai", base_url="http://there/v1", region="us")
POLICY = GatewayPolicy(providers={"here": HERE, "there": THERE}, unattributed="allow")
BODY = b'{"model": "gpt-4o", "messages": []}'


def asked(
    path: str = "/v1/chat/completions",
    body: bytes = BODY,
    *,
    method: str = "POST",
    headers: dict[bytes, bytes] | None = None,
    policy: GatewayPolicy = POLICY,
    **rights: object,
) -> Admitted | Turned:
    key = Key(id="k_1", name="n", digest=digest(TEXT.encode(), SECRET), created_at=NOW, **rights)
    carried = {b"authorization": f"Bearer {TEXT}".encode(), b"content-type": b"application/json", **(headers or {})}
    request = Request(method=method, path=path, headers=carried, body=body)
    return admit(request, Places(policy), Keyring([key], SECRET), "call", NOW)


def refusal(found: Admitted | Turned) -> tuple[int, str] | None:
    refused = found.refusal if isinstance(found, Turned) else found.call.refusal
    return None if refused is None else (refused.status, refused.kind)


@pytest.mark.parametrize(
    "rights", [{"revoked_at": NOW}, {"expires_at": NOW}, {"expires_at": NOW - timedelta(days=1)}], ids=str
)
def test_a_key_that_is_good_no_more_gets_the_answer_of_an_unknown_one(rights):
    unknown = asked(headers={b"authorization": b"Bearer flk_x"})
    assert refusal(unknown) == (401, "invalid_api_key")
    assert asked(**rights) == unknown


ANYWHERE = st.sampled_from(
    [b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key", b"x-floorline-customer", b"baggage"]
)
ANYTHING = st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(lambda value: b"Bearer " + value))


@given(
    carried=st.dictionaries(ANYWHERE, ANYTHING),
    path=st.one_of(st.text(max_size=30), st.sampled_from(["/v1/messages", "/v1beta/models/m:generateContent", "/"])),
    query=st.text(max_size=30),
    body=st.binary(max_size=60),
)
def test_without_the_key_every_request_whatever_is_turned_away(carried, path, query, body):
    request = Request(method="POST", path=path, query=query, headers=carried, body=body)
    found = admit(request, Places(POLICY), Keyring([], SECRET), "call", NOW)
    assert isinstance(found, Turned)
    assert refusal(found) == (401, "invalid_api_key")


@given(
    carried=st.dictionaries(ANYWHERE.filter(lambda name: name != b"authorization"), ANYTHING),
    body=st.binary(max_size=60),
)
def test_with_the_key_no_other_header_and_no_body_breaks_the_admission(carried, body):
    assert isinstance(asked(body=body, headers=carried), Admitted)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/chat/completions", BODY),
        ("POST", "/v1/images/generations", BODY),
        ("POST", "/here/v1/chat/completions", BODY),
        (
            "POST",
            "/v1/audio/transcriptions",
            b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--b--',
        ),
        ("POST", "/v1/batches", b'{"input_file_id": "file-1"}'),
        ("GET", "/v1/files", b""),
    ],
)
def test_a_key_of_some_models_reaches_no_other_by_any_path(method, path, body):
    assert refusal(asked(path, body, method=method, models=("gpt-4o-mini",))) == (403, "model_not_allowed")
    assert refusal(asked(path, body, method=method)) is None


def test_a_key_of_some_models_may_list_models_and_call_its_own():
    assert refusal(asked("/v1/models", b"", method="GET", models=("gpt-4o-mini",))) is None
    assert refusal(asked(models=("gpt-4o*",))) is None


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/files", "/there/v1/chat/completions"])
def test_a_key_of_some_providers_reaches_no_other_by_any_path(path):
    found = asked(path, providers=("here",))
    assert isinstance(found, Admitted)
    assert {target.provider for target in found.targets} <= {"here"}
    assert refusal(found) == ((403, "provider_not_allowed") if path.startswith("/there/") else None)


def test_what_a_key_is_bound_to_binds_where_its_calls_go_whatever_headers_say():
    policy = GatewayPolicy(providers=POLICY.providers, customers={"acme": Allowed(regions=frozenset({"us"}))})
    other = {b"x-floorline-customer": b"other"}
    found = asked("/here/v1/chat/completions", headers=other, policy=policy, customer="acme")
    assert refusal(found) == (403, "provider_not_allowed")
    assert refusal(asked("/here/v1/chat/completions", headers=other, policy=policy)) is None


def test_a_key_that_requires_attribution_refuses_a_call_of_nobody_before_anything_is_sent():
    assert refusal(asked(unattributed="require")) == (400, "unattributed")
    assert refusal(asked(unattributed="require", customer="acme", feature="chat")) is None
    assert (
        refusal(asked(policy=GatewayPolicy(providers=POLICY.providers, unattributed="require"), unattributed="allow"))
        is None
    )
