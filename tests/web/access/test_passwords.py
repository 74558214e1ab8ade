"""Passwords: which are taken, what is kept, and that nobody's is as slow as anybody's."""

import pytest
from argon2 import extract_parameters

from floorline.web.access.passwords import PASSWORD_CHARACTERS_MAX, Parameters, Passwords, password_problem
from tests.web.access.conftest import CHEAP

GOOD = "correct horse battery"


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("elevenchars", "11 characters: take at least 12"),
        ("ada.lovelace@example.com", "own name"),
        ("Ada.Lovelace", "own name"),
        ("aaaaaaaaaaaaaaa", "again and again"),
        ("x" * (PASSWORD_CHARACTERS_MAX + 1), "take at most 1024"),
    ],
)
def test_some_passwords_are_refused_with_the_reason(password, said):
    assert said in password_problem(password, "ada.lovelace@example.com")


@pytest.mark.parametrize("password", [GOOD, "twelve chars", "ツツツツツツツツツツツ!", "123456789012"])
def test_no_kind_of_character_is_asked_for(password):
    assert password_problem(password, "ada.lovelace@example.com") == ""


def test_what_is_kept_states_the_parameters_of_rfc_9106():
    kept = extract_parameters(Passwords().hash(GOOD))
    assert (kept.type.name, kept.time_cost, kept.memory_cost, kept.parallelism) == ("ID", 3, 65_536, 4)


def test_a_password_matches_its_own_hash_alone():
    passwords = Passwords(CHEAP)
    kept = passwords.hash(GOOD)
    assert GOOD not in kept
    assert kept != passwords.hash(GOOD)
    assert passwords.matches(kept, GOOD)
    assert not passwords.matches(kept, f"{GOOD}!")
    assert not passwords.matches(kept, "x" * 2_000)


def test_the_same_characters_match_however_a_keyboard_writes_them():
    passwords = Passwords(CHEAP)
    assert passwords.matches(passwords.hash("caf\u00e9 au lait, please"), "cafe\u0301 au lait, please")


def test_nobodys_password_is_never_right():
    passwords = Passwords(CHEAP)
    assert not passwords.matches("", "the password of nobody")
    assert not passwords.matches("", "")


def test_a_hash_of_other_parameters_is_outdated():
    kept = Passwords(CHEAP).hash(GOOD)
    stronger = Passwords(Parameters(passes=2, memory_kib=8, lanes=1))
    assert stronger.matches(kept, GOOD)
    assert stronger.outdated(kept)
    assert not stronger.outdated(stronger.hash(GOOD))
