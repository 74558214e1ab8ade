"""`floorline.yaml`: read once, checked whole, frozen.

`parse` is pure: bytes in, a Config and every problem out. `wiring` finds and reads the file.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from floorline import clock
from floorline.config.alerts import AlertPolicy, read_alerts
from floorline.config.allowance import read_allowance, read_sharing
from floorline.config.delivery import read_routes as read_delivery
from floorline.config.drills import DrillSettings, read_drills
from floorline.config.evaluation import read_evaluations
from floorline.config.experiments import read_experiments, with_experiments
from floorline.config.gateway import read_gateway
from floorline.config.guardrails import read_guardrails
from floorline.config.policies import read_aliases, read_band, read_features, read_names, read_plans, read_runbook
from floorline.config.prices import read_contracts, read_overrides
from floorline.config.reader import Entry, Problem, Value, nearest, read
from floorline.config.reviews import read_reviews
from floorline.config.routes import read_intents, read_routers, read_routes
from floorline.config.settings import SETTINGS, Setting, names_below
from floorline.config.stripe import StripeSettings, read_stripe
from floorline.config.web import read_web
from floorline.config.written import Written, written
from floorline.delivery.route import Route
from floorline.evals.policy import Evaluation
from floorline.events import Alias
from floorline.gateway.policy import GatewayPolicy
from floorline.guardrails.allowance import NOTHING
from floorline.guardrails.rules import Guardrails
from floorline.margin.policy import YELLOW_BAND, FeaturePolicy, PlanPolicy, Policies, Runbook
from floorline.pricing.overrides import Contract, PriceOverride
from floorline.pricing.providers import canonical
from floorline.reviews.policy import ReviewPolicy
from floorline.web.access.policy import WebPolicy

__all__ = ["SETTINGS", "Config", "Parsed", "Problem", "Setting", "Written", "parse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that floorline.yaml can say, with the defaults of what it does not say.

    `path` is the file it came from, None when there is none. `litellm_file` is as written, relative to that file.
    Without `timezone_stated` a ledger keeps the timezone that it has: ask it rather than `timezone`.
    """

    path: Path | None = None
    timezone: str = "UTC"
    timezone_stated: bool = False
    litellm_file: str = ""
    trusted_cost_providers: frozenset[str] = frozenset()
    prices: tuple[PriceOverride, ...] = ()
    contracts: tuple[Contract, ...] = ()
    features: Mapping[str, FeaturePolicy] = field(default_factory=dict[str, FeaturePolicy])
    plans: Mapping[str, PlanPolicy] = field(default_factory=dict[str, PlanPolicy])
    evaluations: Mapping[str, Evaluation] = field(default_factory=dict[str, Evaluation])
    aliases: tuple[Alias, ...] = ()
    yellow_band: Decimal = YELLOW_BAND
    runbook: Runbook = field(default_factory=Runbook)
    gateway: GatewayPolicy = field(default_factory=GatewayPolicy)
    reviews: ReviewPolicy = field(default_factory=ReviewPolicy)
    routes: tuple[Route, ...] = ()
    drills: DrillSettings | None = None
    stripe: StripeSettings | None = None
    alerts: AlertPolicy = field(default_factory=AlertPolicy)
    web: WebPolicy = field(default_factory=WebPolicy)

    @property
    def policies(self) -> Policies:
        """What margin reads."""
        return Policies(
            features=self.features,
            plans=self.plans,
            aliases=self.aliases,
            yellow_band=self.yellow_band,
            runbook=self.runbook,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A file's content: its Config (the defaults where there are problems), what is wrong, and what looks wrong.

    `unset` are secrets whose variable is not in the environment: without them no provider can be called, and
    everything else holds. Those of `delivery`, `stripe` and `web` are warnings: the control process alone needs them.
    `written` has every setting with its place, none where there are problems.
    """

    config: Config
    problems: tuple[Problem, ...] = ()
    unset: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    written: tuple[Written, ...] = ()


def parse(content: bytes, path: Path, environment: Mapping[str, str] | None = None) -> Parsed:
    """The configuration in `content`, read from `path`, with every problem in the order of the file.

    Secrets are taken from `environment`.
    """
    root, findings = read(content, str(path), environment)
    table = root.table(names_below("")) if root is not None else {}
    features = _tables(table["features"], "features.<feature>") if "features" in table else {}
    customers = _tables(table["customers"], "customers.<customer>") if "customers" in table else {}
    trusted = (
        frozenset(map(canonical, read_names(table["trusted_cost_providers"])))
        if "trusted_cost_providers" in table
        else frozenset[str]()
    )
    for_control: list[Problem] = []
    zone, litellm = table.get("timezone"), table.get("litellm_file")
    timezone = (_timezone(zone) if zone else None) or "UTC"
    band = read_band(table["yellow_band"]) if "yellow_band" in table else None
    routes = read_delivery(_apart(table["delivery"], for_control)) if "delivery" in table else ()
    allowance = read_allowance(table, timezone)
    gateway = read_gateway(table, features=features, customers=customers, trusted=trusted, folder=path.parent)
    intents = read_intents(table["intents"], gateway.embedders, path.parent) if "intents" in table else {}
    config = Config(
        path=path,
        timezone=timezone,
        timezone_stated=zone is not None,
        litellm_file=(litellm.text() if litellm else None) or "",
        trusted_cost_providers=trusted,
        prices=read_overrides(table["prices"]) if "prices" in table else (),
        contracts=read_contracts(table["contracts"]) if "contracts" in table else (),
        features=read_features(features),
        evaluations=read_evaluations(features),
        plans=read_plans(table["plans"]) if "plans" in table else {},
        aliases=read_aliases(table["aliases"]) if "aliases" in table else (),
        yellow_band=YELLOW_BAND if band is None else band,
        runbook=read_runbook(table["runbook"]) if "runbook" in table else Runbook(),
        gateway=replace(
            gateway,
            intents=intents,
            guardrails=_guardrails(table, features, gateway, timezone, intents=intents, counted=allowance != NOTHING),
            allowance=allowance,
            sharing=read_sharing(table["counters"]) if "counters" in table else None,
        ),
        drills=read_drills(_apart(table["drills"], for_control)) if "drills" in table else None,
        stripe=read_stripe(_apart(table["stripe"], for_control)) if "stripe" in table else None,
        reviews=read_reviews(table["reviews"], [one.name for one in routes]) if "reviews" in table else ReviewPolicy(),
        routes=routes,
        alerts=read_alerts(table["alerts"]) if "alerts" in table else AlertPolicy(),
        web=read_web(_apart(table["web"], for_control)) if "web" in table else WebPolicy(),
    )
    if allowance != NOTHING and not config.gateway.accounting:
        table["gateway"].complain(
            "`gateway.accounting` is false: without records nothing can be counted in budgets and rates"
        )
    problems, unset = _in_order(findings.problems), _in_order(findings.unset)
    if problems:
        return Parsed(config=Config(path=path), problems=problems, unset=unset)
    warnings = (*_unnamed_features(table, config), *_readable_keys(table, config), *_in_order(for_control))
    stated = written(root.node, findings.environment) if root is not None else ()
    return Parsed(config=config, unset=unset, warnings=warnings, written=stated)


def _guardrails(
    table: Mapping[str, Value],
    features: Mapping[str, Mapping[str, Value]],
    gateway: GatewayPolicy,
    timezone: str,
    *,
    intents: Iterable[str],
    counted: bool,
) -> Guardrails | None:
    """What holds for the calls of every feature, and what is tried on a share of them."""
    routers = read_routers(table["routers"]) if "routers" in table else {}
    labels = {*[f"router.{name}" for name in routers], *[f"intent.{name}" for name in intents]}
    rails = read_guardrails(
        table,
        features,
        routes=read_routes(table["routes"], labels) if "routes" in table else (),
        routers=routers,
        timezone=timezone,
        embedders=tuple(gateway.embedders),
        counted=counted,
    )
    return with_experiments(rails, read_experiments(table["experiments"]) if "experiments" in table else ())


def _apart(value: Value, unset: list[Problem]) -> Value:
    """The value, its secrets that are not set going to `unset`: the control process needs them, a gateway does not."""
    return replace(value, findings=replace(value.findings, unset=unset))


def _tables(value: Value, setting: str) -> dict[str, dict[str, Value]]:
    """The entries of a mapping whose names the user chooses, each with its settings."""
    return {name: entry.value.table(names_below(setting)) for name, entry in value.entries().items()}


def _in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: (problem.line, problem.column)))


def _timezone(value: Value) -> str | None:
    name = value.text()
    if name is None:
        return None
    try:
        return clock.timezone(name).key
    except ValueError:
        value.complain(f"`timezone` is {name!r}: {nearest(name, available_timezones())}")
        return None


def _unnamed_features(table: Mapping[str, Value], config: Config) -> tuple[Problem, ...]:
    """Features that a plan names and `features:` does not: most often a slip of the pen."""
    if not config.features or "plans" not in table:
        return ()
    warnings: list[Problem] = []
    for name, entry in table["plans"].entries().items():
        plan = config.plans[name]
        warnings += [
            _warning(
                config,
                entry,
                f"plan {name!r} names the feature {feature!r}, which `features` does not: "
                f"{nearest(feature, config.features)}",
            )
            for feature in dict.fromkeys((*plan.weights, *plan.features))
            if feature not in config.features
        ]
    return tuple(warnings)


def _readable_keys(table: Mapping[str, Value], config: Config) -> tuple[Problem, ...]:
    """Providers on other machines that are sent a credential by plain http."""
    if "providers" not in table:
        return ()
    return tuple(
        _warning(
            config,
            entry,
            f"provider {name!r} is called by plain http on another machine: its credential goes over the wire readable, use https",
        )
        for name, entry in table["providers"].entries().items()
        if config.gateway.providers[name].auth != "none" and _is_open(config.gateway.providers[name].base_url)
    )


def _is_open(base_url: str) -> bool:
    url = urlsplit(base_url)
    return url.scheme == "http" and url.hostname not in {"localhost", "127.0.0.1", "::1"}


def _warning(config: Config, entry: Entry, message: str) -> Problem:
    mark = entry.key.node.start_mark
    return Problem(file=str(config.path), line=mark.line + 1, column=mark.column + 1, message=message)
