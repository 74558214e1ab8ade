"""The runbook: what each zone demands, of whom and within how many hours, from what the owner of the product states."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from floorline.margin.bridge import LABELS, LEVERS, PARTS, Part
from floorline.margin.floors import (
    HOSTING_FLOOR,
    ROLE_FLOOR,
    Floor,
    Zone,
    exception_fields,
    exception_sentence,
    feature_floor,
    ratio_percent,
)
from floorline.margin.policy import Policies, Runbook

Alarming = Literal["yellow", "red"]
NOBODY = "nobody named"


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a feature's zone demands. `owner` is empty where nobody is named."""

    feature: str
    zone: Alarming
    owner: str
    within_hours: int
    action: str
    escalate_to: str
    escalate_after_hours: int

    def deadline(self, now: datetime) -> datetime:
        """When it must have happened for a zone entered at `now`."""
        return now + timedelta(hours=self.within_hours)

    def escalation(self, now: datetime) -> datetime | None:
        """When it is told to `escalate_to` unless it has happened; None where nobody is to be told."""
        return self.deadline(now) + timedelta(hours=self.escalate_after_hours) if self.escalate_to else None


def response_for(policies: Policies, feature: str, zone: Zone) -> Response | None:
    """What `zone` demands for `feature`; None where it demands nothing."""
    if zone not in ("yellow", "red"):
        return None
    book = policies.runbook
    return Response(
        feature=feature,
        zone=zone,
        owner=owner_of(policies, feature),
        within_hours=book.red_hours if zone == "red" else book.yellow_hours,
        action=book.red_response if zone == "red" else book.yellow_response,
        escalate_to=book.escalate_to,
        escalate_after_hours=book.escalate_after_hours,
    )


def owner_of(policies: Policies, feature: str) -> str:
    """Who answers for the feature: its owner, else the runbook's; empty where neither is named."""
    return policies.feature(feature).owner or policies.runbook.owner


def lever_for(policies: Policies, driver: str, default: str = "") -> str:
    """What is suggested against a driver of cost: as stated, else `default`."""
    return policies.runbook.levers.get(driver, default)


def levers(policies: Policies) -> dict[Part, str]:
    """What is suggested against each part of a bridge that takes margin."""
    return {part: lever_for(policies, part, LEVERS[part]) for part in PARTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureFloor:
    """One line of the runbook: a feature, what it is held to, and who answers for it."""

    feature: str
    role: str
    hosting: str
    floor: Floor
    owner: str


def feature_floors(policies: Policies, day: date) -> list[FeatureFloor]:
    """The stated features in the order of the configuration, as of `day`."""
    return [
        FeatureFloor(
            feature=name,
            role=policy.role,
            hosting=policy.hosting,
            floor=feature_floor(policies, name, day),
            owner=owner_of(policies, name),
        )
        for name, policy in policies.features.items()
    ]


def runbook_document(policies: Policies, day: date, routes: Sequence[str]) -> dict[str, object]:
    """The runbook for machines, as of `day`. `routes` are where alerts go."""
    book = policies.runbook
    return {
        "as_of": day.isoformat(),
        "features": {
            line.feature: {
                "role": line.role,
                "hosting": line.hosting,
                "floor": f"{line.floor.ratio:f}",
                "floor_from": line.floor.origin,
                "yellow_band": f"{line.floor.band:f}",
                "owner": line.owner or None,
                "exception": exception_fields(line.floor),
            }
            for line in feature_floors(policies, day)
        },
        "zones": {
            "red": {"within_hours": book.red_hours, "response": book.red_response},
            "yellow": {"within_hours": book.yellow_hours, "response": book.yellow_response},
        },
        "owner": book.owner or None,
        "escalation": {"to": book.escalate_to, "after_hours": book.escalate_after_hours} if book.escalate_to else None,
        "levers": levers(policies),
        "routes": list(routes),
    }


def runbook_markdown(policies: Policies, day: date, routes: Sequence[str]) -> str:
    """The runbook on one page, as of `day`. `routes` are where alerts go."""
    parts = [
        f"# Margin runbook\n\nAs of {day}. Red, yellow and green are a feature's gross margin against its floor.",
        _zones(policies.runbook),
        _floors(policies, day),
        _exceptions(policies, day),
        f"## What answers which driver\n\n{_bullets([f'{LABELS[part]} (`{part}`): {lever}' for part, lever in levers(policies).items()])}",
        f"## Where alerts go\n\n{_bullets(routes) or 'Nowhere yet: no route is configured (`delivery`).'}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _zones(book: Runbook) -> str:
    lines = [
        ["red", "below the floor, or an exception past its review date", f"{book.red_hours} h"],
        ["yellow", "less than the band above the floor", f"{book.yellow_hours} h"],
        ["green", "from there on", "–"],
    ]
    demands = [f"Red: {book.red_response}.", f"Yellow: {book.yellow_response}.", _who(book)]
    table = _table(["zone", "margin", "respond within"], lines)
    return f"## What each zone demands\n\n{table}\n\n{_bullets(demands)}"


def _who(book: Runbook) -> str:
    who = f"The owner of the feature answers; where none is named, {book.owner or 'nobody does (`runbook.owner`)'}."
    if not book.escalate_to:
        return f"{who} Nobody is told when the time has passed (`runbook.escalation`)."
    return f"{who} What has not happened {book.escalate_after_hours} h after its deadline goes to {book.escalate_to}."


def _floors(policies: Policies, day: date) -> str:
    origins = {"stated": "stated", "exception": "exception"}
    lines = [
        [
            line.feature,
            ratio_percent(line.floor.ratio),
            origins.get(line.floor.origin) or f"{line.floor.origin} {getattr(line, line.floor.origin)}",
            f"{ratio_percent(line.floor.ratio + line.floor.band)}",
            line.owner or NOBODY,
        ]
        for line in feature_floors(policies, day)
    ]
    any_other = max(ROLE_FLOOR["core"], HOSTING_FLOOR["third_party"])
    lines.append(
        [
            "(any other)",
            ratio_percent(any_other),
            "role core",
            ratio_percent(any_other + policies.yellow_band),
            policies.runbook.owner or NOBODY,
        ]
    )
    return f"## Floors\n\n{_table(['feature', 'floor', 'from', 'green from', 'owner'], lines)}"


def _exceptions(policies: Policies, day: date) -> str:
    found = [
        f"{line.feature}: {exception_sentence(line.floor)}"
        for line in feature_floors(policies, day)
        if line.floor.exception
    ]
    return f"## Exceptions\n\n{_bullets(found)}" if found else ""


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(titles: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns also line up in a terminal."""
    cells = [[cell.replace("|", "\\|") for cell in line] for line in (titles, *lines)]
    widths = [max(len(line[n]) for line in cells) for n in range(len(titles))]

    def row(line: Sequence[str]) -> str:
        return f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |"

    rule = f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    return "\n".join([row(cells[0]), rule, *map(row, cells[1:])])
