"""The keyed hash of what a call asks: repeats are told without keeping a prompt."""

import json
from dataclasses import replace
from pathlib import Path

from floorline.gateway.asked import REQUEST_HASH
from tests.support.dialects import ANTHROPIC, GEMINI, OPENAI
from tests.support.serving import MODEL, OWNED, answer, run, serving


def _ask(text: str, **more: object) -> bytes:
    return json.dumps({"model": MODEL, "messages": [{"role": "user", "content": text}], **more}).encode()


def test_the_same_question_has_the_same_hash_whoever_asks_and_however_it_is_sent(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(OPENAI.whole)
            for body in (
                _ask("What is a floor?"),
                _ask("What is a floor?", user="u-2", metadata={"a": "b"}, store=False),
                _ask("What is a ceiling?"),
                _ask("What is a floor?", temperature=1),
            ):
                await live.ask(OPENAI.path, body, OWNED)
            told = {**OWNED, "x-floorline-metadata": json.dumps({REQUEST_HASH: "mine", "city": "Bern"})}
            await live.ask(OPENAI.path, _ask("What is a floor?"), told)
            live.enforce(replace(live.pipeline.snapshot.policy, request_hash=False))
            await live.ask(OPENAI.path, _ask("What is a floor?"), OWNED)
            records = await live.settled(calls=6)
            said = [dict(call.metadata) for call in records.calls]
            assert [dict(opening.metadata) for opening in records.openings] == said
            first, same, other, warmer = [one[REQUEST_HASH] for one in said[:4]]
            assert len(first) == 16
            assert first == same
            assert len({first, other, warmer}) == 3
            assert said[4] == {REQUEST_HASH: "mine", "city": "Bern"}
            assert said[5] == {}

    run(test())


def test_no_name_of_a_member_runs_into_its_value(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            live.stub.script = answer(OPENAI.whole)
            for more in ({"n1": 2}, {"n": 12}):
                await live.ask(OPENAI.path, _ask("What is a floor?", **more), OWNED)
            records = await live.settled(calls=2)
            one, other = [call.metadata[REQUEST_HASH] for call in records.calls]
            assert one != other

    run(test())


def test_every_dialect_has_one(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as live:
            for dialect in (OPENAI, ANTHROPIC, GEMINI):
                live.stub.script = answer(dialect.whole)
                for _ in range(2):
                    await live.ask(dialect.path, dialect.ask, OWNED)
            records = await live.settled(calls=6)
            hashes = [call.metadata[REQUEST_HASH] for call in records.calls]
            assert hashes[0::2] == hashes[1::2]
            assert len(set(hashes)) == 3

    run(test())
