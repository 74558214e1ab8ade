"""`floorline close`: a month's figures frozen with a hash, and what came later beside them."""

import click

from floorline.cli.close_text import head_document, month_document, open_document, print_list, print_month, print_open
from floorline.cli.output import emit_json, note
from floorline.errors import BadInput, Mismatch
from floorline.jobs.closing import Closings, Head
from floorline.wiring import actor, collecting, load_config, now, open_ledger, revenue_freshness


@click.command("close")
@click.argument("month", required=False, default="")
@click.option("--list", "list_", is_flag=True, help="List every closed month, and those that were reopened.")
@click.option("--show", is_flag=True, help="Show the closed month, what came later by kind, and the month restated.")
@click.option("--verify", is_flag=True, help="Compute every hash and sum of the frozen figures again.")
@click.option("--reopen", is_flag=True, help="Undo the close of the last closed month; wants --reason.")
@click.option("--force", is_flag=True, help="Close although something is missing; wants --reason.")
@click.option("--reason", default="", metavar="TEXT", help="Why it is forced or reopened; kept with the month.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document; money is text of 12 places.")
def command(
    month: str, reason: str, *, list_: bool, show: bool, verify: bool, reopen: bool, force: bool, as_json: bool
) -> None:
    """Freeze the figures of MONTH (2026-10) with a hash. What comes later is an adjustment in the month that is open.

    Months close in order, once they are over and complete. docs/close.md says what is frozen and how it is checked.
    """
    if list_ + show + verify + reopen + force > 1:
        raise BadInput("--list, --show, --verify, --reopen and --force are different things: give one of them")
    if bool(month) == (list_ or verify):
        raise BadInput("name a month as 2026-10, or ask for --list or --verify")
    config = load_config(secrets=False)
    with open_ledger(config) as ledger:
        note(ledger.notices)
        closings = Closings(ledger, config.policies, revenue_freshness(config, ledger.state))
        if list_:
            _list(closings, as_json=as_json)
        elif verify:
            _verify(closings, as_json=as_json)
        elif show:
            _show(closings, month, as_json=as_json)
        elif reopen:
            head = closings.reopen(month, now=now(), actor=actor(), reason=reason)
            _tell(head, f"{month} is open again; its figures stay with the hash {head.sha256}.", as_json=as_json)
        else:
            collecting(ledger, config, lambda text: click.echo(text, err=True))()
            head = closings.close(month, now=now(), actor=actor(), reason=reason, force=force)
            _tell(head, f"{month} is closed with the hash {head.sha256}.", as_json=as_json)


def _list(closings: Closings, *, as_json: bool) -> None:
    heads = closings.heads()
    if as_json:
        emit_json([head_document(id_, head) for id_, head in heads.items()])
    elif heads:
        print_list(heads)
    else:
        click.echo("No month is closed.")


def _verify(closings: Closings, *, as_json: bool) -> None:
    problems = closings.verify()
    months = len(closings.heads())
    if as_json:
        emit_json({"months": months, "problems": problems})
    elif not problems:
        click.echo(f"{months} frozen months: every hash and every sum holds.")
    if problems:
        raise Mismatch("\n".join(problems))


def _show(closings: Closings, month: str, *, as_json: bool) -> None:
    heads = closings.heads()
    if month in heads:
        restated = closings.restated(month)
        if as_json:
            emit_json(month_document(month, restated, closings.customers(month)))
        else:
            print_month(month, restated)
    elif month == closings.open_month(now()):
        priors = closings.carried_by(month, now())
        if as_json:
            emit_json(open_document(month, priors))
        else:
            print_open(month, priors)
    else:
        raise BadInput(f"{month} is not closed: floorline close --list shows what is")


def _tell(head: Head, sentence: str, *, as_json: bool) -> None:
    if as_json:
        emit_json(head_document(head.month, head))
        return
    click.echo(sentence)
    for warning in head.warnings:
        click.echo(f"although {warning}")
