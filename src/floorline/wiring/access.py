"""Who may use the dashboard, as commands read and change it: beside a running control process, and without one."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta

from floorline.config import Config
from floorline.errors import BadInput
from floorline.ledger.remote import RemoteLedger
from floorline.ledger.state import Audited, State
from floorline.web.access.links import ENTER_LIFETIME
from floorline.web.access.policy import LOOPBACK, exposure_problem
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


def check_exposure(config: Config, host: str) -> None:
    """BadInput when the dashboard must not listen on `host`."""
    with open_state() as state:
        accounts = Records.of(state, config.web).people.all().values()
    if problem := exposure_problem(config.web, host, accounts=any(one.disabled_at is None for one in accounts)):
        raise BadInput(problem)


def listening(config: Config, state: State, host: str, port: int) -> tuple[str, str]:
    """Keep where the control process listens. The dashboard's address, and the way in: a link where there is no other."""
    name = {"0.0.0.0": LOOPBACK[0], "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - compared
    address = f"http://{name}:{port}"
    state.set_setting(ADDRESS_SETTING, address)
    records = Records.of(state, config.web)
    base = base_url(config, records)
    if config.web.oidc is not None or records.people.all():
        return base, "`floorline dashboard-link` prints a link for the owner of this machine"
    link = records.links.make("enter", now())
    audit(records, "link.make", "local owner")
    return (
        base,
        f"this link lets you in, once, within {ENTER_LIFETIME // timedelta(minutes=1)} minutes: {base}/enter/{link}",
    )


def control_runs() -> bool:
    """Whether a control process serves `home()` now."""
    remote = RemoteLedger.connect(guarded_home())
    if remote is None:
        return False
    remote.close()
    return True
