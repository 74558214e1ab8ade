"""The flags of the dashboard's cookies, and how they are read."""

from datetime import timedelta

import pytest

from floorline.web.access import cookies


def test_over_tls_a_cookie_is_secure_and_of_this_host_alone():
    assert cookies.setting("floorline", "a-b_9", timedelta(days=14), secure=True) == (
        "set-cookie",
        "__Host-floorline=a-b_9; Path=/; Max-Age=1209600; HttpOnly; SameSite=Lax; Secure",
    )


def test_on_this_machine_it_is_neither_and_no_script_reads_it():
    assert cookies.setting("floorline", "ab", timedelta(minutes=1), secure=False) == (
        "set-cookie",
        "floorline=ab; Path=/; Max-Age=60; HttpOnly; SameSite=Lax",
    )


def test_a_browser_forgets_it_at_once():
    assert "Max-Age=0" in cookies.ending("floorline", secure=True)[1]


@pytest.mark.parametrize(
    ("header", "secure", "value"),
    [
        ("a=1; floorline=x; b=2", False, "x"),
        ("floorline=first; floorline=second", False, "first"),
        ("floorline=planted; __Host-floorline=x", True, "x"),
        ("floorline=planted", True, ""),
        ("xfloorline=1; floorline2=2", False, ""),
        ("", False, ""),
    ],
)
def test_it_is_read_by_its_whole_name(header, secure, value):
    assert cookies.given(header, "floorline", secure=secure) == value


@pytest.mark.parametrize("value", ["a;b", "a b", 'a"', "a\nb", "é"])
def test_nothing_but_base64url_is_set(value):
    with pytest.raises(AssertionError):
        cookies.setting("floorline", value, timedelta(), secure=False)
