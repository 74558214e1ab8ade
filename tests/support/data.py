"""Recorded data lives beside the checkout, never in it: tests that need it skip when it is absent."""

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared"


def require(condition: bool, reason: str) -> None:
    """Skip the test when `condition` does not hold; fail it instead where nothing may be skipped."""
    if condition:
        return
    if os.environ.get("FLOORLINE_REQUIRE") == "all":
        pytest.fail(f"FLOORLINE_REQUIRE=all, but {reason}")
    pytest.skip(reason)


def shared_data(name: str) -> Path:
    """The recorded data set `name`."""
    path = SHARED / "data" / name
    require(path.exists(), f"recorded data {name} is not beside this checkout (../shared/data/{name})")
    return path
