"""When something ends, as options write it: after a duration, at the beginning of a day, or at an instant."""

import re
from datetime import UTC, datetime, time, timedelta

from floorline.clock import parse_day, parse_instant
from floorline.errors import BadInput

_DURATION = re.compile(r"(\d{1,5})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def duration(text: str) -> timedelta | None:
    """A duration as 30m, 24h or 7d; None for anything else."""
    parts = _DURATION.fullmatch(text.strip())
    return timedelta(seconds=int(parts[1]) * _SECONDS[parts[2]]) if parts else None


def end(text: str, instant: datetime) -> datetime:
    """The end that `--expires` names, asked at `instant`. BadInput says how to write it."""
    period = duration(text)
    if period is not None:
        return instant + period
    try:
        if len(text.strip()) == len("2026-01-31"):
            return datetime.combine(parse_day(text), time(), UTC)
        return parse_instant(text)
    except ValueError as error:
        raise BadInput(f"--expires {text!r}: write it as 90d, 12h, 2027-01-31 or 2027-01-31T12:00:00Z") from error


def minute(instant: datetime) -> str:
    """An instant to the minute, in UTC."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M}"
