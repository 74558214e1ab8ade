"""What a request asks, as a key, and which requests no cache is asked about."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.gateway.admission import Admitted, admit
from floorline.gateway.cache.asking import Keys, age_max_s, passed_by
from floorline.gateway.keys import Keyring
from floorline.gateway.message import Request
from floorline.gateway.places import Places
from floorline.gateway.policy import GatewayPolicy
from floorline.gateway.underway import UnderWay
from tests.support.serving import KEY, NOON, SECRET, key, plain

PLACES = Places(GatewayPolicy(providers=plain("http://provider")))
RING = Keyring((key(),), SECRET)
KEYS = Keys(SECRET)
CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
GEMINI, CONVERSE = "/v1beta/models/m:generateContent", "/model/m/converse"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text('ab "\\{}é\n', max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=8,
)


def call(body: object, path: str = CHAT, **headers: str) -> UnderWay:
    """The call of a POST; names of headers have _ for -."""
    said = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    path, _, query = path.partition("?")
    admitted = admit(
        Request(
            method="POST",
            path=path,
            query=query,
            headers={b"authorization": f"Bearer {KEY}".encode(), **said},
            body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        ),
        PLACES,
        RING,
        "0" * 32,
        NOON,
    )
    assert isinstance(admitted, Admitted)
    assert admitted.call.refusal is None, admitted.call.refusal
    return admitted.call


def of(
    body: object, path: str = CHAT, *, partition: tuple[str, ...] = ("customer", "f", "acme"), **headers: str
) -> bytes:
    return KEYS.of(call(body, path, **headers), partition, ())


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), JSON, max_size=4), st.data())
def test_neither_the_order_of_members_nor_white_space_matters_and_every_value_does(
    members: dict[str, object], data: st.DataObject
) -> None:
    body = {"model": "m", **members}
    names = data.draw(st.permutations(sorted(body)))
    again = {name: body[name] for name in names}
    assert of(again) == of(body) == of(json.dumps(again, indent=data.draw(st.integers(0, 3))).encode())
    changed = data.draw(st.sampled_from(sorted(body)))
    other = {**body, changed: "another"}
    assert (of(other) == of(body)) == (other == body)


@pytest.mark.parametrize(
    ("path", "body", "beside", "counts"),
    [
        (CHAT, {"model": "m"}, {"user": "u", "metadata": {}, "service_tier": "flex"}, {"store": True}),
        (
            MESSAGES,
            {"model": "m", "max_tokens": 9},
            {"metadata": {"user_id": "u"}, "service_tier": "auto"},
            {"user": "u"},
        ),
        (GEMINI, {"contents": []}, {"labels": {"a": "b"}}, {"safetySettings": []}),
        (CONVERSE, {"messages": []}, {"requestMetadata": {"a": "b"}}, {"additionalModelRequestFields": {"k": 1}}),
    ],
)
def test_what_says_who_asks_is_left_out_in_every_dialect(
    path: str, body: dict[str, object], beside: dict[str, object], counts: dict[str, object]
) -> None:
    assert of({**body, **beside}, path) == of(body, path)
    assert of({**body, **counts}, path) != of(body, path)


def test_partition_path_query_stream_and_headers_that_change_answers_are_part_of_the_key() -> None:
    body = {"model": "m"}
    keys = [
        of(body),
        of(body, partition=("customer", "f", "globex")),
        of(body, RESPONSES),
        of(body, "/openai/v1/chat/completions"),
        of(body, f"{CHAT}?n=1"),
        of({**body, "stream": True}),
        of({**body, "stream": True, "stream_options": {"include_usage": True}}),
        of({**body, "stream": True}, x_floorline_include_cost="true"),
        of(body, openai_beta="a"),
        of({"model": "m2"}),
        KEYS.of(call(body, x_language="de"), ("customer", "f", "acme"), ("x-language",)),
        Keys(b"another secret").of(call(body), ("customer", "f", "acme"), ()),
    ]
    assert len(set(keys)) == len(keys)
    assert {len(one) for one in keys} == {24}
    assert of(body, f"{CHAT}?key=flk_x") == of(body, traceparent="1", user_agent="x") == of(body, x_floorline_run="r")


@pytest.mark.parametrize(
    ("path", "body", "headers", "reason"),
    [
        (CHAT, {"model": "m"}, {}, ""),
        (CHAT, {"model": "m", "temperature": None}, {}, ""),
        (CHAT, {"model": "m", "temperature": 0.3}, {}, ""),
        (CHAT, {"model": "m", "temperature": 0.31}, {}, "temperature"),
        (CHAT, {"model": "m", "temperature": [1]}, {}, "temperature"),
        (MESSAGES, {"model": "m", "max_tokens": 1, "temperature": 1}, {}, "temperature"),
        (GEMINI, {"contents": [], "generationConfig": {"temperature": 1}}, {}, "temperature"),
        (GEMINI, {"contents": [], "generation_config": {"temperature": 1}}, {}, "temperature"),
        (GEMINI, {"contents": [], "generationConfig": {"temperature": 0}}, {}, ""),
        (CONVERSE, {"messages": [], "inferenceConfig": {"temperature": 1}}, {}, "temperature"),
        ("/model/m/invoke", {"temperature": 1}, {}, "temperature"),
        ("/model/m/invoke", {"prompt": "a"}, {}, ""),
        (CHAT, {"model": "m"}, {"cache_control": "No-Store"}, "no_store"),
        (CHAT, {"model": "m"}, {"cache_control": "max-age=1, no-cache"}, "no_store"),
        (CHAT, {"model": "m"}, {"cache_control": "max-age=1"}, ""),
        (CHAT, {"model": "m"}, {"pragma": "no-cache"}, "no_store"),
        (CHAT, {"model": "m"}, {"cache_control": "max-age=1", "pragma": "no-cache"}, ""),
        (RESPONSES, {"model": "m", "input": "a"}, {}, ""),
        (RESPONSES, {"model": "m", "previous_response_id": "r"}, {}, "stateful"),
        (RESPONSES, {"model": "m", "conversation": "c", "background": False}, {}, "stateful"),
        (RESPONSES, {"model": "m", "background": True}, {}, "stateful"),
        (RESPONSES, {"model": "m", "background": False, "previous_response_id": None}, {}, ""),
        (RESPONSES, {"model": "m", "tools": [{"type": "mcp"}]}, {}, "acting_tools"),
        (RESPONSES, {"model": "m", "tools": [{"type": "function", "name": "f"}]}, {}, ""),
        ("/v1/embeddings", {"model": "m", "input": "a"}, {}, ""),
        ("/v1/files", {"model": "m"}, {}, "endpoint"),
        ("/v1/messages/count_tokens", {"model": "m"}, {}, "endpoint"),
    ],
)  # fmt: skip
def test_a_request_is_passed_by_for_a_reason(path: str, body: object, headers: dict[str, str], reason: str) -> None:
    assert passed_by(call(body, path, **headers), Decimal("0.3")) == reason


def test_a_header_that_stands_twice_counts_with_both_its_values() -> None:
    said = call({"model": "m"}, cache_control="max-age=7")
    said.request.raw_headers = [(b"cache-control", b"no-store"), (b"cache-control", b"max-age=7")]
    assert passed_by(said, Decimal(0)) == "no_store"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("max-age=60", 60), ("public, Max-Age=0", 0), ("max-age=²", None), ("max-age", None), ("no-transform", None)],
)
def test_how_old_an_answer_may_be_is_read_where_it_can_be(header: str, seconds: int | None) -> None:
    assert age_max_s(Request(method="POST", path="/", headers={b"cache-control": header.encode("latin-1")})) == seconds
