"""What is read of a body, and what a body that cannot be served is told."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.gateway.wire.body import IMAGE_TOKENS, View, estimate_input_tokens, view
from floorline.gateway.wire.errors import Invalid
from floorline.gateway.wire.routes import Route
from tests.gateway.wire.requests import routed, seen

CHAT = routed("/v1/chat/completions")
RESPONSES = routed("/v1/responses")
MESSAGES = routed("/v1/messages")
GEMINI = routed("/v1beta/models/gemini-3-pro:streamGenerateContent")
CONVERSE = routed("/model/m/converse")
CALLS = [CHAT, RESPONSES, MESSAGES, GEMINI, CONVERSE]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def read(where: Route, **members: Any) -> View:
    return plain(where, json.dumps(members).encode())


def plain(where: Route, body: bytes) -> View:
    return msgspec.structs.replace(seen(where, body), model_at=(0, 0), held={})


def test_openais_members_are_read() -> None:
    found = read(CHAT, model="gpt-5", stream=True, max_completion_tokens=9, max_tokens=5, user="u")

    assert found == View(model="gpt-5", named="gpt-5", stream=True, output_cap=9, end_user="u")
    assert read(RESPONSES, model="m", max_output_tokens=7, safety_identifier="s", user="u") == View(
        model="m", named="m", output_cap=7, end_user="s"
    )


def test_a_stream_that_asks_for_its_usage_is_seen() -> None:
    assert read(CHAT, model="m", stream=True, stream_options={"include_usage": True}).wants_usage
    assert not read(CHAT, model="m", stream=True, stream_options={"include_usage": False}).wants_usage
    assert not read(CHAT, model="m", stream=True, stream_options=None).wants_usage


def test_anthropics_members_are_read() -> None:
    found = read(MESSAGES, model="claude", max_tokens=1024, stream=False, metadata={"user_id": "u"}, user="not this")

    assert found == View(model="claude", named="claude", output_cap=1024, end_user="u")
    assert read(MESSAGES, model="claude", max_tokens=1, metadata=None).end_user == ""


def test_geminis_model_and_stream_come_from_the_path_and_its_cap_in_either_spelling() -> None:
    assert read(GEMINI, contents=[], generationConfig={"maxOutputTokens": 5}) == View(
        model="gemini-3-pro", stream=True, output_cap=5
    )
    assert read(GEMINI, contents=[], generation_config={"max_output_tokens": 6}).output_cap == 6


def test_bedrocks_cap_is_read_in_both_interfaces() -> None:
    assert read(CONVERSE, messages=[], inferenceConfig={"maxTokens": 5}) == View(model="m", output_cap=5)
    assert read(routed("/model/m/invoke"), max_tokens=6).output_cap == 6


def test_an_azure_deployment_is_the_model_whatever_the_body_calls_it() -> None:
    where = routed("/openai/deployments/mine/chat/completions")

    assert read(where, messages=[]) == View(model="mine")
    assert read(where, model="gpt-4o", messages=[]) == View(model="mine", named="gpt-4o")


def test_null_is_the_same_as_absent() -> None:
    assert read(CHAT, model="m", stream=None, max_tokens=None, user=None) == View(model="m", named="m")


@pytest.mark.parametrize(
    ("body", "kind", "param", "message"),
    [
        (b"", "invalid_json", "", "empty: send a JSON object"),
        (b"   ", "invalid_json", "", "empty: send a JSON object"),
        (b"{", "invalid_json", "", "not JSON"),
        (b'{"model":"m",}', "invalid_json", "", "not JSON"),
        (b'{"model":"m"} x', "invalid_json", "", "not JSON"),
        (b"{'model':'m'}", "invalid_json", "", "not JSON"),
        (b'{"model":NaN}', "invalid_json", "", "not JSON"),
        (b"\x1f\x8b\x08\x00", "invalid_json", "", "compressed"),
        (b'{"model":"m"' + b"".join(b',"%d":1' % n for n in range(10_001)) + b"}", "invalid_type", "", "10002 members"),
        (b"[]", "invalid_type", "", "Expected object, got array"),
        (b'"x"', "invalid_type", "", "Expected object, got str"),
        (b"{}", "model_missing", "model", "name the model to call"),
        (b'{"model":""}', "model_missing", "model", "name the model to call"),
        (b'{"model":null}', "model_missing", "model", "name the model to call"),
        (b'{"model":5}', "invalid_type", "model", "got int"),
        (b'{"model":["m"]}', "invalid_type", "model", "got array"),
        (b'{"model":"m\\r\\nx-evil: 1"}', "model_invalid", "model", "printable ASCII"),
        (b'{"model":"' + b"m" * 600 + b'"}', "model_invalid", "model", "512"),
        (b'{"model":"m","stream":"true"}', "invalid_type", "stream", "got str"),
        (b'{"model":"m","stream":1}', "invalid_type", "stream", "got int"),
        (b'{"model":"m","max_tokens":"9"}', "invalid_type", "max_tokens", "got str"),
        (b'{"model":"m","max_tokens":1.5}', "invalid_type", "max_tokens", "got float"),
        (b'{"model":"m","max_tokens":' + b"9" * 5000 + b"}", "invalid_type", "max_tokens", "out of range"),
        (b'{"model":"m","user":{"id":1}}', "invalid_type", "user", "got object"),
        (b'{"model":"m","stream_options":[]}', "invalid_type", "stream_options", "got array"),
        (b'{"model":"m","stream_options":{"include_usage":1}}', "invalid_type", "stream_options.include_usage", "got int"),
        (b'{"model":"m","x":' + b"[" * 50_000 + b"]" * 50_000 + b"}", "invalid_json", "", "nested too deeply"),
        (b'{"model":"m","x":"\xff"}', "invalid_utf8", "", "not UTF-8 at byte 18"),
        (b'{"model":"\xe4"}', "invalid_utf8", "", "not UTF-8 at byte 10"),
        (b'{"model":"cheap","model":"dear"}', "repeated_member", "model", "twice"),
        (b'{"model":"cheap","x":{"model":1},"mod\\u0065l":"dear"}', "repeated_member", "model", "twice"),
        (b'{"mod\\u0065l":"dear","model":"cheap"}', "repeated_member", "model", "twice"),
        (b'{"model":"cheap","Model":"dear"}', "repeated_member", "model", "twice"),
        (b'{"a":1,"a":2,"model":"m"}', "repeated_member", "a", "twice"),
        (b'{"model":"m", "a":1,"a":1 }', "repeated_member", "a", "twice"),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_served_is_told_what_to_change(body: bytes, kind: str, param: str, message: str) -> None:
    found = view(CHAT, body)

    assert isinstance(found, Invalid), found
    assert (found.status, found.kind, found.param) == (400, kind, param)
    assert message in found.message


@given(st.dictionaries(st.text(), json_values, min_size=1), st.sampled_from([None, 1]), st.booleans(), st.data())
def test_a_repeated_member_is_seen_wherever_it_stands(
    members: dict[str, object], indent: int | None, ascii_only: bool, data: st.DataObject
) -> None:
    def written(name: str, value: object) -> str:
        return (
            f"{json.dumps(name, ensure_ascii=ascii_only)}:{json.dumps(value, indent=indent, ensure_ascii=ascii_only)}"
        )

    parts = [written(name, value) for name, value in {"model": "m", **members}.items()]
    again = written(data.draw(st.sampled_from(["model", *members])), data.draw(json_values))
    twice = [*parts]
    twice.insert(data.draw(st.integers(0, len(parts))), again)
    once = view(CHAT, f"{{{','.join(parts)}}}".encode(errors="surrogatepass"))
    found = view(CHAT, f"{{{','.join(twice)}}}".encode(errors="surrogatepass"))

    assert isinstance(once, View) or once.kind == "invalid_type"
    assert isinstance(found, Invalid)
    assert found.kind in ("repeated_member", "invalid_type")


def test_the_models_place_is_known_with_and_without_white_space() -> None:
    for body in (b'{"x":{"model":1},"model":"gpt-5"}', b' { "x" : [ ] ,\n"model"\t: "gpt-5" , "\xc3\xbc":1}\n'):
        start, end = seen(CHAT, body).model_at
        assert body[start:end] == b'"gpt-5"'


def test_the_word_model_inside_a_body_is_no_repetition() -> None:
    body = b'{ "model" : "m" , "tools":[{"properties":{"model":{"type":"string"}}}], "z":"\\u0065\\"model\\"" }\n'

    assert seen(CHAT, body).model == "m"


def test_a_passthroughs_body_may_be_anything() -> None:
    where = routed("/v1/images/generations")

    assert seen(where, b'{"model":"dall-e-3","stream":true}') == View(model="dall-e-3", named="dall-e-3", stream=True)
    assert seen(where, b'{"model":5}') == View(model="")
    assert seen(where, b'{"model":"a\\nb"}') == View(model="")
    assert seen(where, b"--boundary\r\n\xff\x00") == View(model="")
    assert seen(where, b"") == View(model="")


def test_an_estimate_counts_a_token_for_each_four_bytes_rounded_up() -> None:
    assert [estimate_input_tokens(b"x" * size) for size in (0, 1, 4, 5)] == [0, 1, 1, 2]


def test_an_inline_image_is_estimated_as_an_image_not_as_text() -> None:
    picture = b'{"image_url":"data:image/png;base64,' + b"iVBORw0KGgo+/" * 10_000 + b'"}'

    assert IMAGE_TOKENS < estimate_input_tokens(picture) < IMAGE_TOKENS + 20


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()), st.sampled_from(CALLS))
def test_no_body_raises(body: bytes, where: Route) -> None:
    found = view(where, body)

    assert isinstance(found, View) or found.message


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "model",
                "stream",
                "max_tokens",
                "user",
                "metadata",
                "stream_options",
                "generationConfig",
                "inferenceConfig",
            ]
        ),
        json_values,
    ),
    st.sampled_from(CALLS),
)
def test_wrong_types_never_raise(members: dict[str, object], where: Route) -> None:
    found = view(where, json.dumps(members).encode())

    assert isinstance(found, View) or found.message
