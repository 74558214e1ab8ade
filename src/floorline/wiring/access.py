"""Who may use the dashboard, as commands read and change it: beside a running control process, and without one."""

from collections.abc import Generator
from contextlib import contextmanager

from floorline.config import Config
from floorline.ledger.remote import RemoteLedger
from floorline.ledger.state import Audited
from floorline.web.access.records import Records
from floorline.wiring import actor, guarded_home, load_config, now, open_state

ADDRESS_SETTING = "web.address"
"""Where the control process listens, as it says itself."""

DEFAULT_ADDRESS = "http://127.0.0.1:4040"


@contextmanager
def open_records(config: Config | None = None) -> Generator[Records]:
    """Accounts, sessions, links and tokens of `home()`. BadInput as `guarded_home`: whoever changes them may everything."""
    web = (config or load_config(secrets=False)).web
    guarded_home()
    with open_state() as state:
        yield Records.of(state, web)


def audit(records: Records, action: str, subject: str, detail: str = "") -> None:
    """Keep that the user of this command did something."""
    records.state.audit(Audited(at=now(), actor=actor(), action=action, subject=subject, detail=detail))


def base_url(config: Config, records: Records) -> str:
    """Where people reach the dashboard: what the configuration says, else where the control process listens."""
    return config.web.public_url or records.state.setting(ADDRESS_SETTING) or DEFAULT_ADDRESS


def control_runs() -> bool:
    """Whether a control process serves `home()` now."""
    remote = RemoteLedger.connect(guarded_home())
    if remote is None:
        return False
    remote.close()
    return True
