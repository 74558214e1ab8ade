"""Drains an outbox once: arguments are the folder of the state, the receiver's address, the secret."""

import secrets
import sys
from datetime import datetime
from pathlib import Path

from floorline.delivery.outbox import drain
from floorline.delivery.route import Route
from floorline.delivery.webhook import Webhook
from floorline.ledger.state import State

if __name__ == "__main__":
    home, url, secret, now = sys.argv[1:]
    route = Route(name="hook", channel=Webhook(url=url, secrets=(secret,)))
    drain(State.open(Path(home)), [route], datetime.fromisoformat(now), randbelow=secrets.randbelow)
