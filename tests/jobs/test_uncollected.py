"""What is made without the cycle collector, and the collector afterwards."""

import gc
from collections.abc import Iterator

import pytest

from floorline.jobs.uncollected import COLLECTED_EVERY, uncollected


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    """The collector as a process has it that froze nothing."""
    gc.enable()
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_nothing_is_collected_meanwhile_and_the_collector_is_back_afterwards() -> None:
    with uncollected():
        assert not gc.isenabled()
        with uncollected():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_was_made_is_old_at_once() -> None:
    with uncollected():
        made = [[n] for n in range(10_000)]
    assert gc.get_count()[0] < len(made)
    assert any(one is made for one in gc.get_objects(generation=2))


def test_what_a_process_froze_stays_frozen() -> None:
    gc.freeze()
    before = gc.get_freeze_count()
    with uncollected():
        pass
    assert 0 < gc.get_freeze_count() <= before


def test_cycles_are_found_in_the_end() -> None:
    found: list[int] = []

    def heard(phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and info["generation"] == 2:
            found.append(info["collected"])

    gc.callbacks.append(heard)
    try:
        for _ in range(COLLECTED_EVERY):
            with uncollected():
                loop: list[object] = []
                loop.append(loop)
                del loop
    finally:
        gc.callbacks.remove(heard)
    assert sum(found) >= COLLECTED_EVERY - 1
