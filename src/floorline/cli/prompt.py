"""`floorline prompt`: what system prompts cost, and what a change to one does."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

import click
import msgspec

from floorline.cli.margin import Day
from floorline.cli.output import emit_json, note
from floorline.cli.prompt_text import audit_document, diff_document, print_audit, print_diff
from floorline.errors import BadInput, Mismatch
from floorline.gateway.wire.said import said
from floorline.jobs.prompting import WINDOW_DAYS, Prompts, Window
from floorline.ledger.content import Kept
from floorline.ledger.state import Audited
from floorline.margin.words import dollars
from floorline.prompts.diff import FORMAT, Recorded, diff
from floorline.wiring import actor, load_book, load_config, now, open_content, open_ledger, open_state

FILE_BYTES_MAX = 8 << 20
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document; money is text of 12 places.")


def _days(function: Callable[..., None]) -> Callable[..., None]:
    function = click.option("--to", "end", type=Day(), help="The day after the last one; tomorrow when not given.")(
        function
    )
    return click.option(
        "--from",
        "start",
        type=Day(),
        help=f"The first day; without --from and --to it is the last {WINDOW_DAYS} whole days, or as many as have calls.",
    )(function)


@click.group("prompt")
def command() -> None:
    """What system prompts cost, what in them could go, and what a change to one does to the cost of a month."""


@command.command("audit")
@click.option("--feature", default="", help="Only this feature's prompts.")
@click.option("--reason", required=True, help="Why prompts are looked at; the audit keeps it.")
@_days
@_JSON
def audit(feature: str, reason: str, start: date | None, end: date | None, *, as_json: bool) -> None:
    """The system prompts of features that keep their content (`capture` in floorline.yaml): tokens, dollars a month, share of the
    spend, what is said twice, worked examples, phrases that change nothing, and what 30 % shorter would save.

    Only the owner of FLOORLINE_HOME can, and it is in the audit before anything is read. docs/prompts.md has every rule.
    """
    if not reason.strip():
        raise BadInput("--reason is empty: say why prompts are looked at")
    instant = now()
    with _prompts("prompt.audit", feature or "every feature", reason) as (prompts, kept):
        window = _window(prompts, start, end)
        found = prompts.audit(kept, window, instant, feature=feature)
    if as_json:
        emit_json(audit_document(found, window))
    else:
        print_audit(found, window)


@command.command("figures")
@click.option("--feature", required=True, help="Whose calls.")
@click.option(
    "--prompt", "name", default="", help="Only the calls with this prompt, as `floorline prompt audit` calls it."
)
@_days
def figures(feature: str, name: str, start: date | None, end: date | None) -> None:
    """Print what `floorline prompt diff --figures` needs of a feature: calls, tokens and the ratio of bytes to tokens. No word
    of a prompt and no name of a customer is in it.
    """
    click.echo(msgspec.json.format(msgspec.json.encode(_recorded(feature, name, start, end)), indent=2).decode())


@command.command("diff")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--feature", default="", help="Whose calls have the prompt; not needed with --figures.")
@click.option(
    "--prompt", "name", default="", help="Only the calls with this prompt, as `floorline prompt audit` calls it."
)
@click.option(
    "--figures", "figures_file", type=click.Path(path_type=Path), help="What `floorline prompt figures` printed."
)
@click.option(
    "--limit", "limit_text", default="", metavar="USD", help="Exit with 1 when a month costs more than this more."
)
@_days
@_JSON
def diff_(
    old: Path,
    new: Path,
    feature: str,
    name: str,
    figures_file: Path | None,
    limit_text: str,
    start: date | None,
    end: date | None,
    *,
    as_json: bool,
) -> None:
    """What replacing the prompt in the file OLD by the one in NEW does: tokens before and after, dollars a month at the volume
    and the prices of now.
    """
    limit = _limit(limit_text)
    before, after = _text(old), _text(new)
    if figures_file is not None:
        recorded = _from_file(figures_file, feature)
    elif feature:
        recorded = _recorded(feature, name, start, end)
    else:
        raise BadInput("name the feature whose prompt it is (--feature), or a file of its figures (--figures)")
    book, instant = load_book(load_config(secrets=False))[0], now()
    found = diff(before, after, recorded, lambda provider, model: book.resolve(provider, model, instant, {}))
    if as_json:
        emit_json(diff_document(found, limit))
    else:
        print_diff(found)
    if limit is not None and found.usd > limit:
        raise Mismatch(f"the change costs {dollars(found.usd)} a month more, the limit is {dollars(limit)}")


@contextmanager
def _prompts(action: str, subject: str, reason: str) -> Generator[tuple[Prompts, Iterator[Kept]]]:
    """The prompts of the home's ledger and what its content store keeps; in the audit before anything is read."""
    config, store = load_config(secrets=False), open_content()
    with open_state() as state:
        state.audit(Audited(at=now(), actor=actor(), action=action, subject=subject, detail=reason))
    with open_ledger(config) as ledger:
        note(ledger.notices)
        yield Prompts(ledger, config.policies, load_book(config)[0], read=said), store.read()


def _recorded(feature: str, name: str, start: date | None, end: date | None) -> Recorded:
    with _prompts("prompt.figures", feature, "sizes and counts, no words") as (prompts, kept):
        return prompts.recorded(kept, _window(prompts, start, end), feature, prompt=name)


def _window(prompts: Prompts, start: date | None, end: date | None) -> Window:
    if start is None and end is None:
        return prompts.window(now())
    end = end or prompts.today(now()) + timedelta(days=1)
    start = start or end - timedelta(days=WINDOW_DAYS)
    if start >= end:
        raise BadInput(f"--from {start} is not before --to {end}: --to is the day after the last one")
    return Window(start, end)


def _from_file(path: Path, feature: str) -> Recorded:
    try:
        recorded = msgspec.json.decode(_bytes(path), type=Recorded)
    except msgspec.MsgspecError as error:
        raise BadInput(f"{path} is not what `floorline prompt figures` prints: {error}") from error
    if recorded.format != FORMAT:
        raise BadInput(f"{path} has format {recorded.format}, this release reads {FORMAT}: print it anew")
    if feature and feature != recorded.feature:
        raise BadInput(f"{path} has the figures of {recorded.feature!r}, not of {feature!r}")
    return recorded


def _text(path: Path) -> str:
    try:
        return _bytes(path).decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text") from error


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > FILE_BYTES_MAX:
        raise BadInput(f"{path} is larger than {FILE_BYTES_MAX} bytes: is it the right file?")
    return content


def _limit(value: str) -> Decimal | None:
    if not value:
        return None
    try:
        limit = Decimal(value.removeprefix("$"))
    except InvalidOperation as error:
        raise BadInput(f"--limit {value!r} is not an amount of dollars: write it as 50 or 49.90") from error
    if not limit.is_finite():
        raise BadInput(f"--limit {value!r} is not an amount of dollars: write it as 50 or 49.90")
    return limit
