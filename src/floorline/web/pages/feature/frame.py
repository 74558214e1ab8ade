"""What the pages about one feature have in common: their parameters, their tabs, and the row of the feature."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import msgspec

from floorline.jobs.margins import MarginRequest
from floorline.margin.bridge import Days
from floorline.margin.metrics import NO_CALLS, Figures
from floorline.margin.table import MarginReport
from floorline.web.abouts import about
from floorline.web.blocks import About, Link, Tabs
from floorline.web.desk import Desk
from floorline.web.http import Refused
from floorline.web.pages.margin_cells import notes_of, row_of
from floorline.web.params import Text, Window, address

PATH = "/features/{feature}"
_TABS = (
    ("", "Overview"),
    ("/bridge", "Why it changed"),
    ("/costs", "Cost map"),
    ("/models", "Models and steps"),
    ("/customers", "Customers"),
    ("/prompts", "Prompts"),
    ("/guardrails", "Guardrails"),
)


class FeatureParams(Window, frozen=True, kw_only=True):
    """One feature and a window of days."""

    feature: Annotated[Text, msgspec.Meta(description="the feature's name")]


def tabs(params: FeatureParams, current: str) -> Tabs:
    """The pages of the feature, for the same window."""
    kept = msgspec.structs.replace(params, sort="", page="")
    links = [Link(text=text, to=address(f"{PATH}{ending}", kept), current=ending == current) for ending, text in _TABS]
    return Tabs(name="pages", links=links)


def request_of(params: FeatureParams, days: Days, *, with_p95: bool = False, with_kinds: bool = False) -> MarginRequest:
    """The margin table by feature."""
    return MarginRequest(
        by=("feature",),
        start=days.start,
        end=days.end,
        scope=params.scope,
        with_p95=with_p95,
        with_users=False,
        with_kinds=with_kinds,
    )


def feature_row(desk: Desk, params: FeatureParams, report: MarginReport) -> Figures:
    """The feature's row. One that is stated and has neither calls nor revenue has an empty one; Refused for what nobody knows."""
    row = row_of(report, params.feature)
    if row is not None:
        return row
    if params.feature in desk.policies.features:
        return Figures(key=(params.feature,), revenue_pico=0, sums=NO_CALLS, shared_pico={})
    raise Refused(
        404,
        "not_found",
        f"{params.feature[:80]!r} has no call and no revenue from {report.start} to {report.end} and is not configured: "
        "choose other days, or see /features",
    )


def known(desk: Desk, params: FeatureParams) -> None:
    """Refused for a feature of which the window knows nothing."""
    if params.feature not in desk.policies.features:
        feature_row(desk, params, desk.margins.table(request_of(params, params.window(desk.today))))


def about_feature(
    desk: Desk, params: FeatureParams, report: MarginReport | None = None, notes: Sequence[str] = ()
) -> About:
    """What the page covers: the quality is that of the feature's own cost, whatever else is in `report`."""
    days = params.window(desk.today)
    row = None if report is None else row_of(report, params.feature)
    report = None if report is None or row is None else replace(report, total=row)
    said = [*notes_of(days, desk.today), *notes]
    return about(params, desk.today, desk.now(), desk.ledger.timezone, report=report, notes=said)
