"""The trace readers, on hand-written samples and on the published traces."""

import gzip
import io
import itertools
import json
import random
import statistics
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.errors import BadInput
from floorline.sandbox.azure import read_azure
from floorline.sandbox.mooncake import read_mooncake
from floorline.sandbox.servegen import Limits, Window, arrivals, read_clients, read_profiles, sample
from tests.support.data import shared_data

TRACE = "0,0.05,2.0,Gamma,0.25,80\n600,0,0,,0,0\n1200,0.01,1.0,Weibull,1,100\n"
DATASET = {
    "0": {"input_tokens": "{100: 0.5, 200: 0.5}", "output_tokens": "{10: 1.0}", "reason_ratio": "{0.5: 1.0, 0.9: 0.0}"},
    "21600": {"input_tokens": "{}", "output_tokens": "{}"},
}


def archive(path: Path, members: dict[str, str], *, links: tuple[tuple[str, str], ...] = ()) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
        for name, target in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return path


def small_archive(path: Path) -> Path:
    return archive(
        path / "pool.tgz",
        {
            "x/data/language/tiny/chunk-1-trace.csv": TRACE,
            "x/data/language/tiny/chunk-1-dataset.json": json.dumps(DATASET),
            "x/data/language/tiny/chunk-2-trace.csv": TRACE,
            "x/README.md": "not a client",
        },
    )


def test_a_servegen_client_is_its_windows_and_its_lengths(tmp_path: Path) -> None:
    path = small_archive(tmp_path)
    (profile,) = read_profiles(path)
    assert (profile.name, profile.requests, profile.span_s) == ("tiny-1", 36, 86_400)
    assert [(w.start_s, w.requests, w.cv) for w in profile.windows] == [(0, 30, 2.0), (1200, 6, 1.0)]
    (client,) = read_clients(path, [profile])
    calls = list(sample(client, random.Random(1), scale=1, days=1))
    assert len(calls) == 36
    assert {call.input_tokens for call in calls} == {100, 200}
    assert {(call.output_tokens, call.reasoning_tokens) for call in calls} == {(10, 5)}
    assert calls == sorted(calls, key=lambda call: call.at_us)
    assert calls[0].position == "tiny-1:0"


def test_the_same_seed_gives_the_same_calls_and_another_seed_others(tmp_path: Path) -> None:
    path = small_archive(tmp_path)
    (client,) = read_clients(path, read_profiles(path))
    one, same, other = (list(sample(client, random.Random(seed), scale=0.5, days=3)) for seed in (7, 7, 8))
    assert one == same != other


def test_a_profile_shorter_than_the_days_starts_over(tmp_path: Path) -> None:
    path = small_archive(tmp_path)
    (client,) = read_clients(path, read_profiles(path))
    calls = list(sample(client, random.Random(1), scale=1, days=3))
    assert len(calls) == 3 * 36
    assert [sum(1 for call in calls if call.at_us // 86_400_000_000 == day) for day in range(3)] == [36, 36, 36]


def test_a_folder_reads_as_its_archive_does(tmp_path: Path) -> None:
    path = small_archive(tmp_path)
    with tarfile.open(path) as tar:
        tar.extractall(tmp_path / "out", filter="data")
    assert read_profiles(tmp_path / "out") == read_profiles(path)
    assert read_profiles(tmp_path / "out/x/data/language") == read_profiles(path)


def test_links_in_an_archive_are_never_followed(tmp_path: Path) -> None:
    links = (("language/tiny/chunk-1-trace.csv", "/etc/passwd"), ("language/tiny/chunk-1-dataset.json", "../../x"))
    with pytest.raises(BadInput, match="no ServeGen client"):
        read_profiles(archive(tmp_path / "links.tgz", {"a": "b"}, links=links))


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(member_bytes_max=10), "at most 10"),
        (Limits(members_max=2), "more than 2 members"),
        (Limits(archive_bytes_max=100), "or 100 bytes"),
    ],
)
def test_an_archive_beyond_the_bounds_is_refused(tmp_path: Path, limits: Limits, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        read_profiles(small_archive(tmp_path), limits=limits)


@pytest.mark.parametrize(
    ("trace", "dataset", "reason"),
    [
        ("0,fast,1\n", DATASET, r"chunk-1-trace\.csv:1: expected start,rate,cv"),
        ("600,1,1\n0,1,1\n", DATASET, r"chunk-1-trace\.csv:2: start 0"),
        ("0,-1,1\n", DATASET, r"rate -1"),
        ("0,nan,1\n", DATASET, r"rate nan"),
        (TRACE, {"0": {"input_tokens": "{1: 0.5}", "output_tokens": "{1: 1}"}}, "they sum to 0.5"),
        (TRACE, {"0": {"input_tokens": "{1: nan}", "output_tokens": "{1: 1}"}}, "they sum to nan"),
        (TRACE, {"0": {"input_tokens": "__import__", "output_tokens": "{1: 1}"}}, "expected {value: probability"),
        (TRACE, {"zero": {"input_tokens": "{1: 1}", "output_tokens": "{1: 1}"}}, "not a ServeGen dataset"),
        (TRACE, [1], "not a ServeGen dataset"),
    ],
)
def test_what_is_wrong_with_a_profile_is_named(tmp_path: Path, trace: str, dataset: object, reason: str) -> None:
    members = {
        "language/p/chunk-1-trace.csv": trace,
        "language/p/chunk-1-dataset.json": json.dumps(dataset),
    }
    path = archive(tmp_path / "bad.tgz", members)
    with pytest.raises(BadInput, match=reason):
        read_clients(path, read_profiles(path))


@given(
    requests=st.integers(1, 3_000),
    cv=st.floats(0, 40),
    scale=st.sampled_from([0.001, 0.1, 0.5, 1, 1.5, 3]),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_arrivals_are_ordered_inside_their_window_and_a_whole_scale_keeps_the_count(
    requests: int, cv: float, scale: float, seed: int
) -> None:
    marks = arrivals(Window(start_s=0, requests=requests, cv=cv), random.Random(seed), scale=scale)
    assert marks == sorted(marks)
    assert all(0 <= mark < 600_000_000 for mark in marks)
    assert len(marks) <= requests * 3
    if scale in {1, 3}:
        assert len(marks) == requests * scale


def test_thinning_keeps_the_share_and_arrivals_keep_the_cv() -> None:
    rng = random.Random(3)
    window = Window(start_s=0, requests=10_000, cv=3.0)
    counts = [len(arrivals(window, rng, scale=0.01)) for _ in range(400)]
    assert statistics.mean(counts) == pytest.approx(100, rel=0.02)
    assert statistics.pvariance(counts) == pytest.approx(100 * 0.99, rel=0.25)
    marks = arrivals(window, rng, scale=1)
    gaps = [b - a for a, b in itertools.pairwise(marks)]
    assert statistics.pstdev(gaps) / statistics.mean(gaps) == pytest.approx(3.0, rel=0.1)


AZURE = (
    "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9799600,4808,10\n2023-11-16 18:17:04.0319600,3180,8\n"
)


@pytest.mark.parametrize("compressed", [False, True])
def test_an_azure_trace_reads_plain_and_compressed(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "trace.csv"
    path.write_bytes(gzip.compress(AZURE.encode()) if compressed else AZURE.encode())
    one, two = read_azure(path)
    assert (one.position, one.at_us, one.input_tokens, one.output_tokens) == ("2", 0, 4808, 10)
    assert (two.position, two.at_us) == ("3", 52_000)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a,b\n1,2\n", "no column TIMESTAMP"),
        (AZURE + "2023-11-16 18:17:05,many,1\n", "trace.csv:4: expected"),
        (AZURE + "2023-11-16 18:17:05,-5,1\n", "out of range"),
        (AZURE + "2022-11-16 18:17:05,5,1\n", "sort it by time"),
        ("", "no call in it"),
    ],
)
def test_what_is_wrong_with_an_azure_trace_is_named(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "trace.csv"
    path.write_text(text)
    with pytest.raises(BadInput, match=reason):
        list(read_azure(path))


def moon(at_ms: int, tokens: int, blocks: list[int]) -> str:
    return json.dumps({"timestamp": at_ms, "input_length": tokens, "output_length": 5, "hash_ids": blocks}) + "\n"


def test_mooncake_blocks_are_cache_reads_while_the_prefix_is_warm(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text(
        moon(1_000, 2_000, [1, 2, 3, 4])
        + moon(2_000, 2_000, [1, 2, 3, 9])  # three blocks of 512 shared
        + moon(3_000, 2_000, [8, 2, 3, 4])  # another beginning: nothing is a prefix
        + moon(4_000, 1_500, [1, 2, 3])  # the whole prompt, whose last block is not full
        + moon(5_000, 600, [1, 77])  # one block is less than a provider caches
        + moon(306_000, 2_000, [1, 2, 3, 4])  # blocks 2 and 3 were last used 302 s before
        + moon(607_000, 2_000, [1, 2, 3, 4])
    )
    assert [call.cache_read_tokens for call in read_mooncake(path)] == [0, 1536, 0, 1500, 0, 0, 0]
    assert [call.cache_read_tokens for call in read_mooncake(path, ttl_s=600)] == [0, 1536, 0, 1500, 0, 2000, 2000]


@pytest.mark.parametrize(
    ("text", "reason"),
    [("{}\n", "trace.jsonl:1: not a line"), (moon(0, -4, []), "out of range"), ("\n", "no call in it")],
)
def test_what_is_wrong_with_a_mooncake_trace_is_named(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text(text)
    with pytest.raises(BadInput, match=reason):
        list(read_mooncake(path))


def test_a_file_that_is_not_text_or_not_there_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_bytes(b"\x1f\x8bnot really gzip")
    for wrong in (path, tmp_path / "absent", tmp_path):
        with pytest.raises(BadInput):
            list(read_azure(wrong))
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="UTF-8"):
        list(read_azure(path))
    with pytest.raises(BadInput, match="not a ServeGen archive"):
        read_profiles(path)


def test_the_published_azure_trace_has_8819_calls_in_57_minutes() -> None:
    calls = list(read_azure(shared_data("azure_llm_2023") / "AzureLLMInferenceTrace_code.csv.gz"))
    assert len(calls) == 8_819
    assert (calls[0].input_tokens, calls[0].output_tokens) == (4808, 10)
    assert max(call.at_us for call in calls) // 60_000_000 == 57


def test_the_published_mooncake_trace_would_read_a_quarter_of_its_input_from_a_five_minute_cache() -> None:
    calls = list(read_mooncake(shared_data("mooncake_fast25") / "conversation_trace.jsonl.gz"))
    assert len(calls) == 12_031
    share = sum(call.cache_read_tokens for call in calls) / sum(call.input_tokens for call in calls)
    assert share == pytest.approx(0.264, abs=0.001)


def test_the_published_profiles_sample_to_their_own_counts_and_mean_lengths() -> None:
    path = shared_data("servegen_dev.tgz")
    profiles = read_profiles(path)
    by_pool = {pool: [p for p in profiles if p.pool == pool] for pool in {p.pool for p in profiles}}
    assert {pool: len(its) for pool, its in by_pool.items()} == {
        "language/m-large": 147,
        "language/m-small": 38,
        "reason/deepseek-r1": 73,
    }
    some = by_pool["reason/deepseek-r1"][:12]
    clients = read_clients(path, some)
    assert [client.profile for client in clients] == some
    whole = sum(profile.requests for profile in some)
    calls = [call for client in clients for call in sample(client, random.Random(5), scale=5_000 / whole, days=1)]
    assert len(calls) == pytest.approx(5_000, rel=0.06)
    assert all(0 <= call.reasoning_tokens <= call.output_tokens for call in calls)
    assert sum(call.reasoning_tokens for call in calls) > 0
