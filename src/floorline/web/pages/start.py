"""Get data in: the three ways, with snippets that work on this very machine, and the demo for who wants to look first. It is the
first page while the ledger has no call.
"""

import shlex
from collections.abc import Sequence
from datetime import UTC

from floorline.clock import month_start, next_month
from floorline.errors import BadInput
from floorline.gateway.policy import Provider
from floorline.jobs.first_call import has_calls
from floorline.web.blocks import About, AnyBlock, Form, Link, Note, Shown, Snippet, Snippets
from floorline.web.desk import Desk
from floorline.web.http import Refused
from floorline.web.machine import DemoLoader
from floorline.web.params import Params
from floorline.web.view import Action, Deed, Done, Nothing, View

PATH = "/start"
WAITING, DEMO = "waiting", "demo"
"""Notes that start.js keeps up to date while they say that something is to come."""

SANDBOX = "http://127.0.0.1:9001/v1"


def build(desk: Desk, params: Params) -> Shown:
    """The page."""
    del params
    arrived = has_calls(desk.ledger)
    return Shown(
        title="Get data in",
        lead=""
        if arrived
        else "Floorline knows no call yet. Three ways lead here; the first call shows within five seconds.",
        about=About(timezone=desk.ledger.timezone, as_of=desk.now()),
        blocks=[
            _waiting(arrived=arrived),
            *_demo(desk.demo, arrived=arrived),
            *_gateway(desk),
            _usage(desk),
            _revenue(desk),
        ],
    )


def begin_demo(desk: Desk, deed: Deed, body: Nothing) -> Done:
    """Loading begins."""
    del deed, body
    if desk.demo is None:
        raise Refused(409, "state", "the demo cannot be loaded here: `floorline demo` shows it in a folder of its own")
    try:
        desk.demo.begin()
    except BadInput as error:
        raise Refused(409, "state", str(error)) from error
    return Done(to=PATH, said="The demo is being loaded.", subject="demo")


def _waiting(*, arrived: bool) -> Note:
    if arrived:
        links = (Link(text="See the margins", to="/features"),)
        return Note(name=WAITING, kind="good", text="Calls have arrived.", links=links)
    links = (Link(text="Look again", to=PATH),)
    return Note(name=WAITING, kind="info", text="Waiting for your first call…", links=links)


# -- the demo


def _demo(demo: DemoLoader | None, *, arrived: bool) -> Sequence[AnyBlock]:
    if demo is None:
        return ()
    progress = demo.progress()
    if progress is not None and progress.running:
        share = "" if progress.done is None else f" {progress.done * 100:.0f} %."
        return (Note(name=DEMO, kind="info", title="The demo is being loaded.", text=f"{progress.said}{share}"),)
    if progress is not None:
        return (Note(name=DEMO, kind="good" if arrived else "warning", title="The demo.", text=progress.said),)
    if arrived:
        return ()
    return (
        Note(
            name="demo-said",
            kind="info",
            text="Or look at a company that is made up first: four AI features, ninety days. It goes into this ledger, which "
            "then is the demo's: start with another FLOORLINE_HOME for your own.",
        ),
        Form(name="load-demo", title="Load the demo", action=f"{PATH}/demo", submit="Load the demo", rule="admin"),
    )


# -- the three ways


def _gateway(desk: Desk) -> Sequence[Snippets]:
    title = "1. Send calls through the gateway"
    providers = list(desk.gateway.providers.values())
    if not providers:
        return (Snippets(name="gateway", title=title, snippets=_no_provider(desk)),)
    snippets = [
        *([] if desk.machine().gateways else [_serve(desk)]),
        _first_call(desk, providers[0]),
        _application(desk, providers[0]),
    ]
    return (Snippets(name="gateway", title=title, snippets=snippets),)


def _no_provider(desk: Desk) -> list[Snippet]:
    command = desk.machine().command
    return [
        Snippet(
            title="Name a provider",
            said="The configuration names none yet. Type this, end `floorline serve`, and start it again with the provider's key.",
            text=f"{_configured(desk, 'https://api.openai.com/v1')}\nOPENAI_API_KEY=sk-… {command} serve\n",
        ),
        Snippet(
            title="Without a provider's key at hand",
            said="One that is played: it answers by itself, and costs what the real one would.",
            text=f"{command} sandbox --port 9001 &\n{_configured(desk, SANDBOX)}\nOPENAI_API_KEY=anything {command} serve\n",
        ),
    ]


def _configured(desk: Desk, base_url: str) -> str:
    """What names a provider in the configuration."""
    return (
        f"cat >> {shlex.quote(desk.machine().config)} <<'END'\nproviders:\n  openai:\n    dialect: openai\n"
        f'    base_url: {base_url}\n    api_key: "${{OPENAI_API_KEY}}"\nEND'
    )


def _serve(desk: Desk) -> Snippet:
    return Snippet(
        title="Start a gateway", said="None serves from this home now.", text=f"{desk.machine().command} gateway &\n"
    )


def _address(desk: Desk) -> str:
    return next(iter(desk.machine().gateways), "http://127.0.0.1:4000").replace("//0.0.0.0:", "//127.0.0.1:")


def _first_call(desk: Desk, provider: Provider) -> Snippet:
    """A key of its own, and a call with it, in the words of the provider."""
    base = _address(desk)
    match provider.dialect:
        case "anthropic":
            path = "/v1/messages"
            body = (
                '{"model": "claude-haiku-4-5", "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}]}'
            )
        case "gemini":
            path = "/v1beta/models/gemini-2.5-flash:generateContent"
            body = '{"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}'
        case "bedrock":
            path = "/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse"
            body = '{"messages": [{"role": "user", "content": [{"text": "hello"}]}]}'
        case "openai":
            path = "/v1/chat/completions"
            body = '{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}'
    return Snippet(
        title="A key, and a first call",
        said="The key binds the call to a customer and a feature. It is shown once: keep it.",
        text=f"KEY=$({desk.machine().command} keys create --name my-app --customer acme --feature assistant)\n"
        f"curl -i {base}{path} \\\n"
        '  -H "Authorization: Bearer $KEY" -H "content-type: application/json" \\\n'
        f"  -d {shlex.quote(body)}\n",
    )


def _application(desk: Desk, provider: Provider) -> Snippet:
    base = _address(desk)
    names = {
        "anthropic": ("ANTHROPIC_BASE_URL", base, "ANTHROPIC_API_KEY"),
        "gemini": ("GOOGLE_GEMINI_BASE_URL", base, "GEMINI_API_KEY"),
        "bedrock": ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", base, "AWS_BEARER_TOKEN_BEDROCK"),
        "openai": ("OPENAI_BASE_URL", f"{base}/v1", "OPENAI_API_KEY"),
    }
    url, address, key = names[provider.dialect]
    return Snippet(
        title="In your application",
        said="Its base URL and its key change, nothing else: the SDK's own variables, or the arguments of its client.",
        text=f"export {url}={address}\nexport {key}=flk_…\n",
    )


def _usage(desk: Desk) -> Snippets:
    now = desk.now().astimezone(UTC)
    row = (
        f'{{"request_id": "first-1", "timestamp": "{now:%Y-%m-%dT%H:00:00Z}", "customer_id": "acme", "user_id": "u-1", '
        '"feature": "assistant", "provider": "openai", "model": "gpt-4o-mini", "input_tokens": 4521, "output_tokens": 387}'
    )
    return Snippets(
        name="usage",
        title="2. Import calls that you have on record",
        snippets=[
            Snippet(
                title="Usage events, one line a call",
                said="JSON lines, CSV or Parquet. They are priced as of their own time; importing a file twice changes nothing.",
                text=f"cat > calls.jsonl <<'END'\n{row}\nEND\n{desk.machine().command} import usage calls.jsonl\n",
            )
        ],
    )


def _revenue(desk: Desk) -> Snippets:
    command, start = desk.machine().command, month_start(desk.today)
    return Snippets(
        name="revenue",
        title="3. Add what customers pay",
        snippets=[
            Snippet(
                title="From a table",
                said="One line for each amount and the days that it pays for.",
                text="cat > revenue.csv <<'END'\nid,customer,plan,amount,currency,period_start,period_end\n"
                f"line-1,acme,pro,100.00,USD,{start},{next_month(start)}\nEND\n{command} import revenue revenue.csv\n",
            ),
            Snippet(
                title="From Stripe",
                said="An export of its objects, once; or its own API, all the time, with `stripe:` in floorline.yaml.",
                text=f"{command} import stripe stripe-export/\n\n"
                '# or in floorline.yaml, with STRIPE_API_KEY set where Floorline runs\nstripe: {api_key: "${STRIPE_API_KEY}"}\n',
            ),
        ],
    )


VIEWS = (
    View(
        path=PATH,
        title="Get data in",
        group="Data",
        key="i",
        params=Params,
        build=build,
        windowed=False,
        fresh_s=0,
        scripts=("start.js",),
        said="How data gets in, with snippets for this machine; and whether a call has arrived",
    ),
)
ACTIONS = (
    Action(path=f"{PATH}/demo", name="demo.load", body=Nothing, run=begin_demo, rule="admin", said="Load the demo into a ledger without calls"),
)  # fmt: skip
