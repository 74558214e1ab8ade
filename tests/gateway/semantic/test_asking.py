"""A request's last question and the rest of it, in every dialect."""

import json

import pytest

from floorline.gateway.admission import Admitted, admit
from floorline.gateway.cache.asking import Keys
from floorline.gateway.keys import Keyring
from floorline.gateway.message import Request
from floorline.gateway.places import Places
from floorline.gateway.policy import GatewayPolicy
from floorline.gateway.semantic.asking import TEXT_BYTES_MAX, asked
from floorline.gateway.underway import UnderWay
from tests.support.serving import KEY, MODEL, NOON, SECRET, key, plain

POLICY = GatewayPolicy(providers=plain("http://127.0.0.1:1"))
CHAT = "/v1/chat/completions"
KEYS = Keys(SECRET)


def call(path: str, body: object) -> UnderWay:
    request = Request(
        method="POST",
        path=path,
        headers={b"authorization": f"Bearer {KEY}".encode()},
        body=json.dumps(body).encode(),
    )
    admitted = admit(request, Places(POLICY), Keyring((key(),), SECRET), "1" * 32, NOON)
    assert isinstance(admitted, Admitted)
    assert admitted.call.refusal is None
    return admitted.call


def scope(path: str, body: object) -> bytes:
    """What must be the same for two questions to be compared."""
    made = call(path, body)
    found = asked(made)
    assert found is not None
    return KEYS.of(made, ("customer", "acme"), (), found.rest)


def chat(*messages: object, **more: object) -> dict[str, object]:
    return {"model": MODEL, "messages": list(messages), **more}


def said(role: str, content: object) -> dict[str, object]:
    return {"role": role, "content": content}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, chat(said("system", "Be kind."), said("user", "What now?"))),
        (CHAT, chat(said("user", [{"type": "text", "text": "What now?"}]))),
        ("/v1/messages", chat(said("user", "What now?"), max_tokens=5)),
        (
            "/v1/messages",
            chat(said("user", [{"type": "text", "text": "What now?", "cache_control": {"type": "ephemeral"}}]), max_tokens=5),
        ),
        ("/v1/responses", {"model": MODEL, "input": "What now?"}),
        ("/v1/responses", {"model": MODEL, "input": [said("user", [{"type": "input_text", "text": "What now?"}])]}),
        (f"/v1beta/models/{MODEL}:generateContent", {"contents": [{"parts": [{"text": "What now?"}]}]}),
        (f"/v1beta/models/{MODEL}:generateContent", {"contents": [{"role": "user", "parts": [{"text": "What now?"}]}]}),
        (f"/model/{MODEL}/converse", {"messages": [said("user", [{"text": "What now?"}])]}),
    ],
)  # fmt: skip
def test_the_last_message_is_the_question(path: str, body: object) -> None:
    found = asked(call(path, body))
    assert found is not None
    assert found.text == "What now?"


@pytest.mark.parametrize(
    "messages",
    [
        [said("user", "What now?"), said("assistant", "That.")],
        [said("user", "What now?"), {"role": "tool", "tool_call_id": "t", "content": "21 degrees"}],
        [said("user", [{"type": "image_url", "image_url": {"url": "x"}}])],
        [said("user", [{"type": "text", "text": "And this?"}, {"type": "image_url", "image_url": {"url": "x"}}])],
        [said("user", "")],
        [said("user", "why " * TEXT_BYTES_MAX)],
        [said("user", None)],
        [],
    ],
)
def test_a_request_that_asks_no_plain_question_has_none(messages: list[object]) -> None:
    assert asked(call(CHAT, chat(*messages))) is None


def test_an_embedding_is_no_question() -> None:
    assert asked(call("/v1/embeddings", {"model": MODEL, "input": "What now?"})) is None


def test_questions_alone_may_differ() -> None:
    system = said("system", "Be kind.")
    base = scope(CHAT, chat(system, said("user", "What now?")))
    assert scope(CHAT, chat(system, said("user", "And what now?"))) == base
    assert scope(CHAT, chat(system, said("user", "What now?"), user="ada", metadata={"a": "b"})) == base
    assert scope(CHAT, chat(said("user", "q"))) == scope(CHAT, chat(said("user", [{"type": "text", "text": "r"}])))


@pytest.mark.parametrize(
    "other",
    [
        chat(said("system", "Be curt."), said("user", "What now?")),
        chat(said("system", "Be kind."), said("user", "Hi."), said("assistant", "Hi."), said("user", "What now?")),
        chat(said("system", "Be kind."), said("user", "What now?"), temperature=0.5),
        chat(said("system", "Be kind."), said("user", "What now?"), tools=[{"type": "function"}]),
        chat(said("system", "Be kind."), said("user", "What now?"), stream=True),
        chat(said("system", "Be kind."), said("user", "What now?"), response_format={"type": "json_object"}),
        chat(said("system", "Be kind."), {**said("user", "What now?"), "name": "ada"}),
        {**chat(said("system", "Be kind."), said("user", "What now?")), "model": "sandbox-2"},
        chat(said("user", "What now?")),
    ],
)
def test_everything_else_must_be_the_same(other: dict[str, object]) -> None:
    assert scope(CHAT, other) != scope(CHAT, chat(said("system", "Be kind."), said("user", "What now?")))


def test_one_dialects_question_is_not_anothers() -> None:
    assert scope("/v1/messages", chat(said("user", "q"), max_tokens=5)) != scope(
        CHAT, chat(said("user", "q"), max_tokens=5)
    )
