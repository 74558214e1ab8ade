"""The arithmetic of `floorline bench gateway`, on runs small enough to read."""

import pytest

from floorline.bench.gateway.figures import Sample, Samples, cpu_us_per_call, cpu_us_per_chunk
from floorline.bench.gateway.tables import of_workload, side_by_side
from floorline.bench.gateway.workloads import FAST, SATURATION, STREAMS, Outcome


def outcome(served: int, *, wrong: int = 0, p50: float = 100.0, per_s: float = 200.0, first_fault: str = "") -> Outcome:
    return Outcome(
        served=served,
        wrong=wrong,
        refused=0,
        broken=0,
        unfinished=0,
        connects=1,
        calls_per_s=per_s,
        latency_us_p50=p50,
        latency_us_p99=2 * p50,
        first_us_p50=p50,
        first_us_p99=p50,
        chunks_per_s=0.0,
        chunk_us_p50=0.0,
        chunk_us_p99=0.0,
        first_fault=first_fault,
    )


def run(
    target: str, number: int, *, cpu_ms: int, calls: int = 1_000, workload: str = "saturation", **of: float
) -> Sample:
    return Sample(
        target=target,
        workload=workload,
        round=number,
        calls=calls,
        chunks=0,
        connections=32,
        cpu_ns=cpu_ms * 1_000_000,
        rss_bytes=50_000_000,
        outcome=outcome(1_000, **of),  # type: ignore[arg-type]
    )


def test_processor_time_is_divided_by_the_calls_that_the_upstream_saw() -> None:
    one = run("nginx", 0, cpu_ms=30)
    assert cpu_us_per_call(one) == 30.0


def test_a_run_without_chunks_divides_by_one_and_not_by_zero() -> None:
    assert cpu_us_per_chunk(run("nginx", 0, cpu_ms=1)) == 1_000.0


def test_a_ratio_is_taken_within_each_round_before_its_median() -> None:
    # the machine is twice as slow in the second round, for both
    samples = Samples(
        [
            run("nginx", 0, cpu_ms=30),
            run("floorline-bare", 0, cpu_ms=45),
            run("nginx", 1, cpu_ms=60),
            run("floorline-bare", 1, cpu_ms=90),
        ]
    )
    assert samples.ratio("floorline-bare", "nginx", "saturation", cpu_us_per_call) == 1.5
    assert samples.median("nginx", "saturation", cpu_us_per_call) == 45.0


def test_a_round_that_only_one_of_two_ran_is_in_no_ratio() -> None:
    samples = Samples([run("nginx", 0, cpu_ms=30), run("portkey", 0, cpu_ms=300), run("portkey", 1, cpu_ms=900)])
    assert samples.ratio("portkey", "nginx", "saturation", cpu_us_per_call) == 10.0


def test_there_is_no_ratio_to_a_target_that_did_not_run() -> None:
    samples = Samples([run("portkey", 0, cpu_ms=300)])
    assert samples.ratio("portkey", "nginx", "saturation", cpu_us_per_call) is None
    assert samples.median("nginx", "saturation", cpu_us_per_call) is None


def test_added_latency_is_the_median_of_the_differences_to_direct() -> None:
    rounds = [(100.0, 300.0), (500.0, 650.0), (100.0, 350.0)]
    samples = Samples(
        [
            sample
            for number, (direct, nginx) in enumerate(rounds)
            for sample in (run("direct", number, cpu_ms=0, p50=direct), run("nginx", number, cpu_ms=30, p50=nginx))
        ]
    )
    assert samples.added("nginx", "saturation", lambda one: one.outcome.latency_us_p50) == 200.0


def test_a_wrong_answer_in_one_round_leaves_the_target_without_a_ratio_and_is_told() -> None:
    samples = Samples(
        [
            run("nginx", 0, cpu_ms=30),
            run("portkey", 0, cpu_ms=300),
            run("nginx", 1, cpu_ms=30),
            run("portkey", 1, cpu_ms=300, wrong=3, first_fault="the answer differs: {}"),
        ]
    )
    assert samples.ratio("portkey", "nginx", "saturation", cpu_us_per_call) is None
    row = of_workload(SATURATION, ["nginx", "portkey"], samples).rows[1]
    assert row[0] == "portkey"
    assert row[3] == "–"
    assert row[-1] == "3 wrong answers: the answer differs: {}"


def test_calls_that_reached_the_upstream_twice_are_a_fault() -> None:
    assert run("nginx", 0, cpu_ms=30, calls=1_001).fault() == "1000 calls were 1001 at the upstream"


def test_a_run_without_calls_is_a_fault() -> None:
    sample = run("nginx", 0, cpu_ms=30)
    assert Sample(**{**_fields(sample), "calls": 0, "outcome": outcome(0)}).fault() == "no call was made"


def _fields(sample: Sample) -> dict[str, object]:
    return {name: getattr(sample, name) for name in sample.__struct_fields__}


@pytest.mark.parametrize(("per_s", "told"), [(181.0, ""), (179.0, "cannot keep the rate")])
def test_a_target_that_falls_behind_the_rate_is_told(per_s: float, told: str) -> None:
    samples = Samples([run("litellm", 0, cpu_ms=30, workload=FAST.name, per_s=per_s)])
    assert of_workload(FAST, ["litellm"], samples).rows[0][-1] == told


def test_direct_shows_its_own_latency_in_brackets_and_no_processor_time() -> None:
    samples = Samples([run("direct", 0, cpu_ms=0, p50=250.0)])
    row = of_workload(SATURATION, ["direct"], samples).rows[0]
    assert row[:4] == ("direct", "–", "–", "–")
    assert row[5:7] == ("(0.25)", "(0.50)")


def test_the_least_of_all_rounds_stands_beside_their_median() -> None:
    samples = Samples([run("nginx", number, cpu_ms=ms) for number, ms in enumerate((30, 20, 50))])
    assert of_workload(SATURATION, ["nginx"], samples).rows[0][1:4] == ("30.0", "20.0", "1.00")


def test_what_served_nothing_in_the_measured_seconds_has_no_added_latency() -> None:
    samples = Samples([run("direct", 0, cpu_ms=0, p50=250.0), run("litellm", 0, cpu_ms=900, p50=0.0)])
    assert of_workload(SATURATION, ["litellm"], samples).rows[0][5:7] == ("–", "–")


def test_bare_is_compared_with_bare_and_accounting_with_a_spend_log() -> None:
    cpu = {"floorline-bare": 40, "floorline-accounting": 80, "litellm": 4_000, "litellm-spend": 9_600}
    samples = Samples([run(name, 0, cpu_ms=ms) for name, ms in cpu.items()])
    assert side_by_side([SATURATION], samples).rows == (
        ("litellm ÷ floorline-bare", "100.00"),
        ("litellm-spend ÷ floorline-accounting", "120.00"),
    )


@pytest.mark.parametrize("workload", [SATURATION, FAST, STREAMS])
def test_a_request_is_as_long_as_its_workload_says(workload) -> None:
    assert len(workload.body()) == workload.prompt_bytes
