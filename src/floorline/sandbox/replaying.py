"""A trace as usage events of the user's own ledger: the rows that `floorline replay` imports.

A call's id is made of a digest of everything that shapes the calls (format, file name, scale, seed, feature, customer
prefix, model, provider, first day) and its position in the trace, so that the same command imports the same rows, and more
days or more clients add to what is there.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Literal

import msgspec

from floorline.errors import BadInput
from floorline.sandbox.azure import read_azure
from floorline.sandbox.mooncake import read_mooncake
from floorline.sandbox.servegen import Client, Profile, read_clients, read_profiles, sample
from floorline.sandbox.traces import TracedCall

Format = Literal["servegen", "azure", "mooncake"]
FORMATS: tuple[Format, ...] = ("servegen", "azure", "mooncake")
SOURCE = "replay"
FROM = date(2026, 1, 1)
"""The default first day: a fixed one, so that the same command gives the same rows on any day."""

SCALES = {"servegen": Decimal("0.0001"), "azure": Decimal(1), "mooncake": Decimal(1)}
"""The default share of the trace's calls: ServeGen's profiles stand for hundreds of millions of calls."""

CALLS_MAX = 20_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What to replay, and as what. `clients` None is all of them; only ServeGen's profiles tell clients apart."""

    path: Path
    format: Format
    days: int = 14
    clients: int | None = None
    scale: Decimal
    seed: int = 0
    feature: str = "replay"
    customer_prefix: str = ""
    model: str = "gpt-5-mini"
    provider: str = "openai"
    start: date = FROM

    def __post_init__(self) -> None:
        if self.format != "servegen" and not 0 < self.scale <= 1:
            raise BadInput(f"--scale {self.scale}: of an {self.format} trace a share above 0 and at most 1 can be kept")
        if self.format != "servegen" and self.clients is not None:
            raise BadInput(f"--clients: an {self.format} trace does not tell its clients apart; leave it out")
        if self.scale <= 0:
            raise BadInput(f"--scale {self.scale}: write a share above 0, as 0.001")

    @property
    def prefix(self) -> str:
        """What every id begins with: the format and a digest of what shapes the calls."""
        shape = (
            self.format, self.path.name, f"{self.scale.normalize():f}", str(self.seed), self.feature,
            self.customer_prefix, self.model, self.provider, self.start.isoformat(),
        )  # fmt: skip
        return f"{self.format}-{blake2b(msgspec.json.encode(shape), digest_size=5).hexdigest()}"


class ReplayRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A traced call as a usage event."""

    request_id: str
    timestamp: datetime
    provider: str
    model: str
    customer_id: str
    feature: str
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    reasoning_tokens: int = 0


def replayed(replay: Replay) -> Iterator[ReplayRow]:
    """Every call as a usage event, in the trace's order (ServeGen: client by client)."""
    opened = datetime(replay.start.year, replay.start.month, replay.start.day, tzinfo=UTC)
    prefix = replay.prefix
    for call in traced(replay):
        yield ReplayRow(
            request_id=f"{prefix}:{call.position}",
            timestamp=opened + timedelta(microseconds=call.at_us),
            provider=replay.provider,
            model=replay.model,
            customer_id=f"{replay.customer_prefix}{call.client}",
            feature=replay.feature,
            input_tokens=call.input_tokens,
            output_tokens=call.output_tokens,
            cache_read_tokens=call.cache_read_tokens,
            reasoning_tokens=call.reasoning_tokens,
        )


def traced(replay: Replay) -> Iterator[TracedCall]:
    """The calls of the trace that fall on the days and within the share asked for."""
    if replay.format == "servegen":
        yield from _sampled(replay)
        return
    calls = read_azure(replay.path) if replay.format == "azure" else read_mooncake(replay.path)
    keep = stream(replay.seed, replay.format)
    for call in calls:
        kept = replay.scale == 1 or keep.random() < replay.scale
        if kept and call.at_us < replay.days * 86_400_000_000:
            yield call


def stream(seed: int, name: str) -> random.Random:
    """A generator of its own for `name`, so that what is drawn for one client does not depend on the others."""
    return random.Random(f"{seed}/{name}")  # noqa: S311 - sampling, not secrets


def _sampled(replay: Replay) -> Iterator[TracedCall]:
    profiles = read_profiles(replay.path)
    stream(replay.seed, "clients").shuffle(profiles)
    chosen = profiles[: replay.clients]
    expected = sum((_expected(profile, replay.days) for profile in chosen), Decimal(0)) * replay.scale
    if expected > CALLS_MAX:
        raise BadInput(
            f"--scale {replay.scale} is about {expected:.0f} calls, at most {CALLS_MAX}: take a smaller share"
        )
    for client in read_clients(replay.path, chosen):
        yield from _of_client(client, replay)


def _of_client(client: Client, replay: Replay) -> Iterator[TracedCall]:
    rng = stream(replay.seed, client.profile.name)
    yield from sample(client, rng, scale=float(replay.scale), days=replay.days)


def _expected(profile: Profile, days: int) -> Decimal:
    return Decimal(profile.requests) * days * 86_400 / profile.span_s
