"""What looks wrong in a configuration that holds, beyond what its reader sees: what `floorline check` and the dashboard warn of."""

from datetime import datetime
from decimal import Decimal

from floorline.clock import day_of, timezone
from floorline.config import Config
from floorline.gateway.accounting import priced_as
from floorline.gateway.policy import GatewayPolicy
from floorline.margin.floors import Floor, exception_sentence, feature_floor
from floorline.pricing.book import PriceBook, PriceVersion


def floors_of(config: Config, at: datetime) -> dict[str, Floor]:
    """What each stated feature is held to on the day of `at`."""
    today = day_of(at, timezone(config.timezone))
    return {name: feature_floor(config.policies, name, today) for name in config.features}


def lapsed(config: Config, at: datetime) -> list[str]:
    """A warning for each exception from a floor whose review date has passed."""
    return [
        f"{name} is {exception_sentence(floor)}: remove the exception, or give it a new date"
        for name, floor in floors_of(config, at).items()
        if floor.lapsed
    ]


def dearer_downgrades(policy: GatewayPolicy, book: PriceBook, at: datetime) -> list[str]:
    """A warning for each downgrade to a model that costs more than the one it stands for."""
    rails = policy.guardrails
    routes = [] if rails is None else [rules.route for rules in rails.every if rules.route is not None]
    pairs = sorted({pair for route in routes for pair in route.cheaper.items()})
    return [
        f"`downgrade` sends {model} to {cheaper}, which costs more: {there.normalize():f} against {here.normalize():f} a million tokens in and out"
        for model, cheaper in pairs
        if (here := _price(model, policy, book, at)) is not None
        and (there := _price(cheaper, policy, book, at)) is not None
        and there > here
    ]


def _price(model: str, policy: GatewayPolicy, book: PriceBook, at: datetime) -> Decimal | None:
    """A million tokens in and a million out, where the model is served first; None where no price is known."""
    group = policy.models.get(model)
    names = [(target.provider, target.model or model) for target in group.targets] if group is not None else []
    names = names or [(name, model) for name in policy.providers]
    for provider, name in names:
        version = book.resolve(priced_as(policy.providers[provider]), name, at, {})
        if isinstance(version, PriceVersion):
            return sum(
                [
                    price.contracted * 1_000_000 / price.per
                    for price in version.prices
                    if price.unit in ("input", "output")
                ],
                Decimal(0),
            )
    return None
