"""`floorline serve`: gateways and the control process on one machine, kept running."""

import asyncio
import logging
from pathlib import Path

import click

from floorline.errors import BadInput
from floorline.gateway.policy import counts_apart
from floorline.jobs.supervising import Child, Supervisor, end_with_parent
from floorline.wiring import control_token, load_config, make_home, signing_secret

CONTROL_GRACE_MS = 60_000
SPARE_MS = 10_000
"""What a gateway has beyond its own time to drain."""


@click.command("serve")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="The configuration file.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address that gateways listen on.")
@click.option("--port", type=click.IntRange(1, 65_535), default=4000, show_default=True, help="Their port.")
@click.option(
    "--control-port", type=click.IntRange(0, 65_535), default=4040, show_default=True,
    help="The control process's port; it listens on web.host. 0: any free one.",
)  # fmt: skip
@click.option(
    "--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="Gateway processes: one a core."
)
@click.option("--certificate", type=click.Path(path_type=Path), help="PEM file: speak TLS to clients.")
@click.option("--certificate-key", type=click.Path(path_type=Path), help="PEM file of its key, when it is another.")
@click.option("--with-parent", is_flag=True, help="End when the process that started this one ends.")
def command(
    config_file: Path | None,
    host: str,
    port: int,
    control_port: int,
    processes: int,
    certificate: Path | None,
    certificate_key: Path | None,
    *,
    with_parent: bool,
) -> None:
    """Run gateways and the control process, and start again what ends.

    SIGTERM drains the gateways, then ends the control process; SIGHUP loads the configuration anew.
    """
    if with_parent:
        end_with_parent()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s serve: %(message)s")
    config = load_config(config_file)
    if apart := counts_apart(config.gateway, processes):
        raise BadInput(apart)
    signing_secret()
    control_token(make_home())
    given = ["--with-parent", *_option("--config", config_file)]
    serving = [
        *given, "--host", host, "--port", str(port), *(["--shared"] if processes > 1 else []),
        *_option("--certificate", certificate), *_option("--certificate-key", certificate_key),
    ]  # fmt: skip
    limits = config.gateway.limits
    gateways = [
        Child(
            name=f"gateway {name}",
            arguments=("gateway", "--name", name, *serving),
            grace_ms=limits.shutdown_ms + limits.drain_ms + SPARE_MS,
        )
        for name in (f"g{number}" for number in range(1, processes + 1))
    ]
    control = Child(
        name="control", arguments=("control", "--port", str(control_port), *given), grace_ms=CONTROL_GRACE_MS
    )
    asyncio.run(_run(gateways, control))


async def _run(gateways: list[Child], control: Child) -> None:
    await Supervisor(gateways, [control]).run()


def _option(name: str, value: Path | None) -> list[str]:
    return [] if value is None else [name, str(value)]
