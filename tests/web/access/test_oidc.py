"""A login by an identity provider over real HTTP, with real keys: what is believed, and every refusal."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, RSAKey

from floorline.web.access.oidc import Provider, ProviderAway
from floorline.web.access.oidc_attempt import Attempt
from floorline.web.access.oidc_person import NotVouched, Person, person_of
from floorline.web.access.policy import OidcPolicy
from floorline.web.access.secret import random_text
from tests.support.identity import CLIENT, SECRET, Identity, identity

HERE = "https://margin.example.com/oidc/callback"
ADA = {"sub": "0815", "email": "Ada@example.com", "email_verified": True}
POLICY = OidcPolicy(
    issuer="https://id.example",
    client_id=CLIENT,
    role_claim="groups",
    roles={"finance": "editor", "platform": "admin", "staff": "viewer"},
)


@pytest.fixture(scope="module")
def keys():
    return [RSAKey.generate_key(2048, {"kid": "first"}), ECKey.generate_key("P-256", {"kid": "second"})]


@pytest.fixture
def idp(keys):
    with identity(list(keys)) as provider:
        provider.claims = {**ADA, "groups": ["finance"]}
        yield provider


def provider_of(idp: Identity, now=lambda: datetime.now(UTC), **changed) -> Provider:
    policy = replace(POLICY, issuer=idp.issuer, client_secret=SECRET, timeout=timedelta(seconds=2), **changed)
    return Provider(policy, HERE, now)


def answer_of(provider: Provider, attempt: Attempt) -> dict[str, str]:
    """What the browser brings back, having been sent to the provider and logged in there."""
    sent_back = httpx2.get(provider.start(attempt), trust_env=False).headers["location"]
    assert sent_back.startswith(HERE)
    return dict(parse_qsl(urlsplit(sent_back).query))


def login(idp: Identity, **changed):
    provider, attempt = provider_of(idp, **changed), Attempt.new(random_text, "/")
    return provider.finish(attempt, answer_of(provider, attempt))


def refusal(idp: Identity, **changed) -> str:
    with pytest.raises(NotVouched) as refused:
        login(idp, **changed)
    return str(refused.value)


def test_whom_the_provider_vouches_for_is_known(idp):
    claims = login(idp)
    assert person_of(claims, POLICY) == Person(name="ada@example.com", role="editor", subject="0815")


def test_any_of_its_keys_signs_and_any_way_of_showing_the_secret_is_spoken(idp):
    idp.sign = lambda idp, claims: idp.signed(claims, number=1)
    idp.methods = ["client_secret_post"]
    assert login(idp)["sub"] == "0815"


def test_what_the_provider_says_of_itself_is_asked_once(idp):
    provider = provider_of(idp)
    for _ in range(3):
        attempt = Attempt.new(random_text, "/")
        provider.finish(attempt, answer_of(provider, attempt))
    assert idp.requests.count("/realm/.well-known/openid-configuration") == 1
    assert idp.requests.count("/realm/keys") == 1


def test_a_new_key_of_the_provider_is_looked_for_after_a_minute(idp, keys):
    idp.keys = [keys[0]]
    at = datetime.now(UTC)
    times = [at]
    provider = provider_of(idp, now=lambda: times[-1])
    attempt = Attempt.new(random_text, "/")
    provider.finish(attempt, answer_of(provider, attempt))
    idp.keys = [keys[1]]
    with pytest.raises(NotVouched):
        provider.finish(attempt, answer_of(provider, attempt))
    times.append(at + timedelta(minutes=1))
    assert provider.finish(attempt, answer_of(provider, attempt))["sub"] == "0815"


def test_a_token_of_another_login_is_refused(idp):
    idp.claims["nonce"] = "of another login"
    assert "nonce" in refusal(idp)


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"exp": int(time.time()) - 120}, "expired"),
        ({"exp": "soon"}, "exp"),
        ({"iat": int(time.time()) + 86_400}, "issued in the future"),
        ({"nbf": int(time.time()) + 86_400}, "not yet valid"),
        ({"aud": "another"}, "aud"),
        ({"aud": ["another", "third"]}, "aud"),
        ({"aud": [CLIENT, "another"], "azp": "another"}, "azp"),
        ({"iss": "https://evil.example"}, "iss"),
        ({"sub": None}, "sub"),
        ({"sub": " "}, "names nobody"),
        ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "at_hash"),
    ],
)
def test_a_claim_that_is_not_good_is_refused(idp, claims, said):
    idp.claims |= claims
    with pytest.raises(NotVouched, match=said):
        person_of(login(idp), POLICY)


@pytest.mark.parametrize("missing", ["exp", "iss", "aud", "iat", "nonce"])
def test_a_claim_that_is_missing_is_refused(idp, missing):
    idp.sign = lambda idp, claims: idp.signed({name: value for name, value in claims.items() if name != missing})
    assert missing in refusal(idp)


def test_what_nobody_signed_is_refused(idp):
    idp.sign = Identity.unsigned
    assert "not good" in refusal(idp)


def test_what_is_signed_with_the_public_key_as_a_secret_is_refused(idp):
    idp.sign = Identity.by_shared_secret
    idp.algorithms = ["RS256", "HS256", "none"]
    assert "not good" in refusal(idp)


def test_what_another_key_of_the_same_name_signed_is_refused(idp):
    stranger = Identity(keys=[RSAKey.generate_key(2048, {"kid": "first"})])
    idp.sign = lambda _, claims: stranger.signed(claims)
    assert "bad_signature" in refusal(idp)


def test_a_changed_token_is_refused(idp):
    def changed(idp, claims):
        head, _, signature = idp.signed(claims).split(".")
        return ".".join((head, idp.signed({**claims, "groups": ["platform"]}).split(".")[1], signature))

    idp.sign = changed
    assert "bad_signature" in refusal(idp)


def test_an_algorithm_that_the_provider_does_not_use_is_refused(idp):
    idp.algorithms = ["ES256"]
    assert "not allowed" in refusal(idp)
    idp.algorithms = ["HS256"]
    assert "no algorithm" in refusal(idp)


def test_the_answer_to_another_login_is_refused_before_anything_is_asked(idp):
    provider, attempt = provider_of(idp), Attempt.new(random_text, "/")
    answer = answer_of(provider, attempt)
    asked = len(idp.requests)
    for other in (
        {**answer, "state": Attempt.new(random_text, "/").state},
        {name: value for name, value in answer.items() if name != "state"},
        {**answer, "iss": "https://evil.example"},
        {"state": attempt.state, "error": "access_denied"},
    ):
        with pytest.raises(NotVouched):
            provider.finish(attempt, other)
    assert len(idp.requests) == asked


def test_a_code_is_worth_something_once_and_for_who_began(idp):
    provider, attempt = provider_of(idp), Attempt.new(random_text, "/")
    answer = answer_of(provider, attempt)
    thief = Attempt.new(random_text, "/")
    with pytest.raises(NotVouched, match="does not take the code"):
        provider.finish(thief, {**answer, "state": thief.state})
    answer = answer_of(provider, attempt)
    assert provider.finish(attempt, answer)
    with pytest.raises(NotVouched, match="invalid_grant"):
        provider.finish(attempt, answer)


def test_a_wrong_secret_of_ours_is_told(idp):
    provider = Provider(replace(POLICY, issuer=idp.issuer, client_secret="wrong"), HERE, lambda: datetime.now(UTC))
    attempt = Attempt.new(random_text, "/")
    with pytest.raises(NotVouched, match="invalid_client"):
        provider.finish(attempt, answer_of(provider, attempt))


def test_a_provider_that_does_not_answer_is_given_up_in_time(idp):
    idp.delay_s = 1.0
    began = time.monotonic()
    slow = Provider(
        replace(POLICY, issuer=idp.issuer, timeout=timedelta(milliseconds=100)), HERE, lambda: datetime.now(UTC)
    )
    with pytest.raises(ProviderAway, match="cannot be had"):
        slow.start(Attempt.new(random_text, "/"))
    assert time.monotonic() - began < 0.9


@pytest.mark.parametrize("said", ["https://evil.example", "http://127.0.0.1/realm/"])
def test_a_provider_that_names_itself_otherwise_is_not_asked_further(idp, said):
    idp.issuer_said = said
    with pytest.raises(ProviderAway, match="write it the same"):
        provider_of(idp).start(Attempt.new(random_text, "/"))


def test_what_is_no_provider_is_told():
    with identity([]) as nobody:
        nobody.delay_s = 0
        policy = replace(POLICY, issuer=f"{nobody.issuer}/elsewhere")
        with pytest.raises(ProviderAway, match="404"):
            Provider(policy, HERE, lambda: datetime.now(UTC)).start(Attempt.new(random_text, "/"))


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({"groups": ["staff", "platform", "finance"]}, "admin"),
        ({"groups": "finance"}, "editor"),
        ({"groups": ["staff"]}, "viewer"),
    ],
)
def test_the_highest_of_the_roles_counts(claims, role):
    assert person_of({**ADA, **claims}, POLICY).role == role


def test_a_role_may_stand_within_a_claim():
    policy = replace(POLICY, role_claim="realm_access.roles")
    assert person_of({**ADA, "realm_access": {"roles": ["platform"]}}, policy).role == "admin"
    assert (
        person_of({**ADA, "realm_access.roles": ["staff"], "realm_access": {"roles": ["platform"]}}, policy).role
        == "viewer"
    )


@pytest.mark.parametrize(
    "claims", [{}, {"groups": []}, {"groups": ["others"]}, {"groups": {"finance": 1}}, {"groups": None}]
)
def test_who_has_no_role_stays_out_unless_there_is_one_for_everybody(claims):
    with pytest.raises(NotVouched, match="gives no role"):
        person_of({**ADA, **claims}, POLICY)
    assert person_of({**ADA, **claims}, replace(POLICY, default_role="viewer")).role == "viewer"


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "1", "email": "eve@evil.example", "email_verified": True},
        {"sub": "1", "email": "eve@example.com"},
        {"sub": "1", "email": "eve@example.com", "email_verified": False},
        {"sub": "1", "email": "eve@example.com", "email_verified": "true"},
        {"sub": "1", "email": "eve@notexample.com", "email_verified": True},
        {"sub": "1", "email": "eve@example.com@evil.example", "email_verified": True},
        {"sub": "1"},
    ],
)
def test_who_is_of_no_allowed_domain_stays_out(claims):
    policy = replace(POLICY, allowed_domains=("example.com",))
    with pytest.raises(NotVouched, match="domain"):
        person_of({**claims, "groups": ["platform"]}, policy)
    assert person_of({**ADA, "groups": ["platform"]}, policy).name == "ada@example.com"


def test_who_has_no_verified_address_takes_nobodys_name():
    unverified = {"sub": "6", "email": "ada@example.com", "groups": ["staff"]}
    assert person_of(unverified, POLICY).name == "ada@example.com (6)"
    assert person_of({"sub": "6", "groups": ["staff"]}, POLICY).name == "6"


@given(st.text(max_size=80))
def test_a_cookie_holds_where_the_browser_wanted_to_go(back):
    attempt = Attempt.new(random_text, back)
    assert Attempt.of_cookie(attempt.cookie) == attempt
    assert len({attempt.state, attempt.nonce, attempt.verifier, attempt.binding}) == 4


@given(st.text(max_size=120))
def test_no_cookie_whatever_makes_it_fail(value):
    Attempt.of_cookie(value)
