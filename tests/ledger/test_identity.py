import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.errors import LedgerCorrupt
from floorline.ledger import identity
from floorline.ledger.identity import Identities

# Identities that share their first half, so that lookups must look at the second half too.
keys = st.builds(
    lambda high, low: high.to_bytes(8, "little") + low.to_bytes(8, "little"), st.integers(0, 5), st.integers(0, 5)
)
steps = st.lists(st.one_of(keys, st.just("save"), st.just("open")), max_size=120)


@settings(max_examples=150, deadline=None)
@given(steps=steps)
def test_the_index_is_a_dictionary_that_survives_what_was_saved(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("claims")
    index, model, saved, prints = Identities(folder), {}, {}, itertools.count(1)
    for step in steps:
        if step == "save":
            index.save()
            saved = dict(model)
        elif step == "open":
            index, model = Identities(folder), dict(saved)
        elif index.find([step]) == [None]:
            assert step not in model
            model[step] = next(prints).to_bytes(16, "little")
            index.claim(step, model[step])
    every = [h.to_bytes(8, "little") + low.to_bytes(8, "little") for h in range(6) for low in range(6)]
    assert index.find(every) == [model.get(key) for key in every]
    assert len(index) == len(model)


def test_many_saves_leave_few_runs(tmp_path):
    index, random_ = Identities(tmp_path), random.Random(3)
    claimed = []
    for _ in range(100):
        for _ in range(50):
            key = random_.randbytes(16)
            index.claim(key, key[::-1])
            claimed.append(key)
        index.save()
    assert index.runs <= 12
    assert len([path for path in tmp_path.iterdir() if path.suffix == ".run"]) == index.runs
    assert Identities(tmp_path).find(claimed) == [key[::-1] for key in claimed]


def test_a_merge_by_slices_is_the_merge_of_everything(tmp_path, monkeypatch):
    monkeypatch.setattr(identity, "SLICE_ROWS", 10)
    test_many_saves_leave_few_runs(tmp_path)


def test_what_a_kill_left_half_made_is_removed(tmp_path):
    index = Identities(tmp_path)
    index.claim(b"k" * 16, b"v" * 16)
    index.save()
    (tmp_path / "000000000099.run").write_bytes(b"half")
    (tmp_path / "runs.new").write_bytes(b"[")
    assert Identities(tmp_path).find([b"k" * 16]) == [b"v" * 16]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000000000001.run", "runs.json"]


def test_a_run_cut_short_is_reported(tmp_path):
    index = Identities(tmp_path)
    index.claim(b"k" * 16, b"v" * 16)
    index.save()
    (run,) = tmp_path.glob("*.run")
    run.write_bytes(run.read_bytes()[:-1])
    with pytest.raises(LedgerCorrupt, match=r"000000000001\.run is not a whole run"):
        Identities(tmp_path)


def test_a_damaged_run_is_reported_before_it_is_merged(tmp_path):
    index = Identities(tmp_path)
    for n in range(identity.FAN):
        index.claim(bytes([n]) * 16, b"v" * 16)
        if n == identity.FAN - 1:
            run = tmp_path / "000000000002.run"
            run.write_bytes(run.read_bytes()[:-1] + b"x")
            with pytest.raises(LedgerCorrupt, match=r"000000000002\.run: the checksum"):
                index.save()
        else:
            index.save()


def test_a_claim_is_released_only_with_its_own_fingerprint(tmp_path):
    index = Identities(tmp_path)
    index.claim(b"k" * 16, b"v" * 16)
    index.release(b"k" * 16, b"w" * 16)
    assert index.find([b"k" * 16]) == [b"v" * 16]
    index.release(b"k" * 16, b"v" * 16)
    assert index.find([b"k" * 16]) == [None]
