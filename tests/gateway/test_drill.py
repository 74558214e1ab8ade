"""A fallback drill through a gateway: kept prompts go to one target alone, on record, and only where their customer's calls may go."""

import asyncio
import json
import secrets
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from floorline.gateway.keys import Key
from floorline.gateway.places import Places
from floorline.gateway.policy import Allowed, Capturing
from floorline.jobs.drill_calls import DrillCalls
from floorline.jobs.drilling import Drillable, Place, Report, drill
from floorline.ledger.content import ContentStore
from floorline.wiring.drilling import Kept
from tests.support.dialects import OPENAI
from tests.support.fallback import by_provider, group, several
from tests.support.serving import JSON, KEY, MODEL, OWNED, SECRET, Live, answer, run, serving, until

NOBODY = Key(id="", name="drill", digest=b"", created_at=datetime(2026, 1, 1, tzinfo=UTC))


class Rows:
    """A ledger that has these calls."""

    def __init__(self, rows: list[Drillable]) -> None:
        self.rows = rows

    def query(self, query):
        return self.rows if query.row is Drillable else []


def said(text: str) -> bytes:
    body = json.loads(OPENAI.whole)
    body["choices"][0]["message"]["content"] = text
    return json.dumps(body).encode()


async def drilled(live: Live, folder: Path, calls: list[Drillable]) -> Report:
    host, port = live.address
    kept = Kept(
        places=Places(live.pipeline.snapshot.policy),
        key=NOBODY,
        content=ContentStore(folder / "content", SECRET, secrets.token_bytes),
        calls=DrillCalls(base=f"http://{host}:{port}", key=KEY),
    )
    return await asyncio.to_thread(drill, Rows(calls), kept, [MODEL], datetime.now(UTC), calls=5, usd_max=Decimal(1))


def test_a_drill_sends_kept_prompts_to_each_target_alone_and_is_on_record_as_an_evaluation(tmp_path: Path) -> None:
    bound = {"bound": Allowed(providers=frozenset({"first", "second"}))}
    capture = {"assistant": Capturing(mode="full")}
    limited = [*JSON, (b"x-ratelimit-limit-requests", b"500")]

    async def test() -> None:
        async with serving(tmp_path, providers=several(3), models=group(3), customers=bound, capture=capture) as live:
            live.stub.script = by_provider(
                {
                    "first": answer(said("Paris")),
                    "second": answer(said("paris."), headers=limited),
                    "third": answer(b"{}", status=401),
                }
            )
            ask = json.dumps({**json.loads(OPENAI.ask_stream), "max_tokens": 9}).encode()
            live.stub.script, then = answer(said("Paris")), live.stub.script
            for customer in ("acme", "bound"):
                await live.ask(OPENAI.path, ask, {**OWNED, "x-floorline-customer": customer})
            rows = (await live.settled(calls=2)).calls
            live.stub.script = then
            kept = ContentStore(tmp_path / "content", SECRET, secrets.token_bytes)
            await until(lambda: all(kept.find(row.id) is not None for row in rows))
            calls = [
                Drillable(id=row.id, opened_at=row.opened_at, customer=row.customer_id, feature=row.feature, dialect="openai", model=MODEL, provider="first", served=MODEL)
                for row in rows
            ]  # fmt: skip
            before = len(live.stub.requests)
            report = await drilled(live, tmp_path, calls)
            sent = [(one.path.split("/")[1], json.loads(one.body)) for one in live.stub.requests[before:]]
            records = (await live.settled(calls=9)).calls
        assert [name for name, _ in sent] == ["first", "first", "second", "third", "first", "first", "second"]
        assert all(body["messages"] == json.loads(ask)["messages"] and "stream" not in body for _, body in sent)
        own = records[2:]
        assert {(one.purpose, one.step, one.feature, one.customer_id) for one in own} == {
            ("evaluation", "drill", "assistant", "")
        }
        assert [len(one.attempts_provider) for one in own] == [1] * 7, "nobody takes over in a drill"
        second, third = sorted(report.drilled, key=lambda one: one.fallback.provider)
        assert (second.same, second.own_same, second.requests_a_minute, second.concerns) == (2, 2, 500, ())
        assert third.concerns == ("1 of 1 calls failed: status 401",)

    run(test())


def test_a_call_may_name_the_one_target_that_is_asked(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, providers=several(2), models=group(2)) as live:
            live.stub.script = answer(OPENAI.whole)
            for named in ("second", f"second/{MODEL}"):
                assert (await live.ask(OPENAI.path, OPENAI.ask, {**OWNED, "x-floorline-target": named})).status == 200
            wrong = await live.ask(OPENAI.path, OPENAI.ask, {**OWNED, "x-floorline-target": "third"})
            assert [path.split("/")[1] for path in live.stub.paths] == ["second", "second"]
            assert (wrong.status, OPENAI.error_kind(wrong.body)) == (404, "target_not_found")
            assert str(Place(provider="first", model=MODEL)) in wrong.body.decode()
            assert not any(name.startswith(b"x-floorline") for one in live.stub.requests for name in one.headers)

    run(test())
