"""The baseline on a call's record: the application's own version or a hash of the template, and the chain that serves it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.gateway.baseline import NO_PROMPT, PROMPTS_MAX, VARIED, prompt_name, route_name
from floorline.gateway.policy import ModelGroup, Target
from floorline.gateway.wire.template import template
from tests.gateway.wire.requests import routed, seen
from tests.support.dialects import OPENAI
from tests.support.serving import MODEL, OWNED, answer, run, serving

Said = tuple[str, dict[str, object]]
Say = Callable[..., Said]
RULES = 'You answer "briefly".\nCite the page.'
TOOLS = [{"type": "function", "name": "search", "parameters": {"type": "object"}}]
TOOLS_REORDERED = [{"parameters": {"type": "object"}, "name": "search", "type": "function"}]


def chat(rules: object, asked: str, **more: object) -> Said:
    messages = [{"role": "system", "content": rules}, {"role": "user", "content": asked}]
    return "/v1/chat/completions", {"model": "m", "messages": messages, **more}


def developer(rules: object, asked: str, **more: object) -> Said:
    first = {"content": rules, "role": "developer", "name": "owner"}
    return "/v1/chat/completions", {"messages": [first, {"role": "user", "content": asked}], "model": "m", **more}


def responses(rules: object, asked: str, **more: object) -> Said:
    return "/v1/responses", {"model": "m", "instructions": rules, "input": asked, **more}


def listed(rules: object, asked: str, **more: object) -> Said:
    first = {"type": "message", "role": "developer", "content": rules}
    return "/v1/responses", {"model": "m", "input": [first, {"role": "user", "content": asked}], **more}


def messages(rules: object, asked: str, **more: object) -> Said:
    said = [{"role": "user", "content": asked}]
    return "/v1/messages", {"model": "m", "max_tokens": 9, "system": rules, "messages": said, **more}


def gemini(rules: object, asked: str, **more: object) -> Said:
    said: dict[str, object] = {"contents": [{"role": "user", "parts": [{"text": asked}]}]}
    instruction = {"parts": [{"text": rules}]} if isinstance(rules, str) else {"parts": rules}
    return "/v1beta/models/m:generateContent", {"systemInstruction": instruction, **said, **more}


def gemini_snake(rules: object, asked: str, **more: object) -> Said:
    path, body = gemini(rules, asked, **more)
    return path, {"system_instruction": body.pop("systemInstruction"), **body}


def converse(rules: object, asked: str, **more: object) -> Said:
    system = [{"text": rules}] if isinstance(rules, str) else rules
    said = [{"role": "user", "content": [{"text": asked}]}]
    return "/model/m/converse", {"system": system, "messages": said, **more}


DIALECTS = [chat, developer, responses, listed, messages, gemini, gemini_snake, converse]


def named(request: Said, *, indent: int | None = None) -> str:
    path, body = request
    found = seen(routed(path), json.dumps(body, indent=indent, ensure_ascii=indent is None).encode())
    return prompt_name(template(found.held))


@pytest.mark.parametrize("say", DIALECTS)
@settings(max_examples=25, deadline=None)
@given(asked=st.text(max_size=40), other=st.text(max_size=40))
def test_what_the_user_says_makes_no_other_prompt(say: Say, asked: str, other: str) -> None:
    assert named(say(RULES, asked)) == named(say(RULES, other), indent=1)


@pytest.mark.parametrize("say", DIALECTS)
def test_other_instructions_make_another_prompt_and_so_do_other_tools(say: Say) -> None:
    first = named(say(RULES, "hello"))
    assert named(say(f"{RULES} Be kind.", "hello")) != first
    assert named(say("", "hello")) != first
    if say is not converse:
        with_tools = named(say(RULES, "hello", tools=TOOLS))
        assert with_tools != first
        assert with_tools == named(say(RULES, "other", tools=TOOLS_REORDERED))


def test_the_same_words_are_the_same_prompt_in_every_dialect() -> None:
    assert len({named(say(RULES, "hello")) for say in DIALECTS}) == 1
    blocks = [{"type": "text", "text": RULES, "cache_control": {"type": "ephemeral"}}]
    assert {named(say(blocks, "hello")) for say in (chat, messages)} == {named(chat(RULES, "hello"))}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Today is 2026-11-25.", "Today is 2027-01-03."),
        ("It is Wednesday, November 25th, 2026, 10:30 am.", "It is Friday, May 1st, 2026, 7:05 PM."),
        ("Session 0b9f6c9e-6f0e-4c55-9d0e-1f1f9ad0a001: help.", "Session 11111111-2222-4333-8444-abcdefabcdef: help."),
        ("Trace 9f86d081884c7d659a2f: help.", "Trace 60303ae22b998861bce3: help."),
        ("You have 1204 credits  left.", "You have\n9 credits left."),
    ],
)
def test_dates_numbers_and_ids_in_the_instructions_make_no_other_prompt(one: str, other: str) -> None:
    assert named(chat(one, "x")) == named(chat(other, "x"))
    assert named(chat(one, "x")) != named(chat(f"Please: {other}", "x"))


def test_a_stored_prompt_is_its_id_and_version_without_the_users_variables() -> None:
    def stored(version: str, city: str) -> Said:
        prompt = {"id": "pmpt_abc", "version": version, "variables": {"city": city}}
        return "/v1/responses", {"model": "m", "input": "hello", "prompt": prompt}

    assert named(stored("a", "Rome")) == named(stored("a", "Oslo"))
    assert named(stored("a", "Rome")) != named(stored("b", "Rome"))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/embeddings", {"model": "m", "input": ["You are the user.", "so is this"]}),
        ("/v1/completions", {"model": "m", "prompt": "You are the user."}),
        ("/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "You are the user."}]}),
        ("/v1/chat/completions", {"model": "m", "messages": "no list"}),
        ("/v1/chat/completions", {"model": "m", "messages": [{"role": 7}]}),
    ],
)
def test_what_the_user_says_alone_is_no_template(path: str, body: object) -> None:
    assert template(seen(routed(path), json.dumps(body).encode()).held) == ((), ())


def test_a_route_is_named_by_its_targets_and_their_bound_whatever_order_they_are_written_in() -> None:
    first, second = Target(provider="a", weight=9), Target(provider="b", model="small", tier=1)
    name = route_name(ModelGroup(name="one", targets=(first, second)))
    assert name == route_name(ModelGroup(name="two", targets=(second, first)))
    for other in (replace(first, weight=8), replace(first, model="x"), replace(first, tier=1), Target(provider="c")):
        assert route_name(ModelGroup(name="one", targets=(other, second))) != name
    assert route_name(ModelGroup(name="one", targets=(first, second), attempts_max=2)) != name


def body(rules: str, asked: str = "hello") -> bytes:
    return json.dumps(chat(rules, asked, model=MODEL)[1]).encode()


def test_a_call_is_recorded_with_the_prompt_and_the_route_in_force(tmp_path: Path) -> None:
    async def test() -> None:
        group = ModelGroup(name=MODEL, targets=(Target(provider="openai"),))
        async with serving(tmp_path, models={MODEL: group}) as live:
            live.stub.script = answer(OPENAI.whole)
            policy = live.pipeline.snapshot.policy
            asks: list[tuple[bytes, dict[str, str]]] = [
                (body(RULES), {}),
                (body(RULES, "other words"), {}),
                (body("Be rude."), {}),
                (body(RULES), {"x-floorline-prompt": "answer@7"}),
                (body(RULES), {"x-floorline-metadata": '{"prompt_version": "v8"}'}),
                (OPENAI.ask, {}),
            ]
            for asked, said in asks:
                await live.ask(OPENAI.path, asked, {**OWNED, **said})
            assert not [name for request in live.stub.requests for name in request.headers if b"floorline" in name]
            live.enforce(replace(policy, models={MODEL: replace(group, attempts_max=1)}))
            await live.ask(OPENAI.path, body(RULES), OWNED)
            records = await live.settled(calls=7)
            stamps = [call.baseline for call in records.calls]
            assert [opening.baseline for opening in records.openings] == stamps
            one, again, rude, stated, version, bare, rerouted = [stamp.rpartition("@") for stamp in stamps]
            route = route_name(group)
            assert one == again == (named(chat(RULES, "x")), "@", route)
            assert rude[0] not in {one[0], NO_PROMPT}
            assert (stated[0], version[0], bare[0]) == ("answer@7", "v8", NO_PROMPT)
            assert {stamp[2] for stamp in (rude, stated, version, bare)} == {route}
            assert rerouted[0] == one[0]
            assert rerouted[2] != route

    run(test())


def test_a_step_whose_every_call_has_a_prompt_of_its_own_keeps_few_names(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(OPENAI.whole)
            client = await live.client()
            for number in range(PROMPTS_MAX + 5):
                await client.ask(OPENAI.path, body(f"You talk to {chr(65 + number)}."), OWNED)
            await client.ask(OPENAI.path, body("You talk to A."), OWNED)
            await client.ask(OPENAI.path, body("You talk to Zoe."), {**OWNED, "x-floorline-step": "another"})
            records = await live.settled(calls=PROMPTS_MAX + 7)
            prompts = [call.baseline.rpartition("@")[0] for call in records.calls]
            assert len(set(prompts[:PROMPTS_MAX])) == PROMPTS_MAX
            assert prompts[PROMPTS_MAX:-2] == [VARIED] * 5
            assert prompts[-2] == prompts[0]
            assert prompts[-1] not in {VARIED, *prompts[:-1]}

    run(test())
