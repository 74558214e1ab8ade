"""`floorline route` over calls that a gateway process really made: what other rules would have done, and whether fallbacks work."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support import starting
from tests.support.dialects import OPENAI
from tests.support.processes import environment
from tests.support.running import running
from tests.support.serving import MODEL, OWNED, answer, run, until

MORE = """\
models:
  sandbox-1: {{targets: [{{provider: {first}}}, {{provider: {first}, model: sandbox-other, tier: 1}}]}}
features:
  assistant: {{capture: full}}
"""
NEW = """\
providers: {{{first}: {{dialect: openai, base_url: "http://127.0.0.1:1/v1", auth: none}}}}
guardrails: {{holdout: 0%}}
routes: [{{name: all, when: call.header.x-tier != gold, to: sandbox-free}}]
prices: [{{model: sandbox-free, free: true}}]
"""

INDEX_BYTES = 12
"""Of one call whose content is kept."""


def test_calls_on_record_are_simulated_under_other_rules_and_sent_again_to_a_fallback(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path) as gateway:
            gateway.stub.script = answer(OPENAI.whole)
            gateway.configure(MORE.format(first="openai"))
            client = await gateway.client()
            asked = 0
            async with asyncio.timeout(30):
                while kept_bytes(gateway.home) < 3 * INDEX_BYTES:  # it looks at its file twice a second
                    assert (await client.ask(OPENAI.path, OPENAI.ask, OWNED, bearer=gateway.key)).status == 200
                    asked += 1
                    await asyncio.sleep(0.2)
            await until(lambda: len(gateway.records().calls) == asked)
            told = await asyncio.to_thread(_commands, gateway.home, gateway.file, gateway.address, gateway.key)
        moved, drilled, last = told
        assert (moved["calls"], moved["moved"]["calls"], moved["moved"]["customers"]) == (asked, asked, 1)
        assert (moved["rules"][0]["rule"], float(moved["moved"]["after_usd"])) == ("all", 0)
        assert moved["unknown"] == ["headers are not on record (x-tier): rules take them for empty"]
        (one,) = drilled["fallbacks"]
        assert (one["sent"], one["answered"], one["same"], one["carries"]) == (2, 2, 2, True)
        assert one["fallback"] == {"provider": "openai", "model": "sandbox-other"}
        assert last["fallbacks"] == drilled["fallbacks"]
        models = [json.loads(request.body)["model"] for request in gateway.stub.requests]
        assert models == [MODEL] * asked + [MODEL, MODEL, "sandbox-other"] * 2

    run(test())


def kept_bytes(home: Path) -> int:
    """The indexes of what is kept of calls."""
    return sum(path.stat().st_size for path in (home / "content").rglob("*.idx"))


def _commands(home: Path, file: Path, address: tuple[str, int], key: str) -> list[dict]:
    new = file.with_name("new.yaml")
    new.write_text(NEW.format(first="openai"))
    now = datetime.now(UTC).date()
    days = ["--from", f"{now - timedelta(days=1)}", "--to", f"{now + timedelta(days=1)}"]
    file.write_text(
        file.read_text() + f'drills: {{key: "${{NOT_SET}}", gateway: "http://{address[0]}:{address[1]}", calls: 2}}\n'
    )
    told: list[dict] = []
    for arguments in (["simulate", "--config", str(new), *days], ["drill"], ["drill", "--last"]):
        variables = {**environment(home), "FLOORLINE_KEY": key}
        done = starting.run("-m", "floorline", "route", *arguments, "--json", env=variables, cwd=home.parent)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        told.append(json.loads(done.stdout))
    return told
