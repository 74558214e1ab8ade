"""The configuration that holds, for the dashboard: read where the process reads it, and shown without a secret."""

import os
from collections.abc import Iterable

from floorline.config import Config, Parsed, Written
from floorline.config.written import path_of, unwritten
from floorline.errors import BadConfig
from floorline.pricing.book import PriceBook
from floorline.web.settings_shown import ConfigShown, SettingShown, VariableShown
from floorline.wiring import ENVIRONMENT, now, read_config
from floorline.wiring.checking import dearer_downgrades, lapsed


def config_shown(config: Config, book: PriceBook, about_prices: Iterable[str]) -> ConfigShown:
    """`config`, which was just read, with the places that its file has for it; `about_prices` are the book's own warnings."""
    parsed = _read_again(config)
    at = now()
    warnings = (
        *map(str, (*parsed.problems, *parsed.unset, *parsed.warnings)),
        *lapsed(config, at),
        *about_prices,
        *dearer_downgrades(config.gateway, book, at),
    )
    return ConfigShown(
        file=str(config.path.resolve()) if config.path else "",
        settings=(*map(_written, parsed.written), *_defaults(parsed.written)),
        warnings=warnings,
        variables=tuple(
            VariableShown(name=one.name, doc=one.doc, is_set=bool(os.environ.get(one.name))) for one in ENVIRONMENT
        ),
    )


def _read_again(config: Config) -> Parsed:
    if config.path is None:
        return Parsed(config=config)
    try:
        return read_config(config.path)
    except BadConfig:  # it went away in this moment: what was read from it holds
        return Parsed(config=config)


def _written(one: Written) -> SettingShown:
    secret = "" if one.is_set is None else "set" if one.is_set else "unset"
    return SettingShown(
        name=one.path, value=one.text, line=one.line, type=one.setting.type, doc=one.setting.doc, secret=secret
    )


def _defaults(written: tuple[Written, ...]) -> Iterable[SettingShown]:
    for parts, setting in unwritten(written):
        yield SettingShown(name=path_of(parts), value=setting.default, line=None, type=setting.type, doc=setting.doc)
