"""What a browser calls itself, in two words that somebody recognises. Pure, and never more than a hint."""

from collections.abc import Sequence

_BROWSERS: Sequence[tuple[str, str]] = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox", "Firefox"), ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
"""In this order, because most claim to be the others too."""

_SYSTEMS: Sequence[tuple[str, str]] = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip
_CHARACTERS_MAX = 40


def browser_of(agent: str) -> str:
    """`Firefox on Linux`; what is not known is said as it says itself, cut."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    if not browser:
        return agent[:_CHARACTERS_MAX]
    return f"{browser} on {system}" if system else browser
