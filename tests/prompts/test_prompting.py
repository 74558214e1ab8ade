"""Prompts out of a ledger and a content store, and the commands over them."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from floorline.cli.prompt import command
from floorline.cli.prompt_text import audit_document, print_audit
from floorline.errors import BadInput, Mismatch
from floorline.gateway.wire.said import said
from floorline.jobs.prompting import Prompts, Window
from floorline.ledger.content import Content, Kept
from floorline.margin.policy import Policies
from floorline.pricing.book import build_book
from tests.margin.company import alias, call, keep

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
WINDOW = Window(date(2026, 2, 1), date(2026, 3, 1))
SYSTEM = "You are a helpful assistant. Never quote a price that is not on the list. " * 2 + "x" * 900
SHOTS = [{"role": "user", "content": "An example question"}, {"role": "assistant", "content": "An example answer"}]


def asked(number: int) -> bytes:
    messages = [{"role": "system", "content": SYSTEM}, *SHOTS, {"role": "user", "content": f"My question {number}"}]
    return json.dumps({"model": "gpt-4o", "messages": messages}).encode()


def records_and_kept():
    """56 calls of a feature under two names in 28 days, each of 300 tokens in; the content of those of the last 25 days."""
    records, kept = [], []
    for number in range(56):
        day = WINDOW.start + timedelta(days=number // 2)
        name = "support" if number % 2 else "helpdesk"
        one = call(
            f"{day}T10:00:00Z", f"c{number % 4}", name, "0.001", provider="openai", model="gpt-4o", baseline="ab@12@route",
            usage={"input": Decimal(300), "output": Decimal(20)},
        )  # fmt: skip
        records.append(one)
        if day.day > 3:
            content = Content(call_id=one.id, at=one.opened_at, feature=name, request=asked(number), answer=b"")
            kept.append(Kept(content, f"subject-{number % 4}"))
    records.append(
        call("2026-02-10T10:00:00Z", "c0", "support", "0.001", call_type="embedding", baseline="ab@12@route")
    )
    records.append(
        call("2026-02-10T10:00:00Z", "c0", "support", "0.001", environment="staging", baseline="ab@12@route")
    )
    summary = call(
        "2026-02-10T10:00:00Z", "c0", "support", "0.001", provider="openai", model="gpt-4o-mini", metadata={"made_for": records[0].id},
        usage={"input": Decimal(9_000), "output": Decimal(20)},
    )  # fmt: skip
    records.append(summary)
    kept.append(
        Kept(Content(call_id=summary.id, at=summary.opened_at, feature="support", request=asked(2), answer=b""), "s")
    )
    lost = Content(call_id="unknown", at=records[9].opened_at, feature="support", request=asked(1), answer=b"")
    shape = Content(call_id="shape", at=records[9].opened_at, feature="support", request=b"not json", answer=b"")
    return [*records, alias("feature", "helpdesk", "support")], [*kept, Kept(lost, "s"), Kept(shape, "s")]


@pytest.fixture
def prompts(ledger):
    records, kept = records_and_kept()
    keep(ledger, records)
    return Prompts(ledger, Policies(), build_book()[0], read=said), kept


def test_the_ledger_and_the_content_store_make_one_audit(prompts, capsys):
    asking, kept = prompts
    assert asking.window(NOW) == WINDOW
    assert asking.window(datetime(2026, 2, 1, 9, tzinfo=UTC)) == Window(date(2026, 2, 1), date(2026, 2, 2))
    (feature,) = asking.audit(kept, WINDOW, NOW)
    (prompt,) = feature.prompts
    assert (feature.name, feature.covered, feature.unread) == ("support", 1, {"no_json": 1})
    assert (prompt.name, prompt.seen, prompt.versions, prompt.calls) == ("ab@12", 50, 1, 61)
    assert (prompt.ratio.origin, prompt.ratio.calls) == ("feature", 50)
    assert prompt.whole.tokens == pytest.approx(300 * (len(SYSTEM) + 36) / (len(SYSTEM) + 36 + 14), abs=1)
    assert (prompt.examples, [one.times for one in prompt.repeats]) == (1, [2, 2])
    assert asking.audit(kept, WINDOW, NOW, feature="other") == []
    print_audit([feature], WINDOW)
    shown = capsys.readouterr().out
    assert "ab@12" in shown
    assert "said 2 times" in shown
    assert "1 captured call could not be read: what is kept is no whole JSON" in shown
    document = audit_document([feature], WINDOW)
    assert document["features"][0]["prompts"][0]["calls_seen"] == 50


def test_figures_hold_no_word_and_a_diff_far_from_the_ledger_is_that_of_the_ledger(prompts, tmp_path, monkeypatch):
    asking, kept = prompts
    with pytest.raises(BadInput, match="'reports' has no call with a prompt"):
        asking.recorded(kept, WINDOW, "reports")
    with pytest.raises(BadInput, match="no prompt 'zz', it has ab@12"):
        asking.recorded(kept, WINDOW, "support", prompt="zz")
    recorded = asking.recorded(kept, WINDOW, "support")
    figures = msgspec.json.encode(recorded)
    assert b"helpful" not in figures
    assert b"c0" not in figures
    (tmp_path / "figures.json").write_bytes(figures)
    (tmp_path / "old.txt").write_text(SYSTEM)
    (tmp_path / "new.txt").write_text(SYSTEM + " Say it again." * 60)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLOORLINE_HOME", str(tmp_path / "nowhere"))
    result = diff("--json")
    document = json.loads(result.output)
    more = document["tokens_after"] - document["tokens_before"]
    assert more == pytest.approx(300 * 60 * 14 / (len(SYSTEM) + 50), abs=1)
    assert document["calls_a_month"] == 61
    assert Decimal(document["usd_a_month"]).quantize(Decimal("1e-6")) == (
        Decimal(more) * Decimal("2.5") / 10**6 * 56 * 365 / (12 * 28)
    ).quantize(Decimal("1e-6"))
    assert not (tmp_path / "nowhere").exists()
    assert isinstance(diff("--limit", "0.01").exception, Mismatch)
    assert diff("--limit", "0.10").exception is None
    for arguments, why in (
        (("--limit", "much"), "not an amount"),
        (("--feature", "reports"), "not of 'reports'"),
        (("--figures", "old.txt"), "not what `floorline prompt figures` prints"),
    ):
        error = diff(*arguments).exception
        assert isinstance(error, BadInput)
        assert why in str(error)


def diff(*arguments: str) -> Result:
    options = arguments if "--figures" in arguments else ("--figures", "figures.json", *arguments)
    return CliRunner().invoke(command, ["diff", "old.txt", "new.txt", *options], standalone_mode=False)


def test_an_audit_without_a_reason_reads_nothing(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("FLOORLINE_HOME", str(tmp_path / "home"))
    result = CliRunner().invoke(command, ["audit", "--reason", " "], standalone_mode=False)
    assert isinstance(result.exception, BadInput)
    assert not (tmp_path / "home").exists()
