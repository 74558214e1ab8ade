"""Whose call it is: the table of docs/attribution.md, row by row, and what no header may do."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.gateway.attribution import (
    ATTRIBUTION_HEADERS,
    ATTRIBUTION_PREFIXES,
    DOCUMENT_BYTES_MAX,
    FIELDS,
    METADATA_MAX,
    TEXT_MAX,
    Attribution,
    attribute,
    missing_text,
    unattributed,
)
from floorline.gateway.keys import Key

PAGE = Path(__file__).resolve().parents[2] / "docs" / "attribution.md"
KEY = Key(id="k_1", name="n", digest=b"", created_at=datetime(2026, 1, 1, tzinfo=UTC))
BOUND = Key(
    id="k_2",
    name="n",
    digest=b"",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    customer="acme",
    feature="contracts",
    plan="pro",
    environment="staging",
    purpose="internal",
    unattributed="require",
)


def said(headers: dict[str, str | bytes], end_user: str = "", key: Key | None = None) -> Attribution:
    as_bytes = {n.encode(): v if isinstance(v, bytes) else v.encode() for n, v in headers.items()}
    return attribute(key, as_bytes, end_user)


def test_nothing_said_is_production_and_nobodys():
    assert said({"content-type": "application/json"}) == Attribution()


def test_every_field_has_a_header_of_its_own():
    values = {field: f"the {field}" for field in FIELDS}
    values |= {"call_type": "routing", "environment": "staging", "purpose": "evaluation"}
    found = said({f"x-floorline-{field.replace('_', '-')}": value for field, value in values.items()})
    assert found == Attribution(**values)


SOURCES_OF_CUSTOMER = [
    ("x-floorline-customer", "{}"),
    ("baggage", "floorline.customer={}"),
    ("x-floorline-metadata", '{{"customer": "{}"}}'),
    ("x-litellm-customer-id", "{}"),
    ("x-litellm-spend-logs-metadata", '{{"customer_id": "{}"}}'),
    ("x-customer-id", "{}"),
    ("helicone-property-customer", "{}"),
    ("x-portkey-metadata", '{{"customer": "{}"}}'),
]
SOURCES_OF_USER = [
    ("x-floorline-user", "{}"),
    ("baggage", "floorline.user={}"),
    ("x-floorline-metadata", '{{"user_id": "{}"}}'),
    ("x-litellm-end-user-id", "{}"),
    ("x-litellm-spend-logs-metadata", '{{"user": "{}"}}'),
    ("helicone-user-id", "{}"),
    ("helicone-property-user", "{}"),
    ("x-portkey-metadata", '{{"_user": "{}"}}'),
]
SOURCES_OF_RUN = [
    ("x-floorline-run", "{}"),
    ("baggage", "floorline.run={}"),
    ("x-floorline-metadata", '{{"run": "{}"}}'),
    ("x-litellm-session-id", "{}"),
    ("helicone-session-id", "{}"),
    ("x-portkey-trace-id", "{}"),
]


@pytest.mark.parametrize(
    ("field", "sources"), [("customer", SOURCES_OF_CUSTOMER), ("user", SOURCES_OF_USER), ("run", SOURCES_OF_RUN)]
)
def test_what_stands_higher_in_the_table_counts_whatever_the_order_of_the_headers(field, sources):
    for first in range(len(sources)):
        headers = {name: form.format(f"from-{name}") for name, form in sources[first:]}
        for ordered in (headers, dict(reversed(headers.items()))):
            assert getattr(said(ordered, end_user="body"), field) == f"from-{sources[first][0]}"


def test_the_bodys_user_is_asked_last():
    assert said({}, end_user="u-1").user == "u-1"
    assert said({"x-portkey-metadata": '{"_user": "p"}'}, end_user="u-1").user == "p"


def test_what_a_key_fixes_beats_every_header():
    headers = {f"x-floorline-{name}": "other" for name in ("customer", "feature", "plan", "user")}
    headers |= {"x-floorline-environment": "production", "x-floorline-purpose": "production"}
    found = said(headers, key=BOUND)
    assert (found.customer, found.feature, found.plan) == ("acme", "contracts", "pro")
    assert (found.environment, found.purpose, found.user) == ("staging", "internal", "other")


def test_an_open_key_leaves_everything_to_the_headers():
    assert said({"x-floorline-customer": "acme"}, key=KEY).customer == "acme"


def test_aliases_of_helicone_name_user_run_workflow_step_and_metadata():
    found = said(
        {
            "helicone-user-id": "u",
            "helicone-session-id": "s",
            "helicone-session-name": "triage",
            "helicone-session-path": "/abstract",
            "helicone-property-feature": "assistant",
            "helicone-property-city": "Bern",
            "helicone-auth": "Bearer sk-helicone-secret",
        }
    )
    assert found == Attribution(
        user="u", run="s", workflow="triage", step="/abstract", feature="assistant", metadata={"city": "Bern"}
    )


def test_tags_of_litellm_are_metadata():
    assert said({"x-litellm-tags": "a,b"}).metadata == {"tags": "a,b"}


def test_metadata_keeps_digits_as_written_and_leaves_out_null():
    found = said({"x-floorline-metadata": '{"build": 1.10, "beta": true, "none": null, "list": [1, 2], "t": "x"}'})
    assert found.metadata == {"build": "1.10", "beta": "true", "list": "[1, 2]", "t": "x"}


def test_metadata_of_a_higher_row_wins():
    found = said({"x-portkey-metadata": '{"city": "Rome", "b": "1"}', "x-floorline-metadata": '{"city": "Bern"}'})
    assert found.metadata == {"city": "Bern", "b": "1"}


def test_baggage_is_percent_decoded_and_its_properties_and_other_members_are_left_out():
    found = said(
        {"baggage": "other=1, floorline.customer = Caf%C3%A9%2C%20Bern ;prop=1,floorline.city=B%3B,floorline.x"}
    )
    assert found.customer == "Café, Bern"
    assert found.metadata == {"city": "B;"}


def test_a_word_that_is_none_of_a_fields_is_ignored_and_the_next_source_is_asked():
    found = said({"x-floorline-call-type": "chat", "x-floorline-metadata": '{"call_type": "Judging"}'})
    assert found.call_type == "judging"
    assert len(found.notes) == 1
    assert found.notes[0].startswith("x-floorline-call-type: ignored, 'chat' is no call_type: one of generation,")


@pytest.mark.parametrize("broken", ["", "[]", "{", '"x"', "12", '{"a": }', "null"])
def test_metadata_that_is_no_object_is_ignored_and_noted(broken):
    found = said({"x-floorline-metadata": broken, "x-floorline-customer": "acme"})
    assert found.customer == "acme"
    assert found.notes[0].startswith("x-floorline-metadata: ignored, not a JSON object")


def test_control_characters_and_direction_marks_are_taken_out():
    assert said({"x-floorline-metadata": r'{"customer": "ac\u0000me\u202e\n\u2028 "}'}).customer == "acme"
    assert said({"x-floorline-customer": b"ac\x01me"}).customer == "acme"
    assert said({"x-floorline-customer": "\x07 "}).customer == ""


def test_bytes_that_are_not_utf8_stay_different_values():
    assert said({"x-floorline-customer": b"caf\xe9"}).customer == "café"
    assert said({"x-floorline-customer": b"caf\xe8"}).customer == "cafè"


def test_a_value_is_as_long_as_the_ledger_takes_and_no_longer():
    assert said({"x-floorline-customer": "a" * TEXT_MAX}).customer == "a" * TEXT_MAX
    found = said({"x-floorline-customer": "a" * (TEXT_MAX + 1), "x-customer-id": "acme"})
    assert found.customer == "acme"
    assert found.notes == ("x-floorline-customer: ignored, longer than 4096 characters",)


def test_a_document_is_bounded_in_bytes_and_in_entries():
    assert said({"x-floorline-metadata": '{"a": "' + "b" * DOCUMENT_BYTES_MAX + '"}'}).notes == (
        "x-floorline-metadata: ignored, longer than 16384 bytes",
    )
    many = said({"baggage": ",".join(f"floorline.m{n}=1" for n in range(METADATA_MAX + 5))})
    assert len(many.metadata) == METADATA_MAX
    assert many.notes == ("baggage: more than 50 entries of metadata, the rest is dropped",)


NAMES = st.sampled_from(
    [
        b"x-floorline-customer",
        b"x-floorline-call-type",
        b"x-floorline-metadata",
        b"baggage",
        b"x-litellm-tags",
        b"x-litellm-spend-logs-metadata",
        b"x-portkey-metadata",
        b"helicone-property-\xff\x00",
        b"helicone-property-",
        b"helicone-session-id",
    ]
)
PIECES = st.sampled_from(
    [b"floorline.", b"=", b",", b";", b"%", b"%ff", b'{"', b'":"', b'"}', b"customer", b"\\ud800", b"\x00"]
)
VALUES = st.one_of(st.binary(max_size=60), st.lists(PIECES, max_size=20).map(b"".join))


@given(headers=st.dictionaries(NAMES, VALUES, max_size=10), end_user=st.text(max_size=20))
def test_no_header_breaks_attribution_and_everything_it_says_fits_the_ledger(headers, end_user):
    found = attribute(BOUND, headers, end_user)
    assert found.customer == "acme"
    texts = [getattr(found, field) for field in FIELDS] + [t for entry in found.metadata.items() for t in entry]
    for text in texts:
        assert len(text) <= TEXT_MAX
        assert not re.search(r"[\x00-\x1f\x7f]", text)
        text.encode()
    assert len(found.metadata) <= METADATA_MAX


def for_a_gateway_alone(name: bytes) -> bool:
    return name in ATTRIBUTION_HEADERS or name.startswith(ATTRIBUTION_PREFIXES)


@pytest.mark.parametrize(
    "name",
    [
        "x-floorline-customer",
        "x-floorline-include-cost",
        "baggage",
        "x-customer-id",
        "x-litellm-tags",
        "helicone-auth",
        "helicone-property-a",
        "x-portkey-metadata",
        "x-portkey-api-key",
    ],
)
def test_what_is_for_a_gateway_never_goes_upstream(name):
    assert for_a_gateway_alone(name.encode())


@pytest.mark.parametrize(
    "name", ["content-type", "anthropic-version", "openai-organization", "x-stainless-lang", "traceparent"]
)
def test_what_is_for_the_provider_goes_upstream(name):
    assert not for_a_gateway_alone(name.encode())


def test_a_call_without_customer_or_feature_falls_under_the_policy_of_its_key_then_the_general_one():
    whole = said({"x-floorline-customer": "acme", "x-floorline-feature": "chat"})
    half = said({"x-floorline-customer": "acme"})
    assert unattributed(whole, None, "require") is None
    assert unattributed(half, None, "warn") == "warn"
    assert unattributed(half, KEY, "allow") == "allow"
    assert unattributed(half, BOUND, "allow") == "require"
    assert half.missing == ("feature",)
    assert missing_text(half) == (
        "the call names no feature: send the header x-floorline-feature, or use a key that is bound to one"
    )


def test_every_header_of_the_table_is_documented():
    page = PAGE.read_text()
    for field in FIELDS:
        assert f"`x-floorline-{field.replace('_', '-')}`" in page
    for name, _ in (*SOURCES_OF_CUSTOMER, *SOURCES_OF_USER, *SOURCES_OF_RUN):
        assert re.sub(r"property-\w+", "property-<name>", name) in page
