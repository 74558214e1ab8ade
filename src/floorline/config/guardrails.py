"""`guardrails:` of floorline.yaml, and what `features:` say of their own: a feature's word beats the general one."""

from collections.abc import Callable, Mapping
from typing import Literal, Protocol, TypeVar, cast, get_args

from msgspec.structs import replace

from floorline.config.caching import read_cache
from floorline.config.certifying import lacking, read_cascade, read_certified
from floorline.config.limits import read_compaction, read_output, read_prompt_cache, read_reasoning
from floorline.config.reader import Value, nearest, share_of
from floorline.config.semantic import check_embedder, held_back, read_semantic
from floorline.config.settings import names_below, required_below
from floorline.guardrails.condition import CRITICALITIES, Condition, Criticality, parse_condition
from floorline.guardrails.frame import ENFORCE, MILLION, OFF, Setting
from floorline.guardrails.route import RESPONSES, Evident, MarginRule, Response, RouteRule
from floorline.guardrails.router import RouterRule
from floorline.guardrails.routing import CHEAPER, Routing
from floorline.guardrails.rules import Guardrails, Rules

MODES = ("off", "shadow", "canary", "enforce")
STALE_MS_MAX = 7 * 86_400_000
DAYS_MAX = 28
_GENERAL = "guardrails"
_OF_FEATURE = "features.<feature>.guardrails"

Fail = Literal["open", "closed"]


class _Ruled(Protocol):
    @property
    def setting(self) -> Setting:
        """How far it is on."""
        ...


_Rule = TypeVar("_Rule", bound=_Ruled)


def read_guardrails(
    table: Mapping[str, Value],
    features: Mapping[str, Mapping[str, Value]],
    *,
    routes: tuple[Routing, ...],
    routers: Mapping[str, RouterRule],
    timezone: str,
    embedders: tuple[str, ...],
    counted: bool,
) -> Guardrails | None:
    """What the file says of guardrails; None when it says nothing, has no `routes` and, by `counted`, no budget and no rate either.
    Times of day are those of `timezone`; `embedders` are the names that the gateway knows.
    """
    general = table["guardrails"].table(names_below(_GENERAL)) if "guardrails" in table else {}
    default = _rules(
        general, _GENERAL, replace(_general_route(general), routes=routes, routers=routers, timezone=timezone)
    )
    of_features = {
        name: _of_feature(entry, default)
        for name, entry in features.items()
        if {"guardrails", "criticality"} & entry.keys()
    }
    changed = {name: rules for name, rules in of_features.items() if rules != default}
    if default == Rules() and not changed and not counted:
        return None
    _check_downgrades(general, [default, *changed.values()])
    check_embedder(general, embedders)
    for entry in features.values():
        check_embedder(entry["guardrails"].table(names_below(_OF_FEATURE)) if "guardrails" in entry else {}, embedders)
    if any(rule.to == CHEAPER for rule in routes) and not any(
        one.route and one.route.cheaper for one in [default, *changed.values()]
    ):
        table["routes"].complain(
            "`routes`: a rule goes to the cheaper model, and no model has one: add downgrade: {gpt-4o: gpt-4o-mini} to `guardrails`"
        )
    return Guardrails(default=default, features=changed)


def read_setting(table: Mapping[str, Value]) -> Setting:
    """The `mode` of a guardrail's table: on for everyone where none is stated."""
    value = table.get("mode")
    content = value.text() if value is not None else None
    if value is None or content is None:
        return ENFORCE
    word, _, share = content.partition(" ")
    if word == "canary":
        found = share_of(share.strip())
        ppm = 0 if found is None or found > 1 else int(found * MILLION)
        if ppm <= 0:
            value.complain(f"`{value.path}` is {content!r}: write the share above 0 and at most 100, as in canary 10%")
        return Setting(mode="canary", share_ppm=ppm if ppm > 0 else MILLION)
    if content not in MODES:
        value.complain(f"`{value.path}` is {content!r}: {nearest(word, ('off', 'shadow', 'canary 10%', 'enforce'))}")
        return OFF
    return Setting(mode=cast("Literal['off', 'shadow', 'enforce']", content))


def _of_feature(entry: Mapping[str, Value], default: Rules) -> Rules:
    table = entry["guardrails"].table(names_below(_OF_FEATURE)) if "guardrails" in entry else {}
    stated = entry["criticality"].one_of(CRITICALITIES) if "criticality" in entry else None
    criticality = cast("Criticality", stated or "normal")
    base = default.route or RouteRule()
    rules = _rules(table, _OF_FEATURE, replace(base, criticality=criticality), default)
    return replace(rules, semantic_cache=held_back(rules.semantic_cache, criticality, table))


def _rules(table: Mapping[str, Value], setting: str, route: RouteRule, base: Rules | None = None) -> Rules:
    """The rules that `table` states, on top of those that hold without it."""
    base = base or Rules()
    margin = _margin_rules(table["margin_rules"], setting) if "margin_rules" in table else route.margin
    cheaper = {**route.cheaper, **_cheaper(table["downgrade"])} if "downgrade" in table else route.cheaper
    route = replace(route, margin=margin, cheaper=cheaper)
    compaction = _one(table, "compaction", setting, base.compaction, read_compaction)
    if compaction is not None and not compaction.model:
        table["compaction"].complain(f"`{table['compaction'].path}` lacks `model`: name a cheap one that summarises")
    certified = _one(table, "certified_route", setting, base.certified_route, read_certified)
    cascade = _one(table, "cascade", setting, base.cascade, read_cascade)
    lacking(table, certified, cascade)
    holdout = table["holdout"].share_ppm() if "holdout" in table else None
    return replace(
        base,
        holdout_ppm=base.holdout_ppm if holdout is None else holdout,
        certified_route=certified,
        cascade=cascade,
        cache=_one(table, "cache", setting, base.cache, read_cache),
        semantic_cache=_one(table, "semantic_cache", setting, base.semantic_cache, read_semantic),
        route=route if margin or cheaper or route.routes else None,
        prompt_cache=_one(table, "prompt_cache", setting, base.prompt_cache, read_prompt_cache),
        compaction=compaction,
        output=_one(table, "output", setting, base.output, read_output),
        watch=table["watch"].flag() is True if "watch" in table else base.watch,
        reasoning=_one(table, "reasoning", setting, base.reasoning, read_reasoning),
    )


def _one(
    table: Mapping[str, Value],
    name: str,
    setting: str,
    base: _Rule | None,
    read: Callable[[Mapping[str, Value], Setting, _Rule | None], _Rule],
) -> _Rule | None:
    """The rule of the guardrail `name`, on top of the one that holds without it; None where it is off."""
    if name not in table:
        return base
    stated = table[name].table(names_below(f"{setting}.{name}"))
    mode = read_setting(stated) if base is None or "mode" in stated else base.setting
    return None if mode == OFF else read(stated, mode, base)


def _general_route(table: Mapping[str, Value]) -> RouteRule:
    """What is stated of all margin rules at once."""
    default = RouteRule()
    evidence = table["evidence"].table(names_below("guardrails.evidence")) if "evidence" in table else {}
    stale = table["stale_after"].duration_ms(maximum=STALE_MS_MAX) if "stale_after" in table else None
    if stale is not None and stale % 1_000:
        table["stale_after"].complain(f"`{table['stale_after'].path}` is no whole number of seconds: write it as 90s")
    fail = table["fail"].one_of(get_args(Fail)) if "fail" in table else None
    calls = evidence["calls"].whole(minimum=1) if "calls" in evidence else None
    days = evidence["days"].whole(minimum=1) if "days" in evidence else None
    if days is not None and days > DAYS_MAX:
        evidence["days"].complain(f"`{evidence['days'].path}` is {days}: a month may end before, at most {DAYS_MAX}")
    evident = Evident(calls=calls or default.evident.calls, days=days or default.evident.days)
    stale_s = default.stale_after_s if stale is None else stale // 1_000
    return replace(default, evident=evident, stale_after_s=stale_s, fail=cast("Fail", fail or default.fail))


def _margin_rules(value: Value, setting: str) -> tuple[MarginRule, ...]:
    found: dict[str, MarginRule] = {}
    for item in value.items():
        below = f"{setting}.margin_rules[]"
        table = item.table(names_below(below), required=required_below(below))
        name = table["name"].text() if "name" in table else None
        when = read_condition(table["when"]) if "when" in table else None
        if when is not None and any(term.label for term in when.terms):
            table["when"].complain(
                f"`{table['when'].path}`: `routes` alone ask classifiers and routers: write the rule there"
            )
        do = table["do"].one_of(RESPONSES) if "do" in table else None
        if name in found:
            table["name"].complain(
                f"`{table['name'].path}` is {name!r} a second time: give each rule a name of its own"
            )
        mode = read_setting(table)
        if name and when and do and mode != OFF:
            found[name] = MarginRule(name=name, when=when, do=cast("Response", do), setting=mode)
    return tuple(found.values())


def read_condition(value: Value) -> Condition | None:
    """The comparisons of a rule; None after a complaint."""
    content = value.text()
    try:
        return None if content is None else parse_condition(content)
    except ValueError as error:
        value.complain(f"`{value.path}`: {error}")
        return None


def _cheaper(value: Value) -> dict[str, str]:
    """The cheaper model of each; none leads to itself, directly or by another's."""
    found: dict[str, str] = {}
    for model, entry in value.entries().items():
        cheaper = entry.value.text()
        if cheaper == model:
            entry.value.complain(f"`{entry.value.path}` is {model!r} itself: name the model to go to instead")
        elif cheaper is not None:
            found[model] = cheaper
    return found


def _check_downgrades(table: Mapping[str, Value], every: list[Rules]) -> None:
    """A rule that downgrades is for nothing where no model has a cheaper one."""
    routes = [rules.route for rules in every if rules.route is not None]
    asked = [rule.name for one in routes for rule in one.margin if rule.do == "downgrade"]
    if asked and not any(one.cheaper for one in routes) and "margin_rules" in table:
        value = table["margin_rules"]
        value.complain(
            f"`{value.path}`: the rule {asked[0]!r} downgrades, and no model has a cheaper one: add downgrade: {{gpt-4o: gpt-4o-mini}}"
        )
