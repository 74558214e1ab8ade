"""Where files are looked for, and what a broken one does."""

import stat
from pathlib import Path

import pytest

from floorline import wiring
from floorline.config import Config
from floorline.errors import BadConfig, BadInput
from floorline.gateway.policy import GatewayPolicy
from floorline.pricing.version import PriceVersion

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder and no environment of Floorline's."""
    for variable in wiring.ENVIRONMENT:
        monkeypatch.delenv(variable.name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_nothing_configured_is_the_defaults():
    assert wiring.config_path() is None
    assert wiring.load_config() == Config()
    assert wiring.home() == Path(".floorline")


def test_the_file_is_the_named_one_then_the_variable_then_here_then_home(empty, monkeypatch):
    in_home = empty / "home" / "floorline.yaml"
    in_home.parent.mkdir()
    in_home.write_text("")
    monkeypatch.setenv("FLOORLINE_HOME", str(in_home.parent))
    assert wiring.config_path() == in_home
    Path("floorline.yaml").write_text("")
    assert wiring.config_path() == Path("floorline.yaml")
    monkeypatch.setenv("FLOORLINE_CONFIG", "other.yaml")
    assert wiring.config_path() == Path("other.yaml")
    assert wiring.config_path(Path("mine.yaml")) == Path("mine.yaml")


def test_a_file_that_is_named_must_exist(monkeypatch):
    monkeypatch.setenv("FLOORLINE_CONFIG", "gone.yaml")
    with pytest.raises(BadConfig, match=r"gone\.yaml: cannot be read: No such file"):
        wiring.load_config()


def test_every_problem_is_in_the_one_error():
    Path("floorline.yaml").write_text("timezon: UTC\nplanss: {}\n")
    with pytest.raises(BadConfig) as error:
        wiring.load_config()
    assert str(error.value) == (
        "floorline.yaml:1:1: unknown setting `timezon`: did you mean `timezone`?\n"
        "floorline.yaml:2:1: unknown setting `planss`: did you mean `plans`?"
    )
    assert error.value.exit_code == 2


def test_home_is_its_owners_alone(monkeypatch):
    monkeypatch.setenv("FLOORLINE_HOME", "deep/home")
    assert stat.S_IMODE(wiring.make_home().stat().st_mode) == 0o700


def test_a_home_that_cannot_be_made_is_said(monkeypatch):
    Path("file").write_text("")
    monkeypatch.setenv("FLOORLINE_HOME", "file/home")
    with pytest.raises(BadInput, match="file/home cannot be made: Not a directory; name another folder"):
        wiring.make_home()


def test_the_litellm_file_stands_beside_the_configuration():
    Path("conf").mkdir()
    path = Path("conf/floorline.yaml")
    path.write_text("litellm_file: litellm.json\n")
    Path("conf/litellm.json").write_text(
        '{"newlab/one": {"litellm_provider": "newlab", "input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05}}'
    )
    book, warnings = wiring.load_book(wiring.load_config(path))
    found = book.resolve("newlab", "one", wiring.now())
    assert isinstance(found, PriceVersion)
    assert (found.source, warnings) == ("litellm", [])


def test_a_litellm_file_that_is_not_there_is_said():
    Path("floorline.yaml").write_text("litellm_file: gone.json\n")
    with pytest.raises(BadInput, match=r"gone\.json: cannot be read: No such file"):
        wiring.load_book(wiring.load_config())


def test_a_litellm_file_that_is_not_text_is_said():
    Path("floorline.yaml").write_text("litellm_file: l.json\n")
    Path("l.json").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match=r"l\.json is not UTF-8 text"):
        wiring.load_book(wiring.load_config())


def test_a_file_that_is_far_too_large_is_not_read():
    with Path("floorline.yaml").open("wb") as file:
        file.truncate(1 << 32)
    with pytest.raises(BadConfig, match="is larger than 1048576 bytes: is it the right file"):
        wiring.load_config()


def test_every_variable_is_documented():
    page = (DOCS / "configuration.md").read_text()
    for variable in wiring.ENVIRONMENT:
        assert f"| `{variable.name}` | {variable.doc} |" in page


def test_the_hook_is_loaded_by_its_name_and_a_wrong_one_is_refused(empty, monkeypatch):
    def hook(name: str):
        return wiring.load_hook(Config(gateway=GatewayPolicy(redact=name)))

    (empty / "our_privacy.py").write_text("def redact(feature, side, content):\n    return content.upper()\nno = 3\n")
    monkeypatch.syspath_prepend(empty)
    assert hook("") is None
    assert hook("our_privacy:redact")("f", "request", b"a") == b"A"
    for name, why in (
        ("our_privacy:gone", "has no attribute 'gone'"),
        ("no_such_module:f", "No module named 'no_such_module'"),
        ("our_privacy:no", "is no function"),
    ):
        with pytest.raises(BadInput, match=rf"gateway\.redact '{name}' .*{why}"):
            hook(name)


def test_a_folder_that_is_open_to_others_is_refused_where_only_its_owner_may(empty, monkeypatch):
    monkeypatch.setenv("FLOORLINE_HOME", str(empty / "home"))
    assert wiring.guarded_home() == empty / "home"
    (empty / "home").chmod(0o750)
    with pytest.raises(BadInput, match=r"open to others than its owner: chmod 700"):
        wiring.guarded_home()
    assert wiring.actor()
