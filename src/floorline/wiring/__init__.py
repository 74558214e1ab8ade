"""Where the parts meet the machine: environment, files, clock and drivers are found here and handed down.

config = load_config()
with open_ledger(config) as ledger:
book, warnings = load_book(config)
"""

import importlib
import os
import pwd
import secrets
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from floorline.config import Config, Parsed, parse
from floorline.config.reader import SIZE_MAX
from floorline.config.stripe import StripeSettings
from floorline.errors import BadConfig, BadInput, LedgerBusy
from floorline.gateway.keyring_file import KEYRING_NAME, KeyringFile
from floorline.gateway.keys import Keyring
from floorline.gateway.secret import SECRET_NAME, check_secret, file_secret
from floorline.pricing.book import PriceBook, build_book
from floorline.pricing.litellm import LitellmPrices, parse_litellm
from floorline.pricing.overrides import PriceOverride

if TYPE_CHECKING:
    from floorline.embedding.intents import Classifier, Intents
    from floorline.gateway.app import Sources
    from floorline.gateway.capturing import Redact
    from floorline.gateway.issuing import Issuer
    from floorline.jobs.erasing import Eraser
    from floorline.jobs.lost import Estimator
    from floorline.jobs.stripe.syncing import StripeAccount
    from floorline.ledger.content import ContentStore
    from floorline.ledger.purging import Purger
    from floorline.ledger.state import State
    from floorline.ledger.surface import AnyLedger
    from floorline.margin.freshness import Freshness

CONFIG_NAME = "floorline.yaml"
LITELLM_BYTES_MAX = 64 << 20
TOKEN_CHARACTERS_MIN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """An environment variable that Floorline reads."""

    name: str
    doc: str


ENVIRONMENT = (
    Variable(name="FLOORLINE_HOME", doc="folder of ledger and state; ./.floorline when unset"),
    Variable(
        name="FLOORLINE_CONFIG", doc="the configuration file; see docs/configuration.md for where else it is looked for"
    ),
    Variable(
        name="FLOORLINE_SECRET",
        doc="the signing secret of virtual keys; the file `secret` in FLOORLINE_HOME, made on first use, when unset",
    ),
    Variable(
        name="FLOORLINE_CONTROL_TOKEN",
        doc="the control process's bearer token; FLOORLINE_HOME/control.token when unset",
    ),
    Variable(name="FLOORLINE_KEY", doc="the virtual key that `floorline eval` calls models with"),
)


def now() -> datetime:
    """The instant, aware UTC."""
    return datetime.now(UTC)


def home() -> Path:
    """The folder of ledger and state. It need not exist yet."""
    return Path(os.environ.get("FLOORLINE_HOME") or ".floorline")


def make_home() -> Path:
    """`home()`, made for its owner alone when it is not there."""
    folder = home()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{folder} cannot be made: {error.strerror}; name another folder in FLOORLINE_HOME") from error
    return folder


def config_path(path: Path | None = None) -> Path | None:
    """The configuration file: `path`, else FLOORLINE_CONFIG, else ./floorline.yaml, else the one in `home()`; None
    when there is none. One that is named must exist.
    """
    stated = path or os.environ.get("FLOORLINE_CONFIG")
    if stated:
        return Path(stated)
    return next((found for found in (Path(CONFIG_NAME), home() / CONFIG_NAME) if found.is_file()), None)


def read_config(path: Path | None = None) -> Parsed:
    """The configuration with everything that is wrong with it. BadConfig only when the file cannot be read."""
    found = config_path(path)
    if found is None:
        return Parsed(config=Config())
    return parse(_bytes(found, SIZE_MAX), found, os.environ)


def load_config(path: Path | None = None, *, secrets: bool = True) -> Config:
    """The configuration, or the defaults when there is no file. BadConfig with every problem in it.

    A secret whose variable is not set is a problem too, except without `secrets`, for what calls no provider.
    """
    parsed = read_config(path)
    problems = (*parsed.problems, *parsed.unset) if secrets else parsed.problems
    if problems:
        first, *others = problems
        raise BadConfig("\n".join([first.message, *map(str, others)]), where=first.where)
    return parsed.config


def running_gateways(folder: Path) -> int:
    """How many gateway processes serve from the home `folder` now."""
    from floorline.ledger.lock import is_free  # noqa: PLC0415 - as small commands start
    from floorline.ledger.snapshot import GATEWAYS  # noqa: PLC0415 - as above

    return sum(not is_free(one / "lock") for one in (folder / GATEWAYS).glob("*") if one.is_dir())


def open_ledger(config: Config, *, wait_s: int = 10, set_aside: bool = False) -> "AnyLedger":
    """The ledger in `home()`; close it. A timezone that the configuration states becomes the ledger's.

    It is the control process's when one runs, else this process opens it. LedgerBusy when another process owns it for
    longer than `wait_s`. LedgerCorrupt when its spool is damaged, unless `set_aside`: then whole records are kept and the
    damaged file is moved away.
    """
    from floorline.ledger.ledger import Ledger  # noqa: PLC0415 - drivers that a gateway must not hold in memory
    from floorline.ledger.remote import RemoteLedger  # noqa: PLC0415 - as above

    folder = make_home()
    timezone = config.timezone if config.timezone_stated else None
    deadline = time.monotonic() + wait_s
    while True:
        if (remote := RemoteLedger.connect(folder)) is not None:
            return _in_timezone(remote, timezone)
        try:
            return Ledger.open(folder, timezone=timezone, wait_s=min(wait_s, 1), set_aside=set_aside)
        except LedgerBusy as busy:
            if time.monotonic() >= deadline:  # a control process that starts has the lock before it has its socket
                raise LedgerBusy(f"{busy} (waited {wait_s} s in all)") from busy


def _in_timezone(ledger: "AnyLedger", timezone: str | None) -> "AnyLedger":
    if timezone is not None and timezone != (before := ledger.timezone):
        ledger.rebuild(timezone)
        ledger.notices.append(f"the reporting timezone was {before}: rollups rebuilt for days of {timezone}")
    return ledger


def control_token(folder: Path) -> str:
    """The bearer token of the control process's listener: FLOORLINE_CONTROL_TOKEN, else the one in `folder`, made at its
    first use for its owner alone. BadInput when it is too short to be one.
    """
    token = os.environ.get("FLOORLINE_CONTROL_TOKEN", "")
    path = folder / "control.token"
    if not token:
        with suppress(FileExistsError):
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(fd, secrets.token_urlsafe(32).encode())
            os.close(fd)
        token = path.read_text().strip()
    if len(token) < TOKEN_CHARACTERS_MIN:
        raise BadInput(
            f"the control process's token has {len(token)} characters: write at least {TOKEN_CHARACTERS_MIN} random ones "
            f"into FLOORLINE_CONTROL_TOKEN, or remove {path} to have one made"
        )
    return token


def signing_secret() -> bytes:
    """The secret that virtual keys are hashed with: FLOORLINE_SECRET, else the file `secret` in `home()`, made now if need
    be. BadInput when it is short, a placeholder, or open to others.
    """
    stated = os.environ.get("FLOORLINE_SECRET")
    if stated:
        return check_secret(stated, "FLOORLINE_SECRET")
    return file_secret(make_home() / SECRET_NAME, secrets.token_bytes)


def watch_keys() -> Callable[[], Keyring | None]:
    """What a gateway asks for its keys: a ring at first and whenever keys changed, else None. BadInput as `signing_secret`
    and `KeyringFile.poll`.
    """
    return KeyringFile(make_home() / KEYRING_NAME, signing_secret()).poll


@contextmanager
def open_issuer() -> "Generator[Issuer]":
    """Who makes, revokes and rotates virtual keys in `home()`. Needs no ledger: it works beside a running one."""
    from floorline.gateway.issuing import Issuer  # noqa: PLC0415 - as in `open_ledger`
    from floorline.ledger.state import State  # noqa: PLC0415 - as above

    secret = signing_secret()
    folder = make_home()
    state = State.open(folder)
    try:
        yield Issuer(state, folder / KEYRING_NAME, secret, secrets.token_bytes, actor=actor())
    finally:
        state.close()


def actor() -> str:
    """The user of the operating system that this process runs as: whom the audit names."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"uid {os.geteuid()}"


def guarded_home() -> Path:
    """`home()`, for what only its owner may do. BadInput when this process is another's, or others can read the folder."""
    folder = make_home()
    status = folder.stat()
    if status.st_uid != os.geteuid():
        raise BadInput(f"{folder} belongs to another user than {actor()}: run this as its owner")
    if status.st_mode & 0o077:
        raise BadInput(f"{folder} is open to others than its owner: chmod 700 {folder}")
    return folder


@contextmanager
def open_state() -> "Generator[State]":
    """What is not a record. Needs no ledger: it works beside a running one."""
    from floorline.ledger.state import State  # noqa: PLC0415 - as in `open_ledger`

    state = State.open(make_home())
    try:
        yield state
    finally:
        state.close()


def open_content() -> "ContentStore":
    """The content store of `home()`, to read. BadInput as `guarded_home` and `signing_secret`."""
    from floorline.ledger.content import CONTENT, ContentStore  # noqa: PLC0415 - ciphers, which no other command needs

    return ContentStore(guarded_home() / CONTENT, signing_secret(), secrets.token_bytes)


@contextmanager
def open_eraser(config: Config, tell: Callable[[str], None]) -> Generator["Eraser"]:
    """What erases customers and users, alone or beside a control process. BadInput as `guarded_home`."""
    from floorline.gateway.issuing import Issuer  # noqa: PLC0415 - as in `open_ledger`
    from floorline.jobs.erasing import Eraser  # noqa: PLC0415 - as above
    from floorline.ledger.content import CONTENT, ContentStore  # noqa: PLC0415 - as above

    folder, secret = guarded_home(), signing_secret()
    with open_ledger(config) as ledger:
        yield Eraser(
            ledger,
            collect=collecting(ledger, config, tell),
            content=ContentStore(folder / CONTENT, secret, secrets.token_bytes).keys,
            answers=purger(),
            keys=Issuer(ledger.state, folder / KEYRING_NAME, secret, secrets.token_bytes, actor=actor()),
            aliases=config.aliases,
            actor=actor(),
            random=secrets.token_bytes,
            tell=tell,
        )


def purger() -> "Purger":
    """What has answers of the caches of this folder's gateways answered with no more."""
    from floorline.ledger.content import CONTENT, KEYS, SubjectKeys  # noqa: PLC0415 - as in `open_ledger`
    from floorline.ledger.purging import PURGES_NAME, Purger  # noqa: PLC0415 - as above

    folder = make_home()
    keys = SubjectKeys(folder / CONTENT / KEYS, signing_secret(), secrets.token_bytes)
    return Purger(folder / PURGES_NAME, keys)


def collecting(ledger: "AnyLedger", config: Config, tell: Callable[[str], None]) -> Callable[[], None]:
    """What brings the gateways' spools into a ledger of this process; a control process does it by itself."""
    from floorline.jobs.collecting import Collector  # noqa: PLC0415 - as in `open_ledger`
    from floorline.ledger.ledger import Ledger  # noqa: PLC0415 - as above

    if not isinstance(ledger, Ledger):
        return lambda: None

    collector = Collector(ledger, ledger.home, estimator(config), tell)
    return lambda: collector.step(now())


def estimator(config: Config) -> "Estimator":
    """What prices a call that was lost."""
    from floorline.gateway.accounting import priced_as  # noqa: PLC0415 - as above
    from floorline.ingest.calls import Pricer  # noqa: PLC0415 - as above
    from floorline.jobs.lost import Estimator  # noqa: PLC0415 - as above

    book, _ = load_book(config)
    price_as = {name: priced_as(provider) for name, provider in config.gateway.providers.items()}
    return Estimator(pricer=Pricer(book=book), price_as=price_as)


def stripe_account(settings: StripeSettings) -> "StripeAccount":
    """The Stripe account that the configuration names. Its use raises BadInput while the key's variable is not set."""
    from floorline.jobs.stripe.api import StripeApi  # noqa: PLC0415 - as in `open_ledger`
    from floorline.jobs.stripe.syncing import StripeAccount  # noqa: PLC0415 - as above

    def api() -> StripeApi:
        if not settings.api_key:
            raise BadInput("the variable that stripe.api_key names is not set: set it where Floorline runs")
        return StripeApi(settings.api_key, settings.api_base)

    return StripeAccount(api=api, backfill=settings.backfill, lag_max=settings.lag_max)


def revenue_freshness(config: Config, state: "State") -> "Freshness | None":
    """How fresh the revenue of the configured Stripe account is, None without one."""
    from floorline.jobs.stripe.inbox import Inbox  # noqa: PLC0415 - as in `open_ledger`
    from floorline.jobs.stripe.syncing import freshness  # noqa: PLC0415 - as above

    return None if config.stripe is None else freshness(Inbox(state), config.stripe.lag_max)


def webhook_secrets(config: Config) -> tuple[str, ...]:
    """What Stripe's webhooks are signed with, none while no webhook is configured."""
    return () if config.stripe is None else config.stripe.webhook_secrets


def gateway_sources(config_file: Path | None) -> "Sources":
    """What a gateway serves by: the configuration file, the keyring, the content store of `home()`."""
    from floorline.gateway.app import Loaded, Sources  # noqa: PLC0415 - servers and ciphers, which no other command needs
    from floorline.gateway.published import Published  # noqa: PLC0415 - as above
    from floorline.gateway.signers import signer_for  # noqa: PLC0415 - as above
    from floorline.guardrails import figures  # noqa: PLC0415 - as above
    from floorline.ledger.content import CONTENT, ContentStore  # noqa: PLC0415 - as above
    from floorline.ledger.purging import PURGES_NAME, PurgeFile  # noqa: PLC0415 - as above
    from floorline.proof import certificate  # noqa: PLC0415 - as above
    from floorline.wiring.caches import open_tiers  # noqa: PLC0415 - as above
    from floorline.wiring.embedders import Embedders, find_graph  # noqa: PLC0415 - as above

    path, folder, secret = config_path(config_file), make_home(), signing_secret()

    def load() -> Loaded:
        config = load_config(config_file)
        book, _ = load_book(config)
        fitted[:] = [one.path for one in config.gateway.intents.values()]
        return Loaded(policy=config.gateway, book=book, redact=load_hook(config))

    fitted: list[Path] = []

    def stamp() -> object:
        return [_stamp(one) for one in (path, *fitted) if one is not None]

    return Sources(
        load=load,
        stamp=stamp,
        ring=watch_keys(),
        sign=signer_for,
        figures=Published(folder / figures.NAME, figures.from_bytes).poll,
        certificates=Published(folder / certificate.NAME, certificate.from_bytes).poll,
        content=lambda writer: ContentStore(folder / CONTENT, secret, secrets.token_bytes, writer=writer),
        purges=PurgeFile(folder / PURGES_NAME).poll,
        tiers=lambda stores: open_tiers(stores, folder, secret),
        embedder=Embedders().open,
        graph=find_graph(),
        intents=_classifier,
    )


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What tells a file from what it was before; None where there is none."""
    with suppress(OSError):
        status = path.stat()
        return status.st_mtime_ns, status.st_ino, status.st_size
    return None


def _classifier(path: Path) -> "Classifier":
    """What goes by the classifier in a file. BadInput when there is none."""
    from floorline.embedding.intents import Classifier  # noqa: PLC0415 - numpy, which most gateways do without

    return Classifier(read_intents(path))


def read_intents(path: Path) -> "Intents":
    """The classifier in a file. BadInput when there is none."""
    from floorline.embedding.intents import intents_from  # noqa: PLC0415 - numpy, which no other command needs

    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read: {error.strerror}: `floorline intent fit` makes it from examples"
        ) from error
    try:
        return intents_from(content)
    except ValueError as error:
        raise BadInput(f"{path} {error}") from error


def load_hook(config: Config) -> "Redact | None":
    """The function that `gateway.redact` names. BadInput when it cannot be loaded."""
    named = config.gateway.redact
    if not named:
        return None
    return cast("Redact", load_function(named, "gateway.redact"))


def load_function(named: str, setting: str = "evaluation.scorer.call") -> Callable[..., object]:
    """The function that a setting names as `package.module:function`. BadInput when it cannot be loaded."""
    module, _, name = named.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise BadInput(
            f"{setting} {named!r} cannot be loaded: {error}; it is imported as Python finds it (PYTHONPATH)"
        ) from error
    if not callable(function):
        raise BadInput(f"{setting} {named!r} is no function")
    return function


def load_book(config: Config) -> tuple[PriceBook, list[str]]:
    """The price book, and its warnings: prices more than 5 × off the catalogue, with both prices."""
    return build_book(config.prices, config.contracts, _litellm(config))


def book_with(config: Config, extra: Iterable[PriceOverride]) -> PriceBook:
    """The price book with some more entries after those of the configuration."""
    return build_book((*config.prices, *extra), config.contracts, _litellm(config))[0]


def _litellm(config: Config) -> LitellmPrices | None:
    if not config.litellm_file:
        return None
    assert config.path is not None, "a setting comes from a file"
    path = config.path.parent / config.litellm_file
    try:
        return parse_litellm(_bytes(path, LITELLM_BYTES_MAX).decode())
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text") from error


def _bytes(path: Path, size_max: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(size_max + 1)
    except OSError as error:
        raise BadConfig(f"cannot be read: {error.strerror}", where=str(path)) from error
    if len(content) > size_max:
        raise BadConfig(f"is larger than {size_max} bytes: is it the right file?", where=str(path))
    return content
