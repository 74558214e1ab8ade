"""`web:` of floorline.yaml: what it says, and what it must not."""

from datetime import timedelta
from pathlib import Path

import pytest

from floorline.config import parse
from floorline.web.access.policy import OidcPolicy, WebPolicy

FILE = Path("/etc/floorline/floorline.yaml")
OIDC = "issuer: https://id.example, client_id: floorline"


def web_of(text: str, environment=None) -> WebPolicy:
    parsed = parse(text.encode(), FILE, environment or {})
    assert parsed.problems == ()
    return parsed.config.web


def problem_of(text: str) -> str:
    (problem,) = parse(text.encode(), FILE, {"SECRET": "s"}).problems
    return problem.message


def test_nothing_said_is_this_machine_alone():
    assert web_of("") == WebPolicy()
    assert WebPolicy().hosts == {"127.0.0.1", "localhost", "::1"}


def test_every_setting_is_read():
    text = """
web:
  host: 0.0.0.0
  public_url: https://margin.example.com/
  allowed_hosts: [Inside]
  proxies: [10.0.0.7, "2001:db8::1"]
  idle: 8h
  lifetime: 30d
  oidc:
    issuer: https://id.example/realms/main
    client_id: floorline
    client_secret: ${OIDC_SECRET}
    scopes: [openid, email, groups]
    role_claim: realm_access.roles
    roles: {finance: editor, platform: admin}
    default_role: viewer
    allowed_domains: [Example.com]
    timeout: 2s
"""
    assert web_of(text, {"OIDC_SECRET": "hush"}) == WebPolicy(
        host="0.0.0.0",
        public_url="https://margin.example.com",
        allowed_hosts=("inside",),
        proxies=("10.0.0.7", "2001:db8::1"),
        idle=timedelta(hours=8),
        lifetime=timedelta(days=30),
        oidc=OidcPolicy(
            issuer="https://id.example/realms/main",
            client_id="floorline",
            client_secret="hush",
            scopes=("openid", "email", "groups"),
            role_claim="realm_access.roles",
            roles={"finance": "editor", "platform": "admin"},
            default_role="viewer",
            allowed_domains=("example.com",),
            timeout=timedelta(seconds=2),
        ),
    )


def test_a_secret_that_is_not_set_is_the_control_processs_matter_and_never_shown():
    text = f"web: {{public_url: https://m.example, oidc: {{{OIDC}, client_secret: '${{SECRET}}', default_role: viewer, allowed_domains: [a.example]}}}}"
    parsed = parse(text.encode(), FILE, {})
    assert parsed.problems == parsed.unset == ()
    assert "SECRET, which is not set" in parsed.warnings[0].message
    assert "hush" not in repr(web_of(text, {"SECRET": "hush"}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("web: {public_url: http://margin.example.com}", "plain http"),
        ("web: {public_url: https://margin.example.com/floorline}", "without a path"),
        ("web: {public_url: margin.example.com}", "no http or https address"),
        ("web: {allowed_hosts: ['http://a']}", "without scheme and port"),
        ("web: {proxies: [proxy.internal]}", "no IP address"),
        ("web: {idle: 30d}", "longer than `web.lifetime`"),
        (f"web: {{oidc: {{{OIDC}, default_role: viewer, allowed_domains: [a.example]}}}}", "needs `web.public_url`"),
        (f"web: {{public_url: https://m.example, oidc: {{{OIDC}}}}}", "gives nobody a role"),
        (f"web: {{public_url: https://m.example, oidc: {{{OIDC}, default_role: viewer}}}}", "would let in everyone"),
        (f"web: {{public_url: https://m.example, oidc: {{{OIDC}, roles: {{a: admin}}}}}}", "both or neither"),
        (
            f"web: {{public_url: https://m.example, oidc: {{{OIDC}, role_claim: groups, roles: {{a: owner}}}}}}",
            "`web.oidc.roles.a` is 'owner'",
        ),
        (
            f"web: {{public_url: https://m.example, oidc: {{{OIDC}, role_claim: g, roles: {{a: admin}}, scopes: [email]}}}}",
            "lacks `openid`",
        ),
        (
            f"web: {{public_url: https://m.example, oidc: {{{OIDC}, role_claim: g, roles: {{a: admin}}, client_secret: hush}}}}",
            "is written out",
        ),
        (
            "web: {public_url: https://m.example, oidc: {issuer: http://id.example, client_id: f, role_claim: g, roles: {a: admin}}}",
            "plain http",
        ),
    ],
)
def test_a_problem_is_named(text, said):
    assert said in problem_of(text)
