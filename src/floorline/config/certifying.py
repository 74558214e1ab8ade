"""`certified_route:` and `cascade:` of guardrails in floorline.yaml: what is compared, what looks at answers, and the bar."""

import re
from collections.abc import Mapping
from typing import Literal, cast, get_args

from msgspec.structs import replace

from floorline.config.judges import read_judge, read_judge_error
from floorline.config.reader import Value
from floorline.config.settings import names_below
from floorline.evals.scorers import JsonSchema, Regex, compiled, validator
from floorline.guardrails.cascade.rule import Agreement, CascadeRule, Grader, Service, Weight
from floorline.guardrails.certified.rule import CertifiedRule
from floorline.guardrails.frame import Setting

BAR_MIN = 0.5  # float: a share of quality
SAMPLES_MAX = 10
CHECK_MS_MAX = 600_000
HELD_BYTES_MAX = 8 << 20
_URL = re.compile(r"https?://[^\s/]+.*")
Streams = Literal["hold", "straight"]


def read_certified(table: Mapping[str, Value], setting: Setting, base: CertifiedRule | None) -> CertifiedRule:
    """What is compared, on top of `base`."""
    rule = base or CertifiedRule()
    together = table["together"].flag() if "together" in table else None
    by_request = table["by_request"].flag() if "by_request" in table else None
    return replace(
        rule,
        setting=setting,
        candidates=_models(table["candidates"]) if "candidates" in table else rule.candidates,
        bar=_bar(table, rule.bar),
        sample_ppm=_sample(table, rule.sample_ppm),
        judge=read_judge(table, rule),
        judge_error=read_judge_error(table, rule),
        together=rule.together if together is None else together,
        by_request=rule.by_request if by_request is None else by_request,
    )


def read_cascade(table: Mapping[str, Value], setting: Setting, base: CascadeRule | None) -> CascadeRule:
    """The stages and what looks at their answers, on top of `base`."""
    rule = base or CascadeRule()
    checks = table["check"].table(names_below("guardrails.cascade.check")) if "check" in table else None
    streams = table["streams"].one_of(get_args(Streams)) if "streams" in table else None
    held = table["held_max"].size_bytes(maximum=HELD_BYTES_MAX) if "held_max" in table else None
    time_ms = table["time"].duration_ms(maximum=CHECK_MS_MAX) if "time" in table else None
    return replace(
        rule,
        setting=setting,
        stages=_models(table["stages"]) if "stages" in table else rule.stages,
        gates=rule.gates if checks is None else _gates(checks),
        weight=rule.weight if checks is None else _weight(table["check"], checks),
        bar=_bar(table, rule.bar),
        sample_ppm=_sample(table, rule.sample_ppm),
        judge=read_judge(table, rule),
        judge_error=read_judge_error(table, rule),
        streams=rule.streams if streams is None else cast("Streams", streams),
        held_bytes_max=held or rule.held_bytes_max,
        time_ms=time_ms or rule.time_ms,
    )


def lacking(table: Mapping[str, Value], certified: CertifiedRule | None, cascade: CascadeRule | None) -> None:
    """Complain of a rule that compares nothing, or has nothing that looks at answers."""
    if certified is not None and not certified.candidates:
        _lacks(table, "certified_route", "candidates", "name cheaper models: {gpt-4o: [gpt-4o-mini]}")
    if cascade is not None and not cascade.stages:
        _lacks(table, "cascade", "stages", "name who answers first: {gpt-4o: [gpt-4o-mini]}")
    elif cascade is not None and not cascade.gates and cascade.weight is None:
        _lacks(table, "cascade", "check", "say what looks at answers: {judge: gpt-4o-mini}")


def _lacks(table: Mapping[str, Value], rule: str, name: str, remedy: str) -> None:
    """One that is there and cannot be read has been complained of."""
    value = table.get(rule)
    if value is not None and name not in value.entries():
        value.complain(f"`{value.path}` lacks `{name}`: {remedy}")


def _models(value: Value) -> dict[str, tuple[str, ...]]:
    """Models by the one asked for, none of them itself."""
    found: dict[str, tuple[str, ...]] = {}
    for asked, entry in value.entries().items():
        names = [(item, item.text()) for item in entry.value.items()]
        for item, name in names:
            if name == asked:
                item.complain(f"`{item.path}` is {asked!r} itself: name cheaper models")
        found[asked] = tuple(dict.fromkeys([name for _, name in names if name and name != asked]))
    return {asked: models for asked, models in found.items() if models}


def _gates(checks: Mapping[str, Value]) -> tuple[JsonSchema | Regex, ...]:
    gates: list[JsonSchema | Regex] = []
    for name in ("json_schema", "regex"):
        content = checks[name].text() if name in checks else None
        if content is None:
            continue
        try:
            if name == "regex":
                compiled(content)
                gates.append(Regex(pattern=content))
            else:
                validator(content)
                gates.append(JsonSchema(schema=content))
        except ValueError as error:
            checks[name].complain(f"`{checks[name].path}`: {error}")
    return tuple(gates)


def _weight(value: Value, checks: Mapping[str, Value]) -> Weight | None:
    """What grades answers; at most one of them."""
    stated = [name for name in ("judge", "self_consistency", "http") if name in checks]
    if len(stated) > 1:
        value.complain(f"`{value.path}` has {' and '.join(stated)}: one of them grades, beside json_schema and regex")
    if not stated:
        return None
    one = checks[stated[0]]
    if stated[0] == "judge":
        return Grader(model=one.text() or "")
    if stated[0] == "self_consistency":
        samples = one.whole(minimum=1)
        if samples is not None and samples > SAMPLES_MAX:
            one.complain(f"`{one.path}` is {samples}, it must be at most {SAMPLES_MAX}")
        return Agreement(samples=samples or 1)
    url = one.text_or_secret()
    if url is not None and not _URL.fullmatch(url):
        one.complain(f"`{one.path}` is no address: write it as http://grader:8000/grade")
    return Service(url=url or "")


def _bar(table: Mapping[str, Value], default: float) -> float:  # float: a share of quality
    share = _share(table["bar"]) if "bar" in table else None
    if share is not None and not BAR_MIN <= share < 1:
        table["bar"].complain(f"`{table['bar'].path}` is the share of quality to keep: from 50% to below 100%")
        return default
    return default if share is None else share


def _sample(table: Mapping[str, Value], default: int) -> int:
    ppm = table["sample"].share_ppm() if "sample" in table else None
    return default if ppm is None else ppm


def _share(value: Value) -> float | None:  # float: a share that is compared with statistics
    share = value.share()
    return None if share is None else float(share)  # float: as above
