"""Prompts and answers are kept where a feature says so and nowhere else, through a whole gateway."""

import gzip
import json
import secrets
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from floorline.gateway.capturing import Capturer, Side, rule_for, skeleton
from floorline.gateway.policy import Capturing
from floorline.ledger.content import SIDE_BYTES_MAX, Content, ContentStore
from tests.support.dialects import OPENAI
from tests.support.serving import JSON, OWNED, SECRET, Got, Live, answer, key, run, serving, streamed, until

ASK = json.dumps({"model": "sandbox-1", "messages": [{"role": "user", "content": "What is my balance?"}]}).encode()
ANSWER = json.dumps(
    {"id": "c-1", "model": "sandbox-1", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Forty-two."}}],
     "usage": {"prompt_tokens": 5, "completion_tokens": 3}}
).encode()  # fmt: skip
FULL = {"assistant": Capturing(mode="full")}


def kept(folder: Path, call_id: str) -> Content | None:
    """What the content store below `folder` holds of a call."""
    return ContentStore(folder / "content", SECRET, secrets.token_bytes).find(call_id)


def files(folder: Path) -> list[Path]:
    return [path for path in (folder / "content").rglob("*") if path.is_file()]


async def captured(folder: Path, got: Got) -> Content:
    """What is kept of the call, once it is."""
    call_id = got.headers["x-floorline-call-id"]
    await until(lambda: kept(folder, call_id) is not None)
    found = kept(folder, call_id)
    assert found is not None
    return found


async def nothing_kept(live: Live, folder: Path, got: Got) -> None:
    await live.settled()
    live.pipeline._capturer.close()  # everything that waited is done
    assert kept(folder, got.headers["x-floorline-call-id"]) is None


def test_both_sides_of_a_call_are_kept_as_they_were(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, capture=FULL) as live:
            live.stub.script = answer(ANSWER)
            got = await live.ask(OPENAI.path, ASK)
            found = await captured(tmp_path, got)
            assert (found.request, found.answer, found.feature, found.cut) == (ASK, got.body, "assistant", False)
            assert found.at == (await live.settled()).openings[0].opened_at

    run(test())


@pytest.mark.parametrize("capture", [{}, {"assistant": Capturing()}, {"other": Capturing(mode="full")}], ids=str)
def test_nothing_is_kept_where_the_feature_does_not_say_so(tmp_path: Path, capture: dict[str, Capturing]) -> None:
    async def test() -> None:
        async with serving(tmp_path, capture=capture) as live:
            live.stub.script = answer(ANSWER)
            await nothing_kept(live, tmp_path, await live.ask(OPENAI.path, ASK))
            assert not files(tmp_path)

    run(test())


def test_what_is_refused_or_never_answered_is_not_kept(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, capture=FULL, keys=(key(models=("other-*",)),)) as live:
            got = await live.ask(OPENAI.path, ASK)
            assert got.status == 403
            await nothing_kept(live, tmp_path, got)
            assert not files(tmp_path)

    run(test())


def test_a_stream_is_kept_as_its_decoded_bytes(tmp_path: Path) -> None:
    pieces = [b'data: {"choices": [{"delta": {"content": "Forty"}}]}\n\n', b'data: {"choices": [{"delta": {"content": "-two"}}]}\n\n', b"data: [DONE]\n\n"]  # fmt: skip
    packed = gzip.compress(b"".join(pieces))
    headers = [(b"content-type", b"text/event-stream"), (b"content-encoding", b"gzip")]

    async def test() -> None:
        async with serving(tmp_path, capture=FULL) as live:
            ask = json.dumps({**json.loads(ASK), "stream": True, "stream_options": {"include_usage": True}}).encode()
            for number, script in enumerate((streamed(pieces), streamed([packed[:20], packed[20:]], headers=headers))):
                live.stub.script = script
                got = await live.ask(OPENAI.path, ask)
                assert (await captured(tmp_path, got)).answer == b"".join(pieces), number

    run(test())


def test_metadata_keeps_the_shape_and_no_word(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, capture={"assistant": Capturing(mode="metadata")}) as live:
            live.stub.script = answer(ANSWER)
            found = await captured(tmp_path, await live.ask(OPENAI.path, ASK))
            assert json.loads(found.request) == {
                "model": "sandbox-1", "messages": [{"role": "user", "content": {"characters": 19}}],
            }  # fmt: skip
            assert json.loads(found.answer)["usage"] == {"prompt_tokens": 5, "completion_tokens": 3}
            assert b"Forty" not in found.answer

    run(test())


def test_a_sample_keeps_its_share_and_decides_each_call_alike(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, capture={"assistant": Capturing(mode="sample", share=Decimal("0.2"))}) as live:
            live.stub.script = answer(ANSWER)
            got = await live.ask(OPENAI.path, ASK)  # ids of tests begin with zeros: it is of every sample
            assert (await captured(tmp_path, got)).request == ASK
        policy, call = live.pipeline.snapshot.policy, UnderWayOf("assistant")
        shares: list[bool] = []
        for _ in range(5_000):
            call.id = secrets.token_hex(16)
            shares.append(rule_for(call, policy) is not None)
            assert (rule_for(call, policy) is not None) == shares[-1]
        assert 0.15 < sum(shares) / len(shares) < 0.25

    run(test())


class UnderWayOf:
    """As much of a call as decides whether it is kept."""

    def __init__(self, feature: str) -> None:
        self.id = ""
        self.attribution = self
        self.feature = feature


def test_the_hook_changes_what_is_kept_and_nothing_else(tmp_path: Path) -> None:
    def redact(feature: str, side: Side, content: bytes) -> bytes:
        return f"{feature} {side}: {len(content)}".encode()

    async def test() -> None:
        async with serving(tmp_path, capture=FULL, redact=redact) as live:
            live.stub.script = answer(ANSWER)
            got = await live.ask(OPENAI.path, ASK)
            found = await captured(tmp_path, got)
            assert json.loads(got.body)["choices"] == json.loads(ANSWER)["choices"]
            assert (found.request, found.answer) == (
                b"assistant request: %d" % len(ASK),
                b"assistant answer: %d" % len(got.body),
            )
            assert live.stub.requests[0].body == ASK

    run(test())


def refuse(_feature: str, _side: Side, _content: bytes) -> bytes:
    raise ValueError("no idea")


def no_bytes(_feature: str, _side: Side, _content: bytes) -> object:
    return None


@pytest.mark.parametrize("hook", [refuse, no_bytes])
def test_a_hook_that_fails_keeps_nothing_and_is_counted(tmp_path: Path, hook: Callable[..., bytes]) -> None:
    async def test() -> None:
        async with serving(tmp_path, capture=FULL, redact=hook) as live:
            live.stub.script = answer(ANSWER)
            got = await live.ask(OPENAI.path, ASK)
            assert got.status == 200
            await nothing_kept(live, tmp_path, got)
            assert live.pipeline._capturer.dropped == {"redaction_failed": 1}

    run(test())


def test_a_store_that_cannot_be_used_loses_the_content_and_no_call(tmp_path: Path) -> None:
    (tmp_path / "content").write_text("a file where the folder would be")

    async def test() -> None:
        async with serving(tmp_path, capture=FULL) as live:
            live.stub.script = answer(ANSWER)
            got = await live.ask(OPENAI.path, ASK)
            assert got.status == 200
            assert (await live.settled()).call.ending == "complete"
            await until(lambda: live.pipeline._capturer.dropped == {"store_failed": 1})

    run(test())


def test_a_side_is_cut_at_4_mb_and_says_so(tmp_path: Path) -> None:
    long = json.dumps({"model": "sandbox-1", "choices": [], "x": "y" * (SIDE_BYTES_MAX + 10)}).encode()

    async def test() -> None:
        async with serving(tmp_path, capture=FULL) as live:
            live.stub.script = answer(long, headers=JSON)
            got = await live.ask(OPENAI.path, ASK, OWNED)
            assert got.body == long
            found = await captured(tmp_path, got)
            assert (found.answer, found.request, found.cut) == (long[:SIDE_BYTES_MAX], ASK, True)
            live.stub.script = answer(ANSWER)
            found = await captured(tmp_path, await live.ask(OPENAI.path, long))
            assert (found.request, found.cut) == (long[:SIDE_BYTES_MAX], True)

    run(test())


def test_two_callers_of_one_customer_have_keys_of_their_own(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, capture=FULL) as live:
            live.stub.script = answer(ANSWER)
            for user in ("ada", "ben", "ada"):
                await captured(tmp_path, await live.ask(OPENAI.path, ASK, {**OWNED, "x-floorline-user": user}))
            assert len([path for path in files(tmp_path) if "keys" in path.parts]) == 2

    run(test())


def test_what_waits_is_bounded(tmp_path: Path) -> None:
    store = ContentStore(tmp_path / "content", SECRET, secrets.token_bytes, writer="g1")
    capturer = Capturer(store, None)
    capturer._waiting_bytes = 256 << 20

    async def test() -> None:
        async with serving(tmp_path, capture=FULL) as live:
            live.pipeline._capturer = capturer
            live.stub.script = answer(ANSWER)
            await nothing_kept(live, tmp_path, await live.ask(OPENAI.path, ASK))
            assert capturer.dropped == {"behind": 1}

    run(test())


def test_the_shape_of_a_document():
    assert skeleton(b"no json") == b'{"bytes":7}'
    assert json.loads(skeleton('{"type": "text", "text": "é", "n": [1, null, true, "ab"]}'.encode())) == {
        "type": "text", "text": {"characters": 1}, "n": [1, None, True, {"characters": 2}],
    }  # fmt: skip
    long = json.dumps({"role": "x" * 65}).encode()
    assert json.loads(skeleton(long)) == {"role": {"characters": 65}}
