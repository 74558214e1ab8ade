"""The signing secret: made once for its owner alone, and refused when anybody could guess it."""

import base64
import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorline.errors import BadInput
from floorline.gateway.secret import SECRET_CHARACTERS_MIN, check_secret, file_secret

GOOD = "Zm9vYmFyLWJhei1xdXV4LWNvcmdlLWdyYXVsdA"


def test_a_random_secret_is_taken_without_the_spaces_around_it():
    assert check_secret(f" {GOOD}\n", "FLOORLINE_SECRET") == GOOD.encode()


@given(st.binary(min_size=24, max_size=24))
def test_no_random_secret_is_taken_for_a_placeholder(random):
    text = base64.b64encode(random).decode()
    if len(set(text)) >= 12:
        assert check_secret(text, "x") == text.encode()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has 0 characters, at least 32 are needed: make one with `openssl rand -base64 48`"),
        (GOOD[: SECRET_CHARACTERS_MIN - 1], "has 31 characters, at least 32"),
        ("change-me-change-me-change-me-now", "contains 'changeme'"),
        ("Please_Change_Me_Before_Production", "contains 'changeme'"),
        ("my-super-Secret-key-for-floorline!", "contains 'secret'"),
        ("0123456789abcdef0123456789abcdef", "contains '123456789'"),
        ("a" * 40, "repeats itself"),
        ("x8Kq-pW2z" * 4, "repeats itself"),
    ],
)
def test_a_secret_that_can_be_guessed_is_refused_and_not_shown(text, message):
    with pytest.raises(BadInput, match="FLOORLINE_SECRET") as error:
        check_secret(text, "FLOORLINE_SECRET")
    assert message in str(error.value)
    assert len(text) < 12 or text not in str(error.value)


def test_the_file_is_made_once_for_its_owner_alone(tmp_path):
    path = tmp_path / "secret"
    first = file_secret(path, os.urandom)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert file_secret(path, os.urandom) == first
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]


def test_of_many_that_make_it_at_once_all_have_the_same_one(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: file_secret(tmp_path / "secret", os.urandom), range(32)))
    assert len(made) == 1


def test_a_file_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "secret"
    path.write_text(GOOD)
    path.chmod(0o640)
    with pytest.raises(BadInput, match="can be read by others than its owner: chmod 600"):
        file_secret(path, os.urandom)


@pytest.mark.parametrize(("content", "message"), [(b"short", "has 5 characters"), (b"\xff" * 40, "is not text")])
def test_a_file_that_is_no_secret_is_refused_and_not_replaced(tmp_path, content, message):
    path = tmp_path / "secret"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(BadInput, match=message):
        file_secret(path, os.urandom)
    assert path.read_bytes() == content


def test_a_place_where_nothing_can_be_made_is_said(tmp_path):
    with pytest.raises(BadInput, match="cannot be made: No such file or directory; mend that, or set FLOORLINE_SECRET"):
        file_secret(tmp_path / "gone" / "secret", os.urandom)
