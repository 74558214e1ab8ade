"""The upstream, the load generator and the servers of `floorline bench gateway`, as real processes on loopback."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import msgspec
import pytest
from click.testing import CliRunner

from floorline.bench.gateway import parts
from floorline.bench.gateway.answers import expected
from floorline.bench.gateway.processes import Server, free_port, last_line
from floorline.bench.gateway.suite import QUICK, run
from floorline.bench.gateway.tools import compiled
from floorline.bench.gateway.workloads import FAST, SATURATION, STREAMS, LoadGenerator, Outcome, Workload
from floorline.cli.bench import command
from floorline.errors import BadInput

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")

CORE = 0
BRIEF = Workload(name="brief", title="one connection", connections=1)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def port(cache: Path, tmp_path: Path) -> Iterator[int]:
    port = free_port()
    server = Server([str(compiled("upstream", cache)), str(port)], core=CORE, log=tmp_path / "upstream.log")
    server.wait_until_listening(port)
    yield port
    server.stop()


@pytest.fixture
def generator(cache: Path, tmp_path: Path) -> LoadGenerator:
    return LoadGenerator(program=compiled("load", cache), core=CORE, folder=tmp_path)


def ask(port: int, workload: Workload) -> bytes:
    request = Request(f"http://127.0.0.1:{port}/v1/chat/completions", data=workload.body())
    with urlopen(request, timeout=10) as answer:
        return answer.read()


def load(generator: LoadGenerator, port: int, workload: Workload, wanted: bytes, seconds: float = 0.3) -> Outcome:
    return generator.run(workload, port=port, headers=(), expected=wanted, seconds=seconds, warm=0.0)


def stats(port: int) -> dict[str, int]:
    with urlopen(f"http://127.0.0.1:{port}/stats", timeout=10) as answer:
        return msgspec.json.decode(answer.read())


def test_every_call_of_a_closed_loop_is_answered_as_expected_and_counted_by_the_upstream(
    port: int, generator: LoadGenerator
) -> None:
    wanted = expected(ask(port, SATURATION))
    before = stats(port)
    outcome = load(generator, port, SATURATION, wanted)
    after = stats(port)
    assert outcome.fault() == ""
    assert outcome.served == after["requests"] - before["requests"] > 0
    assert outcome.connects == 32


def test_an_open_loop_makes_as_many_calls_as_the_rate_says(port: int, generator: LoadGenerator) -> None:
    outcome = load(generator, port, FAST, expected(ask(port, FAST)))
    assert outcome.fault() == ""
    assert outcome.served == 60


def test_a_stream_is_compared_whole_and_its_chunks_are_timed(port: int, generator: LoadGenerator) -> None:
    few = Workload(name="few", title="two streams", connections=2, streams=True)
    outcome = load(generator, port, few, expected(ask(port, few)))
    assert outcome.fault() == ""
    assert outcome.served == 2
    assert outcome.chunk_us_p50 > 0


def test_a_stream_ends_with_its_usage_and_the_end_mark(port: int) -> None:
    answer = ask(port, STREAMS)
    last, end = answer.strip().split(b"\n\n")[-2:]
    assert b'"usage":{"prompt_tokens":219,"completion_tokens":100' in last
    assert end == b"data: [DONE]"
    assert answer.count(b'"content":" T') == 100


def test_one_other_byte_is_a_wrong_answer_and_shown(port: int, generator: LoadGenerator) -> None:
    outcome = load(generator, port, BRIEF, ask(port, BRIEF).replace(b'"stop"', b'"spot"'), 0.3)
    assert (outcome.served, outcome.wrong > 0) == (0, True)
    assert "wrong answers: the answer differs from here: top" in outcome.fault()


def test_an_answer_that_ends_early_is_a_wrong_one(port: int, generator: LoadGenerator) -> None:
    outcome = load(generator, port, BRIEF, ask(port, BRIEF) + b" ", 0.05)
    assert outcome.served == 0
    assert "ends early" in outcome.fault()


def test_a_letter_where_a_digit_is_expected_is_a_wrong_answer(port: int, generator: LoadGenerator) -> None:
    outcome = load(generator, port, BRIEF, ask(port, BRIEF).replace(b"stop", b"sto\x01"), 0.05)
    assert outcome.served == 0
    assert outcome.wrong > 0


def test_a_port_without_a_server_is_told_at_once(generator: LoadGenerator) -> None:
    outcome = load(generator, free_port(), BRIEF, b"", 5.0)
    assert outcome.fault() == "1 broken connections: cannot connect"


def test_a_server_s_processor_time_grows_with_its_work_and_stands_still_while_it_is_paused(
    cache: Path, tmp_path: Path, generator: LoadGenerator
) -> None:
    port = free_port()
    server = Server([str(compiled("upstream", cache)), str(port)], core=CORE, log=tmp_path / "own.log")
    try:
        server.wait_until_listening(port)
        wanted = expected(ask(port, SATURATION))
        before = server.cpu_ns()
        load(generator, port, SATURATION, wanted)
        assert server.cpu_ns() - before > 1_000_000
        assert server.rss_bytes() > 100_000
        server.pause()
        time.sleep(0.05)  # the signal takes a moment
        paused = server.cpu_ns()
        time.sleep(0.05)
        assert server.cpu_ns() == paused
    finally:
        server.stop()


def test_a_server_that_ends_at_its_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    server = Server(["sh", "-c", "echo no port left; exit 3"], core=CORE, log=tmp_path / "broken.log")
    with pytest.raises(BadInput, match="broken ended with 3 at its start: no port left"):
        server.wait_until_listening(free_port())


def test_the_last_line_of_a_program_is_told_without_its_colours() -> None:
    assert last_line("first\n\x1b[31mERROR: no such version\x1b[0m\n\n") == "ERROR: no such version"


def test_a_machine_without_a_compiler_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BadInput, match="apt-get install gcc"):
        compiled("load", tmp_path)


def test_an_unknown_target_is_named_with_those_that_there_are() -> None:
    result = CliRunner().invoke(command, ["gateway", "--targets", "nginx,envoy"])
    assert isinstance(result.exception, BadInput)
    assert "--targets envoy: there are nginx, floorline-bare" in str(result.exception)


def test_the_parts_of_a_call_are_measured_one_by_one(port: int) -> None:
    sheet = parts.run(whole=ask(port, SATURATION), streamed=ask(port, STREAMS))
    names = [row[0] for row in sheet.rows]
    assert {"key", "attribution", "price", "opening", "closing, encoded", "closing, appended"} <= set(names)
    assert all(float(row[1]) > 0 for row in sheet.rows)


@pytest.mark.prove
def test_the_quick_run_finds_the_same_answers_everywhere_and_no_fault(cache: Path) -> None:
    measured = run(QUICK, cache=cache, say=lambda _: None)
    absent = {one.name for one in measured.missing}
    assert absent <= {"nginx"}  # Debian's package; Floorline's own gateway is always here
    assert set(measured.equality.values()) == {"identical"}
    assert {one.target for one in measured.samples} == {"direct", *QUICK.targets} - absent
    assert [one.fault() for one in measured.samples if one.fault()] == []
