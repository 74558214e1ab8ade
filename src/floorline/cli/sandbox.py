"""`floorline sandbox`: a simulated provider on this machine."""

import click

from floorline.sandbox.provider.serving import Settings, run


@click.command("sandbox")
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
def command(host: str, port: int, latency_ms: int, chaos: float, seed: int) -> None:
    """Simulate every provider that Floorline speaks to, without a key.

    It answers OpenAI's, Anthropic's, Gemini's, Azure's, Vertex's and Bedrock's paths. The same request has the same
    answer. docs/sandbox.md lists the paths, how tokens are counted and how a test asks for errors, pauses and faults.
    """
    settings = Settings(host=host, port=port, latency_ms=latency_ms, chaos=chaos, seed=seed)
    run(settings, on_ready=lambda url: click.echo(f"sandbox provider on {url}"))
