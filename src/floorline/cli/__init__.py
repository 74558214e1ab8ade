"""The command line. Each command is a module of this package, imported only when it is asked for."""

import importlib
import sys
from typing import NoReturn

import click

from floorline import __version__
from floorline.errors import FloorlineError

COMMANDS: dict[str, str] = {
    "alerts": "floorline.cli.alerts:command",
    "audit": "floorline.cli.audit:command",
    "backlog": "floorline.cli.backlog:command",
    "backup": "floorline.cli.backup:backup",
    "baselines": "floorline.cli.baselines:command",
    "bench": "floorline.cli.bench:command",
    "budgets": "floorline.cli.budgets:command",
    "cache": "floorline.cli.cache:command",
    "certificates": "floorline.cli.certificates:command",
    "check": "floorline.cli.check:command",
    "close": "floorline.cli.close:command",
    "content": "floorline.cli.privacy:content",
    "control": "floorline.cli.control:command",
    "costmap": "floorline.cli.costmap:command",
    "dashboard-link": "floorline.cli.dashboard_link:command",
    "deliveries": "floorline.cli.deliveries:command",
    "demo": "floorline.cli.demo:command",
    "doctor": "floorline.cli.doctor:command",
    "erase": "floorline.cli.privacy:erase",
    "eval": "floorline.cli.evaluate:command",
    "experiments": "floorline.cli.experiments:command",
    "explain": "floorline.cli.explain:command",
    "gateway": "floorline.cli.gateway:command",
    "guardrails": "floorline.cli.guardrails:command",
    "identities": "floorline.cli.identities:command",
    "import": "floorline.cli.importing:command",
    "intent": "floorline.cli.intent:command",
    "keys": "floorline.cli.keys:command",
    "ledger": "floorline.cli.ledger:command",
    "limits": "floorline.cli.limits:command",
    "margin": "floorline.cli.margin:command",
    "notices": "floorline.cli.notices:command",
    "price": "floorline.cli.price:command",
    "prompt": "floorline.cli.prompt:command",
    "re-rate": "floorline.cli.rerating:rerate",
    "recompute": "floorline.cli.rerating:recompute",
    "replay": "floorline.cli.replay:command",
    "restore": "floorline.cli.backup:restore",
    "review": "floorline.cli.review:command",
    "route": "floorline.cli.route:command",
    "runbook": "floorline.cli.runbook:command",
    "sandbox": "floorline.cli.sandbox:command",
    "serve": "floorline.cli.serve:command",
    "sessions": "floorline.cli.sessions:command",
    "stripe": "floorline.cli.stripe:command",
    "tokens": "floorline.cli.tokens:command",
    "usage": "floorline.cli.usage:command",
    "usage-token": "floorline.cli.usage_token:command",
    "users": "floorline.cli.users:command",
}


class LazyGroup(click.Group):
    """Loads a command's module when the command is named, so that start-up costs only what is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command's name, sorted."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command `cmd_name`, imported now."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name].split(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="floorline")
def floorline() -> None:
    """Keeps every AI feature of a software product above its gross-margin floor."""


def main() -> NoReturn:
    """Run the command line. Exit code 0 done, 1 the thing asked about does not hold, 2 bad use or bad input."""
    try:
        floorline.main(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.Abort:
        sys.exit(130)
    except FloorlineError as error:
        click.echo(f"floorline: {error}", err=True)
        sys.exit(error.exit_code)
    sys.exit(0)
