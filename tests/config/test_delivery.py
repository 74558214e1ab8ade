"""`delivery:` of floorline.yaml: what it says, every way in which it can be wrong, and that no secret is ever shown."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from floorline.cli.check import command
from floorline.config import parse
from floorline.delivery.apprise import Apprise
from floorline.delivery.email import Email
from floorline.delivery.pagerduty import PagerDuty
from floorline.delivery.route import Route
from floorline.delivery.slack import Slack
from floorline.delivery.webhook import Webhook
from tests.delivery.test_signature import NEW, OLD

FILE = Path("floorline.yaml")
ENVIRONMENT = {
    "SLACK_URL": "https://hooks.slack.com/services/T/B/s3cr3t",
    "SLACK_TOKEN": "xoxb-s3cr3t",
    "PAGER_KEY": "s3cr3tkey",
    "MAIL_PASSWORD": "s3cr3tword",
    "HOOK_SECRET": NEW,
    "HOOK_SECRET_OLD": OLD,
    "TELEGRAM": "tgram://s3cr3t/1",
}
EVERYTHING = """\
delivery:
  chat: {kind: slack, url: "${SLACK_URL}", severities: [warning, critical], timeout: 5s}
  charts: {kind: slack, token: "${SLACK_TOKEN}", channel: C0123456789, severities: [], base_url: "https://slack-gov.com/api/"}
  pager: {kind: pagerduty, routing_key: "${PAGER_KEY}", severities: [critical], base_url: "https://events.eu.pagerduty.com"}
  finance:
    kind: email
    host: mail.acme.example
    security: tls
    user: floorline
    password: ${MAIL_PASSWORD}
    from: Floorline <floorline@acme.example>
    to: [cfo@acme.example, Head of AI <ai@acme.example>]
  relay: {kind: email, host: localhost, security: none, port: 2525, from: a@b.example, to: [c@d.example]}
  hook: {kind: webhook, url: "https://ops.acme.example/floorline", secrets: ["${HOOK_SECRET}", "${HOOK_SECRET_OLD}"], reports: false}
  phone: {kind: apprise, url: "${TELEGRAM}"}
"""
WEBHOOK = 'kind: webhook, url: "https://x.example", secrets: ["${HOOK_SECRET}"]'
MAIL = "kind: email, host: mail.example, from: a@b.example, to: [c@d.example]"


def test_every_route_is_read():
    parsed = parse(EVERYTHING.encode(), FILE, ENVIRONMENT)
    assert (parsed.problems, parsed.unset, parsed.warnings) == ((), (), ())
    all_severities = frozenset({"critical", "error", "warning", "info"})
    assert parsed.config.routes == (
        Route(
            name="chat",
            channel=Slack(url=ENVIRONMENT["SLACK_URL"], timeout_ms=5_000),
            severities=frozenset({"warning", "critical"}),
        ),
        Route(
            name="charts",
            channel=Slack(token="xoxb-s3cr3t", channel="C0123456789", base_url="https://slack-gov.com/api"),
            severities=frozenset(),
        ),
        Route(
            name="pager",
            channel=PagerDuty(routing_key="s3cr3tkey", base_url="https://events.eu.pagerduty.com"),
            severities=frozenset({"critical"}),
            reports=False,
        ),
        Route(
            name="finance",
            channel=Email(
                host="mail.acme.example",
                port=465,
                security="tls",
                user="floorline",
                password="s3cr3tword",
                sender="Floorline <floorline@acme.example>",
                recipients=("cfo@acme.example", "Head of AI <ai@acme.example>"),
            ),
            severities=all_severities,
        ),
        Route(
            name="relay",
            channel=Email(
                host="localhost", port=2525, security="none", sender="a@b.example", recipients=("c@d.example",)
            ),
        ),
        Route(
            name="hook", channel=Webhook(url="https://ops.acme.example/floorline", secrets=(NEW, OLD)), reports=False
        ),
        Route(name="phone", channel=Apprise(url="tgram://s3cr3t/1")),
    )
    shown = repr(parsed)
    assert not any(secret in shown for secret in ENVIRONMENT.values())


def test_a_secret_that_is_not_set_stops_nobody_but_its_route():
    """A gateway reads the same file where no route's secret is set."""
    parsed = parse(EVERYTHING.encode(), FILE, {})
    assert (parsed.problems, parsed.unset) == ((), ())
    assert len(parsed.config.routes) == 7
    assert [warning.message.split(",")[0] for warning in parsed.warnings] == [
        "`delivery.chat.url` names the variable SLACK_URL",
        "`delivery.charts.token` names the variable SLACK_TOKEN",
        "`delivery.pager.routing_key` names the variable PAGER_KEY",
        "`delivery.finance.password` names the variable MAIL_PASSWORD",
        "`delivery.hook.secrets[1]` names the variable HOOK_SECRET",
        "`delivery.hook.secrets[2]` names the variable HOOK_SECRET_OLD",
        "`delivery.phone.url` names the variable TELEGRAM",
    ]
    hook = parsed.config.routes[5].channel
    assert isinstance(hook, Webhook)
    assert hook.secrets == ("", "")


def test_the_routes_are_shown_with_what_they_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "floorline.yaml"
    file.write_text(EVERYTHING)
    found = CliRunner().invoke(command, [str(file)], catch_exceptions=False)
    assert found.exit_code == 0
    assert "pager" in found.output
    assert not any(secret in found.output for secret in ENVIRONMENT.values())
    shown = json.loads(CliRunner().invoke(command, [str(file), "--json"]).stdout)["config"]["routes"]
    assert shown["chat"] == {"kind": "slack", "severities": ["critical", "warning"], "reports": True}
    assert shown["charts"]["severities"] == []


PROBLEMS = {
    "no kind": ("{}", "`delivery.r` lacks `kind`"),
    "an unknown kind": ("{kind: teams}", "`delivery.r.kind` is 'teams': one of apprise, email, pagerduty, slack, webhook"),
    "a setting of another kind": (
        '{kind: pagerduty, routing_key: "${PAGER_KEY}", channel: C1}',
        "`delivery.r.channel` says nothing to kind pagerduty, which takes routing_key, base_url",
    ),
    "an unknown severity": ('{kind: slack, url: "${SLACK_URL}", severities: [eror]}', "names 'eror': did you mean `error`?"),
    "reports for a pager": ('{kind: pagerduty, routing_key: "${PAGER_KEY}", reports: true}', "PagerDuty takes alerts and no"),
    "a written secret": ("{kind: pagerduty, routing_key: s3cr3t}", "`delivery.r.routing_key` is written out, and secrets"),
    "no key": ("{kind: pagerduty}", "`delivery.r` lacks `routing_key`"),
    "neither webhook nor bot": ("{kind: slack}", "`delivery.r` needs either `url`, an incoming webhook's, or `token`"),
    "both": ('{kind: slack, url: "${SLACK_URL}", token: "${SLACK_TOKEN}", channel: C1}', "`delivery.r` needs either"),
    "a bot without a channel": ('{kind: slack, token: "${SLACK_TOKEN}"}', "`delivery.r` lacks `channel`"),
    "a written token": ("{kind: slack, token: xoxb-1, channel: C1}", "`delivery.r.token` is written out"),
    "an API by plain http": (
        '{kind: slack, token: "${SLACK_TOKEN}", channel: C1, base_url: "http://x.example"}',
        "`delivery.r.base_url` is plain http on another machine",
    ),
    "no address": ('{kind: webhook, url: "ftp://x", secrets: ["${HOOK_SECRET}"]}', "`delivery.r.url` is no http or https"),
    "no secrets": ('{kind: webhook, url: "https://x.example", secrets: []}', "has 0 members: one secret, or two"),
    "no secret": ('{kind: webhook, url: "https://x.example"}', "`delivery.r` lacks `secrets`"),
    "a secret that is none": (
        '{kind: webhook, url: "https://x.example", secrets: ["${SLACK_TOKEN}"]}',
        "`delivery.r.secrets[1]`: it must be whsec_",
    ),
    "a timeout too long": (f"{{{WEBHOOK}, timeout: 5m}}", "`delivery.r.timeout` is 5m, it must be"),
    "no mail address": ("{kind: email, host: mail.example, from: a@b.example, to: [nobody]}", "has 'nobody', which is no mail"),
    "a header in an address": (
        '{kind: email, host: mail.example, from: "a@b.example\\nBcc: x@y.example", to: [c@d.example]}',
        "which is no mail address",
    ),
    "nobody to write to": ("{kind: email, host: mail.example, from: a@b.example}", "`delivery.r` lacks `to`"),
    "an empty list": ("{kind: email, host: mail.example, from: a@b.example, to: []}", "`delivery.r.to` is empty"),
    "a login of two minds": (f"{{{MAIL}, user: me}}", "`delivery.r` logs in with `user` and `password`"),
    "a readable password": (
        f'{{{MAIL}, user: me, password: "${{MAIL_PASSWORD}}", security: none}}',
        "`delivery.r.password` would go over the wire readable",
    ),
    "a port too high": (f"{{{MAIL}, port: 70000}}", "`delivery.r.port` is 70000, it must be from 1 to 65535"),
    "a host that is an address": (f"{{{MAIL.replace('mail.example', 'smtp://x')}}}", "is 'smtp://x', which is no name of a machine"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_a_problem_is_named(text: str, said: str):
    problems = parse(f"delivery: {{r: {text}}}".encode(), FILE, ENVIRONMENT).problems
    assert len(problems) == 1
    assert said in problems[0].message
    assert not any(secret in problems[0].message for secret in ("s3cr3t", NEW))
