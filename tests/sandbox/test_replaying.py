"""Traces as usage events: identities, days, scales."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from floorline.errors import BadInput
from floorline.sandbox.replaying import Replay, replayed
from tests.sandbox.test_traces import AZURE, moon, small_archive
from tests.support.data import shared_data


def azure(folder: Path, **settings: object) -> Replay:
    path = folder / "code.csv"
    path.write_text(AZURE)
    return Replay(path=path, format="azure", **{"scale": Decimal(1), **settings})


def ids(replay: Replay) -> list[str]:
    return [row.request_id for row in replayed(replay)]


def test_the_same_command_gives_the_same_rows(tmp_path: Path) -> None:
    replay = azure(tmp_path)
    assert list(replayed(replay)) == list(replayed(replay))
    first = next(replayed(replay))
    assert (first.customer_id, first.timestamp.isoformat()) == ("azure", "2026-01-01T00:00:00+00:00")
    assert (first.input_tokens, first.output_tokens, first.cache_read_tokens) == (4808, 10, 0)


@pytest.mark.parametrize(
    "change",
    [{"feature": "chat"}, {"customer_prefix": "x-"}, {"model": "gpt-4o"}, {"seed": 1}, {"scale": Decimal("0.999999")}],
)
def test_another_shape_of_calls_has_ids_of_its_own(tmp_path: Path, change: dict[str, object]) -> None:
    assert not set(ids(azure(tmp_path))) & set(ids(azure(tmp_path, **change)))


def test_more_days_and_more_clients_add_to_what_is_there(tmp_path: Path) -> None:
    path = small_archive(tmp_path)
    short = Replay(path=path, format="servegen", scale=Decimal("0.5"), days=2, clients=1)
    assert set(ids(short)) < set(ids(replace(short, days=4)))
    assert set(ids(short)) <= set(ids(replace(short, clients=None)))


def test_a_share_of_a_trace_is_drawn_with_the_seed(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text("".join(moon(1_000 * n, 100, [n]) for n in range(2_000)))
    kept = Replay(path=path, format="mooncake", scale=Decimal("0.25"))
    assert len(ids(kept)) == pytest.approx(500, abs=60)
    positions = {name.partition(":")[2] for name in ids(kept)}
    assert positions != {name.partition(":")[2] for name in ids(replace(kept, seed=1))}


def test_calls_beyond_the_days_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text(moon(0, 100, [1]) + moon(86_399_999, 100, [2]) + moon(86_400_000, 100, [3]))
    assert len(ids(Replay(path=path, format="mooncake", scale=Decimal(1), days=1))) == 2


def test_a_cache_read_is_part_of_the_input(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text(moon(0, 2_000, [1, 2, 3]) + moon(1_000, 2_000, [1, 2, 3]))
    _, warm = replayed(Replay(path=path, format="mooncake", scale=Decimal(1)))
    assert (warm.input_tokens, warm.cache_read_tokens) == (2_000, 1_536)


def test_what_cannot_be_replayed_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="at most 1 can be kept"):
        azure(tmp_path, scale=Decimal(2))
    with pytest.raises(BadInput, match="leave it out"):
        azure(tmp_path, clients=3)
    huge = {"1": {"input_tokens": "{1: 1}", "output_tokens": "{1: 1}"}}
    folder = tmp_path / "language/big"
    folder.mkdir(parents=True)
    (folder / "chunk-1-trace.csv").write_text("0,100000,1\n")
    (folder / "chunk-1-dataset.json").write_text(json.dumps(huge))
    with pytest.raises(BadInput, match="take a smaller share"):
        list(replayed(Replay(path=tmp_path, format="servegen", scale=Decimal(1))))


def test_the_published_azure_trace_replays_whole() -> None:
    path = shared_data("azure_llm_2023") / "AzureLLMInferenceTrace_code.csv.gz"
    assert len(set(ids(Replay(path=path, format="azure", scale=Decimal(1))))) == 8_819
