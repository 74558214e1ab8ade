"""Many quarters: some processes beside each other play one each, and what came of all is one table."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from floorline.bench.quarter.company import Quarter, quarter
from floorline.bench.quarter.outcome import HEAD, Outcome, false_alarms, outcome, tallies
from floorline.bench.quarter.playing import played
from floorline.sandbox.traffic import open_traffic

PROCESSES = 2


def outcomes(seeds: Sequence[int], servegen: Path | None, processes: int = PROCESSES) -> list[Outcome]:
    """The outcome of every seed, in their order, with the traffic of the profiles at `servegen` or of the table."""
    parts = [seeds[place::processes] for place in range(processes)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        found = [one for part in pool.map(partial(_part, servegen), parts) for one in part]
    return sorted(found, key=lambda one: seeds.index(one.seed))


def _part(servegen: Path | None, seeds: Sequence[int]) -> list[Outcome]:
    traffic = open_traffic(servegen)
    return [_outcome(quarter(seed, traffic)) for seed in seeds]


def _outcome(made: Quarter) -> Outcome:
    return outcome(made, played(made))


def markdown(found: Sequence[Outcome]) -> Iterator[str]:
    """The table, line by line, with the false alarms below it."""
    yield "| " + " | ".join(HEAD) + " |"
    yield "|---" + "|---:" * (len(HEAD) - 1) + "|"
    for tally in tallies(found):
        yield "| " + " | ".join(tally.cells()) + " |"
    yield ""
    yield false_alarms_said(found)


def false_alarms_said(found: Sequence[Outcome]) -> str:
    """The false alarms as a sentence."""
    middle, high = false_alarms(found)
    return (
        f"False alarms a month: {middle:.2f} in the median quarter, {high:.2f} at the 90th percentile of {len(found)}."
    )
