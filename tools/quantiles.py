"""Derives the sandbox's table of quantiles from ServeGen's client profiles.

    python tools/quantiles.py PATH_OF_SERVEGEN > src/floorline/sandbox/quantiles.json

Only quantiles leave the profiles. Run once; the test that has the profiles at hand derives the table again.
"""

import math
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from floorline.sandbox.servegen import Client, Distribution, read_clients, read_profiles
from floorline.sandbox.table import DAYS, LengthQuantiles, PoolQuantiles, QuantileTable

POINTS = (0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 1.0)
CLASSES = 4


def derive(path: Path) -> QuantileTable:
    """The table of the profiles at `path`."""
    clients = read_clients(path, read_profiles(path))
    pools: defaultdict[str, list[Client]] = defaultdict(list)
    for client in clients:
        pools[client.profile.pool].append(client)
    return QuantileTable(
        source=(
            f"ServeGen, {len(clients)} production clients of Alibaba Cloud Model Studio "
            "(github.com/alibaba/ServeGen; Xiang et al., NSDI 2026)"
        ),
        licence="Apache-2.0",
        derived_by="tools/quantiles.py",
        points=POINTS,
        pools=tuple(_pool(pool, its) for pool, its in sorted(pools.items())),
    )


def _pool(pool: str, clients: list[Client]) -> PoolQuantiles:
    volumes = [client.profile.requests * DAYS * 86_400 / client.profile.span_s for client in clients]
    hours = [0] * 24
    cvs: list[tuple[float, float]] = []
    for client in clients:
        for window in client.profile.windows:
            hours[window.start_s // 3_600 % 24] += window.requests
            cvs.append((window.cv, window.requests))
    ordered = sorted(clients, key=lambda client: (_mean_input(client), client.profile.number))
    quarters = [ordered[len(ordered) * i // CLASSES : len(ordered) * (i + 1) // CLASSES] for i in range(CLASSES)]
    return PoolQuantiles(
        pool=pool,
        clients=len(clients),
        requests=tuple(round(value) for value in quantiles(weighted([(volume, 1.0) for volume in volumes]))),
        hours=tuple(round(count / sum(hours), 6) for count in hours),
        cv=round(weighted(cvs).at(0.5), 3),
        classes=tuple(_class(quarter) for quarter in quarters),
    )


def _class(clients: list[Client]) -> LengthQuantiles:
    reasoning = _mixed((client, "reasoning") for client in clients)
    return LengthQuantiles(
        input_tokens=quantiles(_mixed((client, "input") for client in clients)),
        output_tokens=quantiles(_mixed((client, "output") for client in clients)),
        reasoning_share=quantiles(reasoning) if reasoning.values else (),
    )


def _mixed(sides: Iterable[tuple[Client, str]]) -> Distribution:
    """The mixture in which every client counts once, each of its 6 hours by its requests."""
    mixed: list[tuple[float, float]] = []
    for client, side in sides:
        for weight, distribution in _by_requests(client, side):
            before = 0.0
            for value, upto in zip(distribution.values, distribution.cumulative, strict=True):
                mixed.append((value, weight * (upto - before)))
                before = upto
    return weighted(mixed)


def _by_requests(client: Client, side: str) -> list[tuple[float, Distribution]]:
    counts: defaultdict[int, int] = defaultdict(int)
    for window in client.profile.windows:
        counts[client.lengths_at(window.start_s).start_s] += window.requests
    whole = max(sum(counts.values()), 1)
    found = ((counts[lengths.start_s] / whole, getattr(lengths, side)) for lengths in client.lengths)
    return [(weight, distribution) for weight, distribution in found if weight and distribution is not None]


def _mean_input(client: Client) -> float:
    mixed = _mixed([(client, "input")])
    return math.fsum(mixed.at((step + 0.5) / 200) for step in range(200)) / 200


def weighted(pairs: Sequence[tuple[float, float]]) -> Distribution:
    """The distribution of values with weights; empty when there is none."""
    values: list[float] = []
    cumulative: list[float] = []
    whole = math.fsum(weight for _, weight in pairs)
    total = 0.0
    for value, weight in sorted(pairs):
        total += weight / whole
        if values and values[-1] == value:
            cumulative[-1] = total
        else:
            values.append(value)
            cumulative.append(total)
    return Distribution(values=tuple(values), cumulative=tuple(cumulative))


def quantiles(distribution: Distribution) -> tuple[float, ...]:
    """The distribution's values at POINTS, to 4 significant digits."""
    return tuple(float(f"{distribution.at(point):.4g}") for point in POINTS)


def main() -> None:
    """Print the table."""
    table = derive(Path(sys.argv[1]))
    text = msgspec.json.format(msgspec.json.encode(table), indent=1).decode()
    print(re.sub(r"\[([^\[\]{}]*)\]", lambda match: f"[{' '.join(match[1].split())}]", text))  # a list is one line


if __name__ == "__main__":
    main()
