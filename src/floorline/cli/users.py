"""`floorline users`: accounts of the dashboard."""

import sys
from collections.abc import Callable
from datetime import datetime
from typing import cast

import click
from rich import box
from rich.table import Column, Table

from floorline.cli.expiring import minute
from floorline.cli.grid import plain_console
from floorline.cli.output import emit_json
from floorline.config import Config
from floorline.errors import BadInput
from floorline.web.access.links import INVITATION_LIFETIME
from floorline.web.access.passwords import PASSWORD_CHARACTERS_MIN, Passwords, password_problem
from floorline.web.access.people import Account, People, email_of
from floorline.web.access.records import Records
from floorline.web.who import ROLES, Role
from floorline.wiring import load_config, now
from floorline.wiring.access import audit, base_url, open_records

_INVITED_DAYS = INVITATION_LIFETIME.days
_role = click.Choice(ROLES)


@click.group("users")
def command() -> None:
    """Make, list and change the accounts that people log into the dashboard with.

    Works beside a running control process and without one; a change holds from the next request on.
    """


@command.command("add")
@click.argument("email")
@click.option("--role", type=_role, default="viewer", show_default=True, help="What it may.")
@click.option("--invite", is_flag=True, help="Print a link that lets the person choose the password.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def add(email: str, role: str, *, invite: bool, as_json: bool) -> None:
    """Make an account for EMAIL. The password is asked for, or read from standard input; it is no argument, because others see those."""
    name, config = email_of(email), load_config(secrets=False)
    hashed = "" if invite else _hashed(name)
    instant = now()
    with open_records(config) as records:
        account = records.people.add(name, cast("Role", role), hashed, instant)
        audit(records, "user.add", name, role)
        link = _invitation(records, config, name, instant) if invite else None
    _show(account, f"{name} is {_a(role)} of the dashboard", link, as_json=as_json)


@command.command("invite")
@click.argument("email")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def invite(email: str, *, as_json: bool) -> None:
    """Print a link that lets EMAIL choose a password, once, within 3 days. An earlier link is good no more."""
    name, config = email_of(email), load_config(secrets=False)
    with open_records(config) as records:
        account = records.people.known(name)
        if account.disabled_at is not None:
            raise BadInput(f"{name} is disabled: `floorline users enable` first")
        link = _invitation(records, config, name, now())
        audit(records, "user.invite", name)
    _show(account, f"{name} may choose a password", link, as_json=as_json)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_(*, as_json: bool) -> None:
    """List every account; never a password, which nobody has."""
    with open_records() as records:
        accounts = list(records.people.all().values())
        sessions = [one.user for one in records.sessions.all(now()).values()]
    if as_json:
        emit_json([{**_document(one), "sessions": sessions.count(one.email)} for one in accounts])
        return
    if not accounts:
        click.echo("no accounts yet: `floorline users add you@example.com --role admin`")
        return
    table = Table(Column("e-mail", no_wrap=True), "role", "state", "sessions", "created", box=box.SIMPLE)
    for one in accounts:
        table.add_row(one.email, one.role, one.standing, str(sessions.count(one.email)), minute(one.created_at))
    plain_console().print(table)


@command.command("role")
@click.argument("email")
@click.argument("role", type=_role)
def role(email: str, role: str) -> None:
    """Give EMAIL another ROLE. Its sessions end."""
    _change(
        email,
        "user.role",
        lambda people, name, at: people.set_role(name, cast("Role", role), at),
        f"is {_a(role)} now",
        role,
    )


@command.command("password")
@click.argument("email")
def password(email: str) -> None:
    """Give EMAIL another password, asked for or read from standard input. Its sessions end."""
    name = email_of(email)
    with open_records() as records:
        records.people.known(name)
    hashed = _hashed(name)
    _change(
        email, "user.password", lambda people, name, at: people.set_password(name, hashed, at), "has another password"
    )


@command.command("disable")
@click.argument("email")
def disable(email: str) -> None:
    """Let nobody log in as EMAIL any more, by password or by the identity provider. Its sessions end."""
    _change(email, "user.disable", lambda people, name, at: people.disable(name, at), "is disabled")


@command.command("enable")
@click.argument("email")
def enable(email: str) -> None:
    """Let EMAIL log in again."""
    _change(email, "user.enable", lambda people, name, at: people.enable(name, at), "may log in again")


@command.command("remove")
@click.argument("email")
def remove(email: str) -> None:
    """Remove the account EMAIL. What it did stays in the audit."""
    _change(email, "user.remove", lambda people, name, at: people.remove(name, at), "is removed")


def _change(
    email: str, action: str, change: Callable[[People, str, datetime], object], said: str, detail: str = ""
) -> None:
    name = email_of(email)
    with open_records() as records:
        change(records.people, name, now())
        audit(records, action, name, detail)
    click.echo(f"{name} {said}")


def _hashed(email: str) -> str:
    """A password that is taken, as its hash: typed twice at a terminal, else a line of standard input."""
    if sys.stdin.isatty():
        text = click.prompt(f"Password for {email}", hide_input=True, confirmation_prompt=True, err=True)
    else:
        text = sys.stdin.readline().rstrip("\r\n")
        if not text:
            raise BadInput(
                f"write the password of {email} to standard input, at least {PASSWORD_CHARACTERS_MIN} characters"
            )
    if problem := password_problem(text, email):
        raise BadInput(problem)
    return Passwords().hash(text)


def _invitation(records: Records, config: Config, email: str, instant: datetime) -> str:
    return f"{base_url(config, records)}/invitation/{records.links.make('invitation', instant, user=email)}"


def _show(account: Account, said: str, link: str | None, *, as_json: bool) -> None:
    if as_json:
        emit_json({**_document(account), **({"invitation": link} if link else {})})
        return
    click.echo(said, err=link is not None)
    if link is not None:
        click.echo(link)
        click.echo(f"the link works once, for {_INVITED_DAYS} days: give it to them yourself", err=True)


def _a(role: str) -> str:
    return f"{'a' if role == 'viewer' else 'an'} {role}"


def _document(account: Account) -> dict[str, object]:
    return {
        "email": account.email,
        "role": account.role,
        "state": account.standing,
        "created_at": account.created_at.isoformat(),
        "changed_at": account.changed_at.isoformat(),
    }
