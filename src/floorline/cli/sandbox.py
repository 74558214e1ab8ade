"""`floorline sandbox`: a simulated provider on this machine; `floorline sandbox stripe`: a stand-in for Stripe."""

import signal
import time
from pathlib import Path

import click

from floorline.errors import BadInput
from floorline.ingest.stripe.objects import export_files, read_objects
from floorline.jobs.supervising import end_with_parent
from floorline.sandbox.provider.knowledge import read_knowledge
from floorline.sandbox.provider.serving import Settings, run
from floorline.sandbox.stripe_api import KEY, StripeSandbox

_ENDS = frozenset({signal.SIGINT, signal.SIGTERM})
_EVENTS_OF = {"subscription": "customer.subscription"}


@click.group("sandbox", invoke_without_command=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), default=9001, show_default=True, help="0 is any free one.")
@click.option(
    "--latency-ms", type=click.IntRange(0, 3_600_000), default=0, show_default=True, help="Wait before each answer."
)
@click.option(
    "--chaos",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="The share of calls that fails: errors, resets, truncated and unreadable answers.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the calls that chaos picks.")
@click.option(
    "--knows",
    type=click.Path(path_type=Path),
    help="A file of questions with their answers, and how often each model is right.",
)
@click.option("--with-parent", is_flag=True, help="End when the process that started this one ends.")
@click.pass_context
def command(
    ctx: click.Context,
    host: str,
    port: int,
    latency_ms: int,
    chaos: float,
    seed: int,
    knows: Path | None,
    *,
    with_parent: bool,
) -> None:
    """Simulate every provider that Floorline speaks to, without a key.

    It answers OpenAI's, Anthropic's, Gemini's, Azure's, Vertex's and Bedrock's paths. The same request has the same
    answer. docs/sandbox.md lists the paths, how tokens are counted and how a test asks for errors, pauses and faults.
    """
    if ctx.invoked_subcommand is not None:
        return
    if with_parent:
        end_with_parent()
    knowledge = None if knows is None else read_knowledge(knows)
    settings = Settings(host=host, port=port, latency_ms=latency_ms, chaos=chaos, seed=seed, knowledge=knowledge)
    run(settings, on_ready=lambda url: click.echo(f"sandbox provider on {url}"))


@command.command("stripe")
@click.argument("objects", nargs=-1, type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), default=9002, show_default=True, help="0 is any free one.")
@click.option("--webhook", help="Where to send an event for each object: http://127.0.0.1:4040/stripe/webhook.")
@click.option("--secret", default="whsec_sandbox", show_default=True, help="What the events are signed with.")
def stripe(objects: tuple[Path, ...], host: str, port: int, webhook: str | None, secret: str) -> None:
    """Stand in for Stripe: the objects of files (as `floorline import stripe` reads them) as its API lists and gives them.

    The key is sk_test_sandbox. docs/stripe.md says what it can do.
    """
    sandbox, at = StripeSandbox(), int(time.time())
    for file in (file for path in objects for file in export_files(path)):
        for place, obj in read_objects(file):
            if not isinstance(obj, dict):
                raise BadInput(f"{place}: {obj}")
            sandbox.put(obj, f"{_EVENTS_OF.get(obj['object'], obj['object'])}.updated", at=at)
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)  # before there are threads, so that none of them takes one
    with sandbox.serve(host, port) as url:
        click.echo(f"Stripe's stand-in on {url} with {len(sandbox.events)} objects; its key is {KEY}")
        if webhook:
            statuses = sandbox.send(webhook, secret, sandbox.events, at=int(time.time()))
            click.echo(f"{statuses.count(200)} of {len(statuses)} webhooks were taken")
        signal.sigwait(_ENDS)
