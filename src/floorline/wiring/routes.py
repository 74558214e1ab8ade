"""The one list of what the control process's listener answers, beside its own pages. A reload of the configuration makes it anew."""

from floorline.config import Config
from floorline.jobs.baseline_pages import BaselinePages
from floorline.jobs.pages import Route
from floorline.jobs.stripe.inbox import Inbox
from floorline.jobs.stripe.webhook import Webhook
from floorline.ledger.ledger import Ledger
from floorline.wiring import now, webhook_secrets


def control_routes(config: Config, ledger: Ledger) -> tuple[Route, ...]:
    """Every route, over the control process's own ledger."""
    webhook = Webhook(lambda: Inbox(ledger.state), webhook_secrets(config))
    return (*BaselinePages(ledger, config.policies, now).routes(), webhook.route())
