"""Where the demo's customers come from: the real client profiles, or the table of quantiles derived from them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from floorline.errors import BadInput
from floorline.sandbox.servegen import Client, read_clients, read_profiles
from floorline.sandbox.table import DAYS, QuantileTable, mean_requests, read_table, table_clients

POOLS = ("language/m-large", "language/m-small", "reason/deepseek-r1")


class Traffic(Protocol):
    """A source of clients. `source` says where it is from in a sentence, `label` in the words that every screen shows."""

    @property
    def source(self) -> str:
        """Where the traffic comes from, and under which licence."""
        ...

    @property
    def label(self) -> str:
        """The source in a few words."""
        ...

    def pick(self, pool: str, count: int, rng: random.Random) -> list[Client]:
        """`count` clients of `pool`, one from each of `count` equal strata of the volumes, smallest first."""
        ...

    def mean_requests(self, pool: str) -> float:
        """Requests of the mean client of `pool` in 14 days."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileTraffic:
    """Clients drawn from real profiles; a client may be drawn more than once, each time with calls of its own."""

    clients: Sequence[Client]

    @property
    def source(self) -> str:
        """The profiles' origin."""
        return (
            f"Tenants and traffic: 14 days sampled from the profiles of {len(self.clients)} real clients of Alibaba "
            "Cloud Model Studio (ServeGen, NSDI 2026, Apache-2.0)."
        )

    @property
    def label(self) -> str:
        """See Traffic."""
        return f"profiles of {len(self.clients)} real clients (ServeGen)"

    def pick(self, pool: str, count: int, rng: random.Random) -> list[Client]:
        """See Traffic."""
        ordered = sorted(
            (client for client in self.clients if client.profile.pool == pool),
            key=lambda client: (_fortnight(client), client.profile.number),
        )
        if not ordered:
            raise BadInput(f"the profiles hold no client of {pool}: the demo needs {', '.join(POOLS)}")
        return [ordered[int((stratum + rng.random()) / count * len(ordered))] for stratum in range(count)]

    def mean_requests(self, pool: str) -> float:
        """See Traffic."""
        volumes = [_fortnight(client) for client in self.clients if client.profile.pool == pool]
        return sum(volumes) / len(volumes)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableTraffic:
    """Clients drawn from the table of quantiles that comes with Floorline."""

    table: QuantileTable

    @property
    def source(self) -> str:
        """The table's origin."""
        return (
            "Tenants and traffic: 14 days sampled from a small table of quantiles of "
            f"{sum(pool.clients for pool in self.table.pools)} real clients of Alibaba Cloud Model Studio "
            f"(ServeGen, NSDI 2026, {self.table.licence})."
        )

    @property
    def label(self) -> str:
        """See Traffic."""
        return f"quantiles of {sum(pool.clients for pool in self.table.pools)} real clients (ServeGen)"

    def pick(self, pool: str, count: int, rng: random.Random) -> list[Client]:
        """See Traffic."""
        return table_clients(self.table, pool, count, rng)

    def mean_requests(self, pool: str) -> float:
        """See Traffic."""
        return mean_requests(self.table, pool)


def open_traffic(servegen: Path | None) -> Traffic:
    """The profiles at `servegen`, else the table."""
    if servegen is None:
        return TableTraffic(table=read_table())
    profiles = [profile for profile in read_profiles(servegen) if profile.pool in POOLS]
    return ProfileTraffic(clients=read_clients(servegen, profiles))


def _fortnight(client: Client) -> float:
    return client.profile.requests * DAYS * 86_400 / client.profile.span_s
