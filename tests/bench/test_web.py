"""What the bench of pages asks for and how it reads its figures; measuring is left to `make bench`."""

import click
import pytest

from floorline.bench.web import Answer, Asked, Measured, addresses, percentile
from floorline.cli.bench import CALLS
from floorline.web.pages import VIEWS


def test_every_page_of_the_company_is_asked_for_a_month_and_for_a_quarter():
    asked = {address for view in VIEWS for address in addresses(view)}
    assert {"/features", "/features?days=90", "/customers/customer-7", "/calls"} <= asked
    assert not [address for address in asked if "{" in address]


def test_a_percentile_is_the_nearest_rank():
    assert [percentile([5, 1, 4, 2, 3], percent) for percent in (1, 50, 95)] == [1, 3, 5]


def test_what_is_beyond_its_limit_is_named():
    good, bad = Answer(200, b"", 0.3, 0.1), Answer(500, b"", 0.31, 0.2)
    fine = Measured(address="/a", status=200, asked=Asked(1, 10), cold=[good], start=[good], again=[good], warm=[0.1], first=1_200_000, after=100_000)  # fmt: skip
    assert fine.over == []
    assert fine.cells() == (
        "/a",
        "1",
        "10",
        "100",
        "300",
        "300",
        "100",
        "300",
        "300",
        "100",
        "300",
        "300",
        "100",
        "100",
        "1200",
        "100",
        "",
    )
    poor = Measured(address="/a", status=500, asked=Asked(1, 10), cold=[bad], start=[bad], again=[bad], warm=[0.1], first=1_200_001, after=100_001)  # fmt: skip
    assert poor.over == ["cold time", "start time", "time", "first weight", "weight", "status 500"]


@pytest.mark.parametrize(("text", "calls"), [("10M", 10_000_000), ("500k", 500_000), ("1234", 1_234)])
def test_calls_are_counted_in_thousands_and_millions(text, calls):
    assert CALLS.convert(text, None, None) == calls


@pytest.mark.parametrize("text", ["M", "1.5M", "-1", "0", "many"])
def test_what_is_no_number_of_calls_is_refused(text):
    with pytest.raises(click.BadParameter, match="10M"):
        CALLS.convert(text, None, None)
