"""`floorline gateway`: one process that serves calls. `floorline serve` starts one or more beside the control process."""

import logging
from functools import partial
from pathlib import Path

import click

from floorline.errors import BadInput
from floorline.gateway.app import Listening, run
from floorline.jobs.supervising import end_with_parent
from floorline.ledger.address import tell_address
from floorline.ledger.snapshot import GATEWAYS
from floorline.wiring import control_token, gateway_sources, make_home

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@click.command("gateway")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="The configuration file.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", type=click.IntRange(0, 65_535), default=4000, show_default=True, help="0: any free one.")
@click.option("--name", default="g1", show_default=True, help="Names its folder and its records; one process a name.")
@click.option("--shared", is_flag=True, help="Let other gateway processes listen to the same port.")
@click.option("--certificate", type=click.Path(path_type=Path), help="PEM file: speak TLS to clients.")
@click.option("--certificate-key", type=click.Path(path_type=Path), help="PEM file of its key, when it is another.")
@click.option("--with-parent", is_flag=True, help="End when the process that started this one ends.")
def command(
    config_file: Path | None,
    host: str,
    port: int,
    name: str,
    *,
    shared: bool,
    certificate: Path | None,
    certificate_key: Path | None,
    with_parent: bool,
) -> None:
    """Serve calls: attributed, priced, recorded, and passed on untouched.

    It needs no control process: what it records waits in its spool. SIGTERM ends it when the calls under way are
    answered; SIGHUP, or a change of the file, loads the configuration again, and a bad one leaves the old in force.
    """
    if with_parent:
        end_with_parent()
    if not name.isidentifier():
        raise BadInput(f"--name {name!r} is no name: use letters, digits and underscores, as in g1")
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s gateway {name}: %(message)s")
    listening = Listening(
        host=host,
        port=port,
        shared=shared,
        certificate=certificate,
        certificate_key=certificate_key,
        metrics_token="" if host in LOOPBACK else control_token(make_home()),
    )
    try:
        run(name, make_home(), listening, gateway_sources(config_file), partial(_ready, name))
    except OSError as error:
        raise BadInput(f"the gateway cannot serve on {host}:{port}: {error.strerror or error}") from error


def _ready(name: str, address: str) -> None:
    tell_address(make_home() / GATEWAYS / name, address)
    logging.getLogger(__name__).info("serving on %s", address)
