"""Every metric and every header has its line in the documentation, and none there is made up."""

import re
from pathlib import Path

from floorline.gateway.attribution import FIELDS
from floorline.gateway.metrics import FAMILIES

ROOT = Path(__file__).resolve().parents[2]
HEADER = re.compile(r"x-floorline-[a-z]+(?:-[a-z]+)*")


def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text()


def test_every_metric_is_documented_with_its_kind_and_labels() -> None:
    rows = {
        cells[1].strip("` "): (cells[2].strip(), cells[3].strip())
        for line in page("metrics").partition("## The control process")[0].splitlines()
        if line.startswith("| `floorline_") and (cells := line.split("|"))
    }
    assert rows == {name: (family.kind, ", ".join(family.labels)) for name, family in FAMILIES.items()}


def test_every_header_of_the_source_is_documented_and_no_other() -> None:
    named = {
        header
        for path in (ROOT / "src" / "floorline" / "gateway").rglob("*.py")
        for header in HEADER.findall(path.read_text())
    }
    fields = {f"x-floorline-{field.replace('_', '-')}" for field in FIELDS}
    assert set(HEADER.findall(page("headers"))) == named | fields


def test_the_pages_are_linked_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    for name in ("gateway", "headers", "metrics"):
        assert f"(docs/{name}.md)" in readme


def test_every_kind_of_refusal_is_documented() -> None:
    source = ROOT / "src" / "floorline" / "gateway"
    kinds = {
        kind
        for name in ("admission.py", "pipeline.py", "wire/body.py")
        for kind in re.findall(
            r'kind="([a-z_0-9]+)"|_refused\(\s*call,\s*\d+,\s*"([a-z_]+)"', (source / name).read_text()
        )
        for kind in kind
        if kind
    }
    assert {kind for kind in kinds if f"`{kind}`" not in page("gateway")} == set()
