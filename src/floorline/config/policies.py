"""`features:`, `plans:`, `aliases:` and `runbook:` of floorline.yaml: what margin reads."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Literal, cast, get_args

from floorline.config.reader import Value, nearest
from floorline.config.settings import names_below, required_below
from floorline.events import Alias
from floorline.margin.baseline import Declaration, Place, declaration_of
from floorline.margin.bridge import PARTS
from floorline.margin.policy import (
    EXPECTED,
    USAGE_PRICE_UNITS,
    Allocation,
    FeaturePolicy,
    FloorException,
    Hosting,
    PlanPolicy,
    Role,
    Runbook,
)

AliasKind = Literal["customer", "plan", "feature"]
CONFIG_SOURCE = "config"
"""The source of aliases that the configuration states."""


def read_features(tables: Mapping[str, Mapping[str, Value]]) -> dict[str, FeaturePolicy]:
    """What margin reads of the entries of `features:`, by name."""
    return {name: _feature(name, table) for name, table in tables.items()}


def _feature(name: str, table: Mapping[str, Value]) -> FeaturePolicy:
    role, hosting, floor, owner = (table.get(key) for key in ("role", "hosting", "floor", "owner"))
    band, exception, components = (table.get(key) for key in ("yellow_band", "exception", "components"))
    return FeaturePolicy(
        name=name,
        role=cast("Role", (role.one_of(get_args(Role)) if role else None) or "core"),
        hosting=cast("Hosting", (hosting.one_of(get_args(Hosting)) if hosting else None) or "third_party"),
        floor=_floor(floor) if floor else None,
        owner=(owner.text() if owner else None) or "",
        yellow_band=read_band(band) if band else None,
        exception=_exception(exception) if exception else None,
        components=read_names(components, EXPECTED) if components else (),
        baselines=_baselines(name, table["baselines"]) if "baselines" in table else (),
    )


def _baselines(feature: str, value: Value) -> tuple[Declaration, ...]:
    """The entries of `baselines:`; those with a problem are left out. No two begin on the same day at the same place."""
    found: dict[tuple[Place, date], Declaration] = {}
    for item in value.items():
        declared = _baseline(feature, item)
        if declared is None:
            continue
        if (declared.place, declared.start) in found:
            item.complain(f"`{item.path}` begins on {declared.start} as another one does: name its step or another day")
        found[declared.place, declared.start] = declared
    return tuple(found.values())


def _baseline(feature: str, item: Value) -> Declaration | None:
    setting = "features.<feature>.baselines[]"
    table = item.table(names_below(setting), required=required_below(setting))
    start = table["from"].day() if "from" in table else None
    said = {name: value.text() or "" for name, value in table.items() if name != "from"}
    if not any(said.get(name) for name in ("name", "model", "prompt", "route")):
        item.complain(f"`{item.path}` says nothing of the baseline: add a name, model, prompt or route")
        return None
    return None if start is None else declaration_of(feature, start, said)


def _floor(value: Value) -> Decimal | None:
    ratio = value.number(minimum=Decimal(-1))
    if ratio is not None and ratio >= 1:
        value.complain(f"`{value.path}` is {ratio}, it must be below 1: write 0.60 for 60 %")
        return None
    return ratio


def read_band(value: Value) -> Decimal | None:
    """How far above a floor is still yellow."""
    return value.number(minimum=Decimal(0), maximum=Decimal(1))


def _exception(value: Value) -> FloorException | None:
    setting = "features.<feature>.exception"
    table = value.table(names_below(setting), required=required_below(setting))
    floor = _floor(table["floor"]) if "floor" in table else None
    reason = table["reason"].text() if "reason" in table else None
    review_by = table["review_by"].day() if "review_by" in table else None
    if floor is None or reason is None or review_by is None:
        return None
    return FloorException(floor=floor, reason=reason, review_by=review_by)


def read_runbook(value: Value) -> Runbook:
    """`runbook:`, with the defaults of what it does not say."""
    table = value.table(names_below("runbook"))
    default = Runbook()
    red_hours, red_response = _demand(table.get("red"), "runbook.red")
    yellow_hours, yellow_response = _demand(table.get("yellow"), "runbook.yellow")
    escalation = table.get("escalation")
    escalate_to, after_hours = _escalation(escalation) if escalation else ("", None)
    return Runbook(
        owner=(table["owner"].text() if "owner" in table else None) or "",
        red_hours=red_hours or default.red_hours,
        yellow_hours=yellow_hours or default.yellow_hours,
        red_response=red_response or default.red_response,
        yellow_response=yellow_response or default.yellow_response,
        escalate_to=escalate_to,
        escalate_after_hours=after_hours or default.escalate_after_hours,
        levers=_levers(table["levers"]) if "levers" in table else {},
    )


def _demand(value: Value | None, setting: str) -> tuple[int | None, str | None]:
    """What a zone demands: within how many hours, and what."""
    table = value.table(names_below(setting)) if value else {}
    hours = table["within_hours"].whole(minimum=1) if "within_hours" in table else None
    return hours, table["response"].text() if "response" in table else None


def _escalation(value: Value) -> tuple[str, int | None]:
    setting = "runbook.escalation"
    table = value.table(names_below(setting), required=required_below(setting))
    to = table["to"].text() if "to" in table else None
    return to or "", table["after_hours"].whole(minimum=1) if "after_hours" in table else None


def _levers(value: Value) -> dict[str, str]:
    texts = {name: lever.text() for name, lever in value.table(PARTS).items()}
    return {name: lever for name, lever in texts.items() if lever is not None}


def read_plans(value: Value) -> dict[str, PlanPolicy]:
    """The entries of `plans:` by name; those with a problem are left out."""
    made = {name: _plan(name, entry.value) for name, entry in value.entries().items()}
    return {name: plan for name, plan in made.items() if plan is not None}


def _plan(name: str, value: Value) -> PlanPolicy | None:
    table = value.table(names_below("plans.<plan>"))
    allocation, weights, features = (table.get(key) for key in ("allocation", "weights", "features"))
    outcomes, usage = table.get("outcome_prices"), table.get("usage_prices")
    by = (allocation.one_of(get_args(Allocation)) if allocation else None) or "calls"
    shares: Mapping[str, Decimal] = _amounts(weights) if weights else {}
    if by == "value_weights" and not any(shares.values()):
        (weights or allocation or value).complain(
            f"`{value.path}` shares by value_weights but no weight is above 0: add weights: {{feature: 1}}"
        )
        return None
    return PlanPolicy(
        name=name,
        allocation=cast("Allocation", by),
        weights=shares,
        features=read_names(features) if features else (),
        outcome_prices=_amounts(outcomes) if outcomes else {},
        usage_prices=_amounts(usage, USAGE_PRICE_UNITS) if usage else {},
    )


def _amounts(value: Value, names: Sequence[str] = ()) -> Mapping[str, Decimal]:
    """A mapping of names to numbers of at least 0; only `names` when there are any."""
    amounts: dict[str, Decimal] = {}
    for name, entry in value.entries().items():
        if names and name not in names:
            entry.key.complain(f"unknown setting `{entry.value.path}`: {nearest(name, names)}")
            continue
        amount = entry.value.number(minimum=Decimal(0))
        if amount is not None:
            amounts[name] = amount
    return amounts


def read_names(value: Value, of: Sequence[str] = ()) -> tuple[str, ...]:
    """A list of texts, none twice; only of `of` when that names any."""
    names: dict[str, None] = {}
    for item in value.items():
        name = item.one_of(of) if of else item.text()
        if name is None:
            continue
        if name in names:
            item.complain(f"`{item.path}` names {name!r} a second time")
        names[name] = None
    return tuple(names)


def read_aliases(value: Value) -> tuple[Alias, ...]:
    """The entries of `aliases:`; those with a problem are left out."""
    return tuple(alias for item in value.items() if (alias := _alias(item)) is not None)


def _alias(item: Value) -> Alias | None:
    table = item.table(names_below("aliases[]"), required=required_below("aliases[]"))
    kind = table["kind"].one_of(get_args(AliasKind)) if "kind" in table else None
    alias = table["alias"].text() if "alias" in table else None
    canonical = table["canonical"].text() if "canonical" in table else None
    start = table["from"].day() if "from" in table else None
    end = table["to"].day() if "to" in table else None
    if start and end and end <= start:
        table["to"].complain(f"`{item.path}.to` {end} is not after `from` {start}: the end day is exclusive")
    if kind is None or alias is None or canonical is None:
        return None
    return Alias(
        source=CONFIG_SOURCE,
        id=f"{kind}/{alias}/{start or ''}",
        kind=cast("AliasKind", kind),
        alias=alias,
        canonical=canonical,
        valid_from=start,
        valid_to=end,
    )
