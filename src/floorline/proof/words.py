"""Statistics as people read them."""


def percent(share: float | None) -> str:
    """A share, to a tenth of a percent; a dash where it is not known."""
    return "–" if share is None else f"{100 * share:.1f} %".replace("-", "−")


def size(share: float) -> str:
    """A margin, as a number of points."""
    return f"{100 * share:.1f} points"


def points(difference: float | None) -> str:
    """A difference of shares, with its sign, to a tenth of a point; a dash where it is not known."""
    return "–" if difference is None else f"{100 * difference:+.1f}".replace("-", "−") + " points"
