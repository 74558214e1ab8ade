"""What is sent: prompts, rates and numbers of connections; and what the load generator tells about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from floorline.bench.gateway.processes import completed, pinned
from floorline.errors import BadInput

STREAM_CHUNKS = 100
STREAM_DELAY_US = 10_000
KILOBYTE = 1_024
_NOTE = "the crawler was slow on Tuesday and the index was rebuilt on Wednesday; "
_NUMBER = "0000000000"
"""What the load generator replaces in each call, so that no two ask the same."""

_WISHES = f"MOCK chunks={STREAM_CHUNKS} delay_us={STREAM_DELAY_US};"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One kind of load. `rate` None is a closed loop: every connection always has a call under way."""

    name: str
    title: str
    prompt_bytes: int = KILOBYTE
    connections: int = 32
    rate: int | None = None
    streams: bool = False

    def body(self) -> bytes:
        """The request's body, `prompt_bytes` long."""
        filler = "".join(_NOTE for _ in range(self.prompt_bytes // len(_NOTE) + 1))
        streaming = b'"stream":true,"stream_options":{"include_usage":true},' if self.streams else b""
        wishes = f"{_WISHES} " if self.streams else ""
        head = (
            b'{"model":"gpt-4o-mini",'
            + streaming
            + b'"messages":[{"role":"system","content":"Answer in short sentences."},'
        )
        head += b'{"role":"user","content":"' + f"{wishes}Summarise {_NUMBER}: ".encode()
        tail = b'"}],"max_tokens":512,"temperature":0.2,"user":"u-1234"}'
        return head + filler.encode()[: self.prompt_bytes - len(head) - len(tail)] + tail


SATURATION = Workload(name="saturation", title="as many calls as it takes, 1 KB prompt, 32 connections")
LARGE = Workload(
    name="saturation-20k", title="as many calls as it takes, 20 KB prompt, 32 connections", prompt_bytes=20 * KILOBYTE
)
SLOW = Workload(name="rate-50", title="50 calls/s, 1 KB prompt", rate=50, connections=128)
FAST = Workload(name="rate-200", title="200 calls/s, 1 KB prompt", rate=200, connections=128)
STREAMS = Workload(
    name="streams",
    title=f"200 streams at once, {STREAM_CHUNKS} chunks each, one every {STREAM_DELAY_US // 1_000} ms",
    connections=200,
    streams=True,
)
WORKLOADS = (SATURATION, LARGE, SLOW, FAST, STREAMS)


class Outcome(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `load.c` prints: calls by how they ended, and microseconds of those that were served.

    `first_us` is from a call's due time to its first chunk, `chunk_us` from the upstream's write of a chunk to its arrival.
    """

    served: int
    wrong: int
    refused: int
    broken: int
    unfinished: int
    connects: int
    calls_per_s: float
    latency_us_p50: float
    latency_us_p99: float
    first_us_p50: float
    first_us_p99: float
    chunks_per_s: float
    chunk_us_p50: float
    chunk_us_p99: float
    first_fault: str

    def fault(self) -> str:
        """What went wrong, '' when every call was answered as expected."""
        counts = {
            "wrong answers": self.wrong,
            "refusals": self.refused,
            "broken connections": self.broken,
            "unfinished calls": self.unfinished,
        }
        told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        return f"{told}: {self.first_fault}" if told and self.first_fault else told


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadGenerator:
    """The load generator on its core. `folder` takes the bodies that it sends and expects."""

    program: Path
    core: int
    folder: Path

    def run(
        self, workload: Workload, *, port: int, headers: Sequence[str], expected: bytes, seconds: float, warm: float
    ) -> Outcome:
        """One run against `port`, `seconds` of it measured after `warm` seconds."""
        sent, wanted = self.folder / "request.json", self.folder / "expected"
        sent.write_bytes(workload.body())
        wanted.write_bytes(expected)
        command = [str(self.program), "--port", str(port)]
        command += ["--body", str(sent), "--expect", str(wanted), "--connections", str(workload.connections)]
        command += ["--seconds", str(seconds), "--warm", str(warm)]
        command += ["--rate", str(workload.rate)] if workload.rate else []
        for header in headers:
            command += ["--header", header]
        done = completed(pinned(self.core, command))
        if done.returncode:
            raise BadInput(f"the load generator ended with {done.returncode}: {done.stderr.strip()}")
        return msgspec.json.decode(done.stdout, type=Outcome)
