"""Calls on record handed to the gateway's own way of deciding them."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from floorline.config import Config
from floorline.gateway.accounting import priced_as
from floorline.gateway.published import Published
from floorline.gateway.trying import PATHS, Replayer, Trial
from floorline.guardrails.figures import NAME as FIGURES
from floorline.guardrails.figures import Known, from_bytes
from floorline.guardrails.routing import NAME as ROUTE
from floorline.jobs.simulating import Decide, Decided, PastCall, There
from floorline.pricing.book import PriceBook
from floorline.proof import certificate
from floorline.proof.certificate import Certificates
from floorline.wiring import home

SAID = ("customer", "user", "plan", "feature", "workflow", "step", "call_type", "environment", "purpose")
LABEL_KINDS = ("intent", "router")


def known_figures() -> Known | None:
    """What customers pay and cost, as gateways have it now."""
    return Published(home() / FIGURES, from_bytes).poll()


def known_certificates() -> Certificates | None:
    """What gateways act by now."""
    return Published(home() / certificate.NAME, certificate.from_bytes).poll()


def decider(config: Config, book: PriceBook, at: datetime) -> Decide:
    """What the route rules of the configuration make of a call on record."""
    replayer, providers = Replayer(config.gateway, book, known_figures(), at), config.gateway.providers

    def decide(call: PastCall) -> Decided:
        verdict, targets = replayer.decide(trial_of(call))
        places = [
            There(
                provider=target.provider,
                model=target.model or verdict.model or call.model,
                price_as=priced_as(providers[target.provider]),
            )
            for target in targets
        ]
        return Decided(rule=dict(verdict.headers).get(ROUTE, "") if verdict.model else "", places=places)

    return decide


def trial_of(call: PastCall) -> Trial:
    """The call as it came, as far as its record says."""
    said = {f"x-floorline-{name.replace('_', '-')}": value for name in SAID if (value := getattr(call, name))}
    if call.metadata:
        said["x-floorline-metadata"] = msgspec.json.encode(call.metadata).decode()
    return Trial(
        model=call.model,
        at=call.opened_at,
        dialect=call.dialect if call.dialect in PATHS else "openai",
        headers=said,
        input_tokens=call.input_tokens,
        labels=labels_of(call.metadata),
    )


def labels_of(metadata: Mapping[str, str]) -> dict[str, str]:
    """What classifiers and routers said of a call when it was made."""
    return {name: label for name, label in metadata.items() if name.partition(".")[0] in LABEL_KINDS}
