"""`floorline recompute` and `floorline re-rate`: price recorded calls again, as adjustments that can be undone."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

import click
from rich import box
from rich.table import Table

from floorline.cli.grid import plain_console
from floorline.cli.output import emit_json, note
from floorline.clock import parse_day
from floorline.errors import BadInput
from floorline.jobs.repricing import REASONS
from floorline.jobs.rerating import (
    APPLYING,
    UNDOING,
    Change,
    Diff,
    Rerating,
    Selection,
    Verb,
    batch_sums,
    recompute_prices,
    rerate_prices,
    undo,
)  # fmt: skip
from floorline.ledger.surface import AnyLedger
from floorline.money import text, usd
from floorline.pricing.providers import canonical
from floorline.wiring import load_book, load_config, now, open_ledger

Key = TypeVar("Key")
TOP_CUSTOMERS = 10
TOP_MODELS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line says, the same for both verbs."""

    start: str
    end: str
    model: str
    provider: str
    feature: str
    apply_: bool
    undo_: str
    list_: bool
    reason: str
    as_json: bool

    @property
    def selection(self) -> Selection:
        """The calls that are meant."""
        if not self.start or not self.end:
            raise BadInput("say which calls: --from 2026-01-01 --to 2026-02-01 (the end day is exclusive)")
        try:
            start, end = parse_day(self.start), parse_day(self.end)
        except ValueError as error:
            raise BadInput(str(error)) from error
        provider = canonical(self.provider) if self.provider else ""
        return Selection(start=start, end=end, model=self.model, provider=provider, feature=self.feature)


def _options(function: Callable[[Asked], None]) -> Callable[..., None]:
    """The options of both verbs, gathered into one value."""

    def gathered(**options: str | bool) -> None:
        function(Asked(**options))  # pyright: ignore[reportArgumentType] - click gives each option its declared type

    gathered.__doc__ = function.__doc__
    command: Callable[..., None] = gathered
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON document; money as text of 12 places."),
        click.option("--reason", default="", metavar="TEXT", help="Kept on every adjustment: why this was done."),
        click.option("--list", "list_", is_flag=True, help="List every batch instead, with what it changed."),
        click.option("--undo", "undo_", default="", metavar="BATCH", help="Take a batch back instead."),
        click.option("--apply", "apply_", is_flag=True, help="Write the change; without it nothing is written."),
        click.option("--feature", default="", metavar="F", help="Only calls of this feature."),
        click.option("--provider", default="", metavar="P", help="Only calls to this provider."),
        click.option("--model", default="", metavar="M", help="Only calls that this model served."),
        click.option(
            "--to", "end", default="", metavar="DAY", help="The day after the last, in the ledger's timezone."
        ),
        click.option("--from", "start", default="", metavar="DAY", help="The first day of calls."),
    ):
        command = option(command)
    return command


@click.command("recompute")
@_options
def recompute(asked: Asked) -> None:
    """Price recorded calls again at the price version stamped on each: today's arithmetic, the prices of then.

    Shows the difference; --apply writes it as one batch of adjustments, --undo takes a batch back.
    """
    _run("recompute", asked)


@click.command("re-rate")
@_options
def rerate(asked: Asked) -> None:
    """Price recorded calls again at the price that the book has now for the time of each call.

    Puts right what was unpriced on day one, or priced from a wrong entry. Shows the difference; --apply writes it as
    one batch of adjustments, --undo takes a batch back.
    """
    _run("re-rate", asked)


def _run(verb: Verb, asked: Asked) -> None:
    if bool(asked.undo_) + asked.list_ + asked.apply_ > 1:
        raise BadInput("--apply, --undo and --list are three different things: give one of them")
    selection = None if asked.undo_ or asked.list_ else asked.selection
    config = load_config(secrets=False)
    with open_ledger(config) as ledger:
        note(ledger.notices)
        if asked.list_:
            _list(ledger, as_json=asked.as_json)
        elif selection is None:
            _undo(ledger, asked)
        else:
            if verb == "recompute":
                prices = recompute_prices(ledger)
            else:
                book, warnings = load_book(config)
                for warning in warnings:
                    click.echo(f"warning: {warning}", err=True)
                prices = rerate_prices(ledger, book, config.trusted_cost_providers)
            rerating = Rerating(
                ledger=ledger, verb=verb, prices=prices, selection=selection, now=now(), reason=asked.reason
            )
            _price_again(rerating, asked)


def _price_again(rerating: Rerating, asked: Asked) -> None:
    diff = rerating.preview()
    if not asked.as_json:
        _print(diff)
    if asked.apply_:
        rerating.apply(diff)
    if asked.as_json:
        emit_json(document(diff, applied=asked.apply_ and bool(diff.batch)))
    elif not diff.batch:
        click.echo("Nothing to change.")
    elif asked.apply_:
        click.echo(f"Applied as batch {diff.batch}. Take it back with: floorline {diff.verb} --undo {diff.batch}")
    else:
        click.echo("Nothing is written yet: the same command with --apply writes it.")


def _undo(ledger: AnyLedger, asked: Asked) -> None:
    undone = undo(ledger, asked.undo_, now())
    if asked.as_json:
        emit_json({"batch": undone.batch, "undo": undone.undo, "calls": undone.calls, "change": text(undone.change)})
    else:
        click.echo(f"Batch {undone.batch} is undone: {undone.calls:,} calls, {_signed(undone.change)} USD.")


def _list(ledger: AnyLedger, *, as_json: bool) -> None:
    batches = [(batch, batch_sums(ledger, batch.id)) for batch in ledger.state.batches()]
    if as_json:
        emit_json([
            {
                "batch": batch.id,
                "verb": batch.verb,
                "status": batch.status,
                "created_at": batch.created_at.isoformat().replace("+00:00", "Z"),
                "filters": dict(batch.filters),
                "reason": batch.detail,
                "calls": sums.calls,
                "change": text(sums.change),
                "put_right": -sums.unpriced,
            }
            for batch, sums in batches
        ])  # fmt: skip
        return
    if not batches:
        click.echo("No batch was ever applied.")
        return
    for batch, sums in batches:
        status = {APPLYING: "cut off: apply again", UNDOING: "undo cut off: undo again"}.get(batch.status, batch.status)
        chosen = ", ".join(f"{name} {value}" for name, value in batch.filters.items())
        click.echo(
            f"{batch.id}  {batch.created_at:%Y-%m-%d %H:%M:%S} UTC  {batch.verb} of {chosen}: {status}\n"
            f"    {sums.calls:,} calls, {_signed(sums.change)} USD" + (f", {batch.detail}" if batch.detail else "")
        )


def document(diff: Diff, *, applied: bool) -> dict[str, object]:
    """What `--json` prints. `before` and `after` are USD of the calls that change; unpriced ones count as `put_right`."""
    return {
        "verb": diff.verb,
        "filters": dict(diff.filters),
        "batch": diff.batch or None,
        "applied": applied,
        "examined": diff.examined,
        **_change(diff.total),
        "models": [
            {"provider": key[0], "model": key[1], "old_version": key[2], "new_version": key[3], **_change(change)}
            for key, change in _largest(diff.models)
        ],
        "customers": [
            {"customer": name, **_change(change)} for name, change in _largest(diff.customers)[:TOP_CUSTOMERS]
        ],
        "kept": [{"reason": reason, "calls": calls} for reason, calls in sorted(diff.kept.items())],
        "details": [
            {"reason": reason, "model": model, "detail": detail}
            for (reason, model), detail in sorted(diff.details.items())
        ],
        "unknown_attempts": diff.unknown_attempts,
    }


def _change(change: Change) -> dict[str, object]:
    return {
        "calls": change.calls,
        "put_right": change.put_right,
        "before": text(change.before),
        "after": text(change.after),
        "change": text(change.change),
    }


def _largest(changes: dict[Key, Change]) -> list[tuple[Key, Change]]:
    return sorted(changes.items(), key=lambda item: (-abs(item[1].change), str(item[0])))


def _print(diff: Diff) -> None:
    console = plain_console()
    total = diff.total
    console.print(
        f"{diff.verb} {diff.filters['from']} to {diff.filters['to']}: {total.calls:,} of {diff.examined:,} calls change,"
        f" {total.put_right:,} of them unpriced until now",
        soft_wrap=True,
    )
    if total.calls:
        console.print(_models(diff))
        console.print(_customers(diff))
    for reason, calls in diff.kept.most_common():
        console.print(f"{calls:,} calls stay as they are: {REASONS[reason]}", soft_wrap=True)
        for (why, _), detail in sorted(diff.details.items()):
            if why == reason:
                console.print(f"    {detail}", soft_wrap=True)
    if diff.unknown_attempts:
        console.print(
            f"{diff.unknown_attempts:,} of the calls put right had earlier attempts whose usage is not recorded:"
            " they may have cost more",
            soft_wrap=True,
        )


def _models(diff: Diff) -> Table:
    table = Table("model, price version", "calls", "before", "after", "change USD", box=box.SIMPLE)
    _right(table, 1)
    ranked = _largest(diff.models)
    for (provider, model, old, new), change in ranked[:TOP_MODELS]:
        versions = f"{old or 'unpriced'} → {new or 'stated'}" if old != new else old
        table.add_row(f"{provider or '?'}/{model}\n  {versions}", *_cells(change))
    rest = Change()
    for _, change in ranked[TOP_MODELS:]:
        _join(rest, change)
    if rest.calls:
        table.add_row(f"{len(ranked) - TOP_MODELS} more", *_cells(rest))
    table.add_section()
    table.add_row("total", *_cells(diff.total))
    return table


def _customers(diff: Diff) -> Table:
    table = Table("customer", "calls", "before", "after", "change USD", box=box.SIMPLE)
    _right(table, 1)
    ranked = _largest(diff.customers)
    for name, change in ranked[:TOP_CUSTOMERS]:
        table.add_row(name or "(not attributed)", *_cells(change))
    if len(ranked) > TOP_CUSTOMERS:
        table.caption = f"the {TOP_CUSTOMERS} of {len(ranked):,} customers that change most"
    return table


def _right(table: Table, first: int) -> None:
    for column in table.columns[first:]:
        column.justify = "right"
        column.no_wrap = True


def _join(into: Change, change: Change) -> None:
    into.calls += change.calls
    into.put_right += change.put_right
    into.before += change.before
    into.after += change.after


def _cells(change: Change) -> tuple[str, str, str, str]:
    before = "unpriced" if change.put_right == change.calls else f"{_shown(change.before)}"
    if 0 < change.put_right < change.calls:
        before += f" + {change.put_right:,} unpriced"
    return f"{change.calls:,}", before, _shown(change.after), _signed(change.change)


def _shown(amount: Decimal) -> str:
    return f"{usd(amount):,.6f}"


def _signed(amount: Decimal) -> str:
    return f"{usd(amount):+,.6f}"
