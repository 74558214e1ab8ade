"""The configuration as the dashboard shows it: every setting with its place, and never a secret. `wiring` makes it."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingShown:
    """One setting. `value` is what the file says, or what holds by default where `line` is None; '' for a secret that is written
    out. `secret` says of what may be a secret whether it has a value.
    """

    name: str
    value: str
    line: int | None
    type: str
    doc: str
    secret: Literal["set", "unset", ""] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableShown:
    """An environment variable that is read: whether it has a value, never which."""

    name: str
    doc: str
    is_set: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigShown:
    """What holds since the configuration was read: its file, '' where there is none; its settings, what is written first, in the
    order of the file; and what `floorline check` warns of.
    """

    file: str = ""
    settings: tuple[SettingShown, ...] = ()
    warnings: tuple[str, ...] = ()
    variables: tuple[VariableShown, ...] = ()
