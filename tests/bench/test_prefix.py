"""Simulated prompt caching: every token is billed once, and what is learned is no worse than what is fixed."""

import json
from pathlib import Path

import pytest

from floorline.bench.prefix import Tally, replay, run
from floorline.pricing.book import build_book
from floorline.pricing.version import PriceVersion
from floorline.sandbox.mooncake import read_prefixes
from tests.support.data import shared_data
from tests.support.serving import NOON


def version() -> PriceVersion:
    found = build_book()[0].resolve("anthropic", "claude-sonnet-4-5", NOON)
    assert isinstance(found, PriceVersion)
    return found


def tallies(trace: Path) -> dict[str, Tally]:
    return {tally.name: tally for tally in replay(list(read_prefixes(trace)), version())}


def trace(folder: Path, *calls: tuple[int, int, list[int]]) -> Path:
    """Calls as second, input tokens and hashes."""
    path = folder / "trace.jsonl"
    lines = [
        {"timestamp": at * 1_000, "input_length": tokens, "output_length": 1, "hash_ids": ids}
        for at, tokens, ids in calls
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def test_a_prompt_that_goes_on_within_five_minutes_is_read_and_one_that_comes_late_is_written_again(
    tmp_path: Path,
) -> None:
    path = trace(
        tmp_path, (0, 1_024, [1, 2]), (60, 1_600, [1, 2, 3, 4]), (600, 1_024, [1, 2]), (610, 800, [9, 10]),
    )  # fmt: skip
    found = tallies(path)
    total = 1_024 + 1_600 + 1_024 + 800
    assert {sum(tally.tokens.values()) for tally in found.values()} == {total}
    assert found["no caching"].tokens == {"input": total}
    assert found["always on, 5 minutes"].tokens == {"cache_read": 1_024, "cache_write_5m": 2_560, "input": 864}
    assert found["always on, 1 hour"].tokens["cache_read"] == 2_048
    assert found["knowing the next 5 minutes"].tokens["cache_write_5m"] == 1_024


@pytest.mark.prove
def test_on_production_prompts_learning_saves_more_than_marking_everything() -> None:
    sheet = run(shared_data("mooncake_fast25") / "conversation_trace.jsonl.gz")
    saved = {row[0]: float(row[-1].removesuffix(" %")) for row in sheet.rows}
    assert saved["learned (floorline)"] > 1.4 * saved["always on, 5 minutes"] > 0
