"""The one list of what the control process's listener answers, beside its own pages. A reload of the configuration makes it anew."""

from datetime import datetime
from functools import cache

from floorline.config import Config
from floorline.guardrails.outlook import document
from floorline.web.api.baselines import BaselinePages
from floorline.jobs.customer_usage import CustomerUsage
from floorline.web.http import Route
from floorline.jobs.stripe.inbox import Inbox
from floorline.web.api.stripe import Webhook
from floorline.web.api.usage import UsagePages
from floorline.ledger.ledger import Ledger
from floorline.wiring import now, signing_secret, webhook_secrets


def control_routes(config: Config, ledger: Ledger) -> tuple[Route, ...]:
    """Every route, over the control process's own ledger."""
    webhook = Webhook(lambda: Inbox(ledger.state), webhook_secrets(config))
    usage = CustomerUsage(ledger.store, config.gateway.allowance.budgets)

    def used(customer: str, at: datetime) -> object:
        return document(customer, usage.of(customer, at), at)

    return (
        *BaselinePages(ledger, config.policies, now).routes(),
        *UsagePages(used, cache(signing_secret), now).routes(),
        webhook.route(),
    )
