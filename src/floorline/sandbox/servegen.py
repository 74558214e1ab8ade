"""ServeGen's client profiles: statistics of real clients, from which calls are sampled with a seed.

A profile is what ServeGen publishes of one production client of Alibaba Cloud Model Studio: for each window of 600
seconds the request rate, the coefficient of variation (cv) of the gaps between requests and a fitted family, and for
each 6 hours the distributions of input and output tokens (and of the share of the output that is reasoning).
Source: github.com/alibaba/ServeGen, Apache-2.0; Xiang et al., "ServeGen", NSDI 2026.

Sampling. The rate × 600 is the window's count of requests, and it is kept: the profile's n requests are spread over
the window by n + 1 gamma gaps of the profile's cv, scaled to fill the window, and each request is kept with
probability `scale`. Thinned in one pass, because the gap over k requests is a gamma gap of k times the shape. A scale
above 1 adds whole copies of the requests to the same window. Input and output tokens are drawn independently, as
ServeGen does. The fitted families are not used: their mean gap × the stated rate, which should be 1, is 0.44 to 1.00
from P5 to P95 for the gamma fits of the language pools, and 0.68 to 2.76 for the Weibull fits.
"""

import math
import random
import re
import tarfile
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import msgspec

from floorline.errors import BadInput
from floorline.sandbox.traces import TracedCall

WINDOW_S = 600
_MEMBER = re.compile(r"(?:^|/)((?:language|reason|multimodal)/[\w.-]+)/chunk-(\d{1,9})-(trace\.csv|dataset\.json)$")
_CV_MIN = 0.05
_PROBABILITY_SLACK = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of an archive is read before it is refused."""

    members_max: int = 20_000
    member_bytes_max: int = 64 * 1024 * 1024
    archive_bytes_max: int = 2 * 1024 * 1024 * 1024


LIMITS = Limits()


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """600 seconds with traffic: the second it starts at, its requests, and the cv of the gaps between them."""

    start_s: int
    requests: int
    cv: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """When one client calls: `pool` as in `language/m-large`, its windows with traffic, and the seconds it covers."""

    pool: str
    number: int
    windows: tuple[Window, ...]
    span_s: int

    @property
    def name(self) -> str:
        """The client as calls name it: `m-large-17`."""
        return f"{self.pool.rpartition('/')[2]}-{self.number}"

    @property
    def requests(self) -> int:
        """Every request of the profile."""
        return sum(window.requests for window in self.windows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Values and their cumulative probabilities, the last of which is 1 (as arrays: a client has many)."""

    values: Sequence[float]
    cumulative: Sequence[float]

    def at(self, chance: float) -> float:
        """The value at `chance`, at least 0 and below 1."""
        return self.values[min(bisect_right(self.cumulative, chance), len(self.values) - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """The token lengths of one client from `start_s` on. `reasoning` is the share of the output that is reasoning."""

    start_s: int
    input: Distribution
    output: Distribution
    reasoning: Distribution | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One client: when it calls and how long its calls are (ordered by `start_s`, never empty)."""

    profile: Profile
    lengths: tuple[Lengths, ...]

    def lengths_at(self, second: int) -> Lengths:
        """The lengths in force at `second`: of its own 6 hours, else of the latest before it, else the first."""
        at = bisect_right([lengths.start_s for lengths in self.lengths], second) - 1
        return self.lengths[max(at, 0)]


class _Dataset(msgspec.Struct, frozen=True):
    input_tokens: str = "{}"
    output_tokens: str = "{}"
    reason_ratio: str = "{}"


_DATASETS = msgspec.json.Decoder(dict[str, _Dataset])


def read_profiles(path: Path, *, limits: Limits = LIMITS) -> list[Profile]:
    """Every client that has both a trace and token lengths, ordered by pool and number. BadInput says what is wrong.

    `path` is an archive (.tgz, .tar.gz, .tar) or a folder; an archive is read as a stream and nothing is unpacked.
    """
    traces: dict[tuple[str, int], Profile] = {}
    measured: set[tuple[str, int]] = set()
    for pool, number, kind, body in _members(path, limits):
        if kind == "trace.csv":
            traces[pool, number] = _profile(pool, number, body)
        else:
            measured.add((pool, number))
    profiles = [traces[key] for key in sorted(traces) if key in measured]
    if not profiles:
        raise BadInput(f"{path}: no ServeGen client: expected …/language/POOL/chunk-N-trace.csv and -dataset.json")
    return profiles


def read_clients(path: Path, profiles: Sequence[Profile], *, limits: Limits = LIMITS) -> list[Client]:
    """The token lengths of `profiles`, in their order; a client whose lengths are all empty is left out."""
    wanted = {(profile.pool, profile.number) for profile in profiles}
    lengths: dict[tuple[str, int], tuple[Lengths, ...]] = {}
    for pool, number, kind, body in _members(path, limits):
        if kind == "dataset.json" and (pool, number) in wanted:
            lengths[pool, number] = _lengths(f"{pool}/chunk-{number}-dataset.json", body)
    found = ((profile, lengths.get((profile.pool, profile.number), ())) for profile in profiles)
    return [Client(profile=profile, lengths=its) for profile, its in found if its]


def sample(client: Client, rng: random.Random, *, scale: float, days: int) -> Iterator[TracedCall]:
    """The client's calls of `days` days in the order of time, each request kept with probability `scale`.

    A profile shorter than `days` starts over at its beginning. Positions count the calls of this sample.
    """
    name = client.profile.name
    count = 0
    for window, start_s in _unrolled(client.profile, days):
        offsets_us = arrivals(window, rng, scale=scale)
        if not offsets_us:
            continue
        lengths = client.lengths_at(window.start_s)
        for offset_us in offsets_us:
            yield TracedCall(
                position=f"{name}:{count}",
                at_us=start_s * 1_000_000 + offset_us,
                client=name,
                **tokens(lengths, rng),
            )
            count += 1


def arrivals(window: Window, rng: random.Random, *, scale: float) -> list[int]:
    """Microseconds from the window's start of the requests that are kept, in order."""
    copies = max(math.ceil(scale), 1)
    requests, keep = window.requests * copies, scale / copies
    skip = gap_to_next_kept(rng, keep)
    if skip > requests:
        return []
    shape = 1 / max(window.cv, _CV_MIN) ** 2
    marks: list[float] = []
    elapsed, taken = 0.0, 0
    while taken + skip <= requests:
        taken += skip
        elapsed += rng.gammavariate(skip * shape, 1.0)
        marks.append(elapsed)
        skip = gap_to_next_kept(rng, keep)
    elapsed += rng.gammavariate((requests + 1 - taken) * shape, 1.0)
    whole_us = WINDOW_S * 1_000_000
    if elapsed <= 0:  # every gap underflowed: the burst is shorter than a float can say
        return [0] * len(marks)
    return [min(int(mark / elapsed * whole_us), whole_us - 1) for mark in marks]


def gap_to_next_kept(rng: random.Random, keep: float) -> int:
    """How many requests on the next kept one is: geometric with mean 1 ÷ `keep`."""
    if keep >= 1:
        return 1
    return 1 + int(math.log(1.0 - rng.random()) / math.log1p(-keep))


def tokens(lengths: Lengths, rng: random.Random) -> dict[str, int]:
    """The token counts of one call, as a TracedCall names them."""
    output = int(lengths.output.at(rng.random()))
    share = 0.0 if lengths.reasoning is None else lengths.reasoning.at(rng.random())
    return {
        "input_tokens": int(lengths.input.at(rng.random())),
        "output_tokens": output,
        "reasoning_tokens": min(round(output * share), output),
    }


def _unrolled(profile: Profile, days: int) -> Iterator[tuple[Window, int]]:
    """Each window with the second of the sample at which it falls, over and over until the days are full."""
    end_s = days * 86_400
    for lap_s in range(0, end_s, profile.span_s):
        for window in profile.windows:
            if lap_s + window.start_s >= end_s:
                return
            yield window, lap_s + window.start_s


def _profile(pool: str, number: int, body: bytes) -> Profile:
    windows: list[Window] = []
    end_s = 0
    for at, line in enumerate(body.decode().splitlines(), 1):
        where = f"{pool}/chunk-{number}-trace.csv:{at}"
        fields = line.split(",")
        try:
            start_s, rate, cv = int(float(fields[0])), float(fields[1]), float(fields[2] or 0)
        except (ValueError, IndexError, OverflowError) as error:
            raise BadInput(f"{where}: expected start,rate,cv,family,… and got {line[:80]!r}") from error
        if not (end_s <= start_s and 0 <= rate <= 1e6 and 0 <= cv <= 1e6):
            raise BadInput(f"{where}: start {start_s}, rate {rate} or cv {cv} is out of order or out of range")
        end_s = start_s + WINDOW_S
        if requests := round(rate * WINDOW_S):
            windows.append(Window(start_s=start_s, requests=requests, cv=cv or 1.0))
    span_s = max(math.ceil(end_s / 86_400), 1) * 86_400
    return Profile(pool=pool, number=number, windows=tuple(windows), span_s=span_s)


def _lengths(where: str, body: bytes) -> tuple[Lengths, ...]:
    try:
        datasets = _DATASETS.decode(body)
        starts = sorted((int(start), dataset) for start, dataset in datasets.items())
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise BadInput(f"{where}: not a ServeGen dataset: {error}") from error
    found: list[Lengths] = []
    for start_s, dataset in starts:
        inputs = _distribution(where, dataset.input_tokens)
        outputs = _distribution(where, dataset.output_tokens)
        if inputs is not None and outputs is not None:
            reasoning = _distribution(where, dataset.reason_ratio)
            found.append(Lengths(start_s=start_s, input=inputs, output=outputs, reasoning=reasoning))
    return tuple(found)


def _distribution(where: str, text: str) -> Distribution | None:
    """A distribution from `{value: probability, …}`; None when it is empty."""
    inner = text.strip().removeprefix("{").removesuffix("}")
    if not inner.strip():
        return None
    try:
        flat = [float(part) for part in inner.replace(":", ",").split(",")]
        pairs = [(value, chance) for value, chance in zip(flat[::2], flat[1::2], strict=True) if chance != 0]
    except ValueError as error:
        raise BadInput(f"{where}: expected {{value: probability, …}} and got {text[:60]!r}") from error
    total = math.fsum(chance for _, chance in pairs)
    if not all(value >= 0 and chance > 0 for value, chance in pairs) or not abs(total - 1) <= _PROBABILITY_SLACK:
        raise BadInput(f"{where}: probabilities must be positive and sum to 1; they sum to {total}")
    cumulative = array("d", (share / total for share in accumulate(chance for _, chance in pairs)))
    cumulative[-1] = 1.0
    return Distribution(values=array("d", (value for value, _ in pairs)), cumulative=cumulative)


def _members(path: Path, limits: Limits) -> Iterator[tuple[str, int, str, bytes]]:
    """Pool, client number, kind and content of each file that is part of a profile; everything else is passed over."""
    if path.is_dir():
        yield from _folder_members(path, limits)
        return
    try:
        with tarfile.open(path, "r|*") as archive:
            yield from _archive_members(path, archive, limits)
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise BadInput(f"{path}: not a ServeGen archive or folder: {error}") from error


def _archive_members(path: Path, archive: tarfile.TarFile, limits: Limits) -> Iterator[tuple[str, int, str, bytes]]:
    total = 0
    for seen, member in enumerate(archive, 1):
        total += member.size
        if seen > limits.members_max or total > limits.archive_bytes_max:
            raise BadInput(
                f"{path}: more than {limits.members_max} members or {limits.archive_bytes_max} bytes in an archive"
            )
        match = _MEMBER.search(member.name)
        if match is None or not member.isreg():  # a link or a device is never followed
            continue
        if member.size > limits.member_bytes_max:
            raise BadInput(f"{path}: {member.name} has {member.size} bytes, at most {limits.member_bytes_max}")
        stream = archive.extractfile(member)
        assert stream is not None
        yield match[1], int(match[2]), match[3], stream.read()


def _folder_members(path: Path, limits: Limits) -> Iterator[tuple[str, int, str, bytes]]:
    for file in sorted(path.rglob("chunk-*")):
        match = _MEMBER.search(file.relative_to(path.parent).as_posix())
        if match is None or file.is_symlink() or not file.is_file():
            continue
        if file.stat().st_size > limits.member_bytes_max:
            raise BadInput(f"{file}: has more than {limits.member_bytes_max} bytes")
        yield match[1], int(match[2]), match[3], file.read_bytes()
