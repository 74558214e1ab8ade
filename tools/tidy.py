"""Rules of our own, beside ruff, pyright and import-linter. Each finding is one line; any finding fails the build.

Run by `make lint`. A rule reads parsed source, so that a string or a comment never trips it by accident.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FUNCTION_LINES_MAX = 70
MODULE_LINES_MAX = 600
MONEY_PACKAGES = (
    "errors",
    "money",
    "events",
    "query",
    "pricing",
    "margin",
    "alerts",
    "reviews",
    "backlog",
    "prompts",
    "charts",
    "delivery",
    "ledger",
    "ingest",
    "jobs",
    "config",
    "wiring",
)
CORE_PACKAGES = (
    "errors",
    "money",
    "clock",
    "events",
    "query",
    "pricing",
    "proof",
    "margin",
    "alerts",
    "reviews",
    "backlog",
    "prompts",
    "charts",
    "evals",
)
UNTYPED_DICTS_ALLOWED = ("ingest", "pricing/usage")
BROAD_EXCEPTS_ALLOWED = (
    "gateway/server",  # the request edge
    "web/answering",  # the same of the dashboard
    "gateway/capturing",  # the user's hook
    "jobs/scheduler",  # the job loop
    "delivery/outbox",  # channels that are plugins
    "gateway/semantic/workers",  # the same drivers at work
    "wiring/embedders",  # drivers that raise what they like at a file
)
CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")}
IMPURE_MODULES = {"random", "secrets", "time", "uuid"}
FORBIDDEN_TEXT = re.compile(
    r"files\.pythonhosted\.org|pypi\.org/simple|registry\.npmjs\.org|/work/|\bTODO\b|\bFIXME\b|\bXXX\b|NotImplementedError|pragma: no cover"
)


@dataclass(frozen=True, slots=True)
class Source:
    """One parsed module: `name` is its path below src/floorline without the suffix."""

    path: Path
    name: str
    text: str
    tree: ast.Module


def read(path: Path, package: Path) -> Source:
    """The module at `path`, parsed."""
    text = path.read_text()
    return Source(path, path.relative_to(package).with_suffix("").as_posix(), text, ast.parse(text))


def within(source: Source, packages: tuple[str, ...]) -> bool:
    """Whether the module is one of `packages` or below one."""
    return any(source.name == name or source.name.startswith(f"{name}/") for name in packages)


def long_functions(source: Source) -> Iterator[str]:
    """A function fits a screen."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{node.lineno}: {node.name} has {lines} lines, at most {FUNCTION_LINES_MAX}: split it by what its parts do"


def long_modules(source: Source) -> Iterator[str]:
    """A module is one noun."""
    lines = source.text.count("\n")
    if lines > MODULE_LINES_MAX:
        yield f"1: {lines} lines, at most {MODULE_LINES_MAX}: make a package of it"


def floats_near_money(source: Source) -> Iterator[str]:
    """Money is Decimal and tokens are int: neither the type, nor a call of it, nor a literal."""
    if not within(source, MONEY_PACKAGES):
        return
    waived = {n for n, line in enumerate(source.text.splitlines(), 1) if "# float: " in line}
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Name | ast.Constant) or node.lineno in waived:
            continue
        if (isinstance(node, ast.Name) and node.id == "float") or (
            isinstance(node, ast.Constant) and isinstance(node.value, float)
        ):
            yield f"{node.lineno}: a float near money: use Decimal or int (or say why it is not money: `# float: reason`)"


def broad_excepts(source: Source) -> Iterator[str]:
    """`except Exception` belongs to the request edge, the job loop and the plugin call; a handler that re-raises is cleanup."""
    if source.name in BROAD_EXCEPTS_ALLOWED:
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = ast.unparse(node.type) if node.type else "everything"
        if caught not in {"everything", "Exception", "BaseException"}:
            continue
        last = node.body[-1]
        if not (isinstance(last, ast.Raise) and last.exc is None):
            yield f"{node.lineno}: catches {caught}: name what can fail"


def clock_or_random_in_core(source: Source) -> Iterator[str]:
    """Time, randomness and state are arguments of the core."""
    if not within(source, CORE_PACKAGES):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            for module in IMPURE_MODULES.intersection(modules):
                yield f"{node.lineno}: the core imports {module}: take it as an argument"
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and (node.value.id, node.attr) in CLOCKS
        ):
            yield f"{node.lineno}: the core reads the clock: take `now` as an argument"


def untyped_dicts(source: Source) -> Iterator[str]:
    """`dict[str, Any]` only where foreign JSON is read."""
    if within(source, UNTYPED_DICTS_ALLOWED):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Subscript) and ast.unparse(node) in {"dict[str, Any]", "Mapping[str, Any]"}:
            yield f"{node.lineno}: {ast.unparse(node)}: name the fields"


def sql_in_python(source: Source) -> Iterator[str]:
    """SQL lives in .sql files with a name and a comment."""
    if not within(source, ("margin", "jobs", "ingest", "cli")):
        return
    for node in ast.walk(source.tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.match(r"\s*(SELECT|INSERT INTO|WITH)\s", node.value)
        ):
            yield f"{node.lineno}: SQL in Python: put it into a .sql file"


def waivers_without_reason(source: Source) -> Iterator[str]:
    """A lint exception carries its reason on the same line."""
    for number, line in enumerate(source.text.splitlines(), 1):
        match = re.search(r"#\s*(noqa|type: ignore|pyright: ignore)\b[^#]*$", line)
        if match and not re.search(r"(noqa(: [A-Z0-9, ]+)?|ignore(\[[\w, ]+\])?)\s*[-–—]\s*\S", line[match.start() :]):
            yield f"{number}: a waiver without its reason: write `# noqa: RULE - why`"


RULES: tuple[Callable[[Source], Iterator[str]], ...] = (
    long_functions,
    long_modules,
    floats_near_money,
    broad_excepts,
    clock_or_random_in_core,
    untyped_dicts,
    sql_in_python,
    waivers_without_reason,
)


def check_source(source: Source) -> list[str]:
    """Every finding of every rule in one module."""
    return [f"{source.path}:{finding}" for rule in RULES for finding in rule(source)]


def forbidden_text(path: Path) -> list[str]:
    """Index hosts, machine paths and marks of unfinished work have no place in a tracked file."""
    try:
        lines = path.read_text().splitlines()
    except UnicodeDecodeError:
        return []
    return [
        f"{path}:{n}: {match[0]!r} must go" for n, line in enumerate(lines, 1) if (match := FORBIDDEN_TEXT.search(line))
    ]


def undocumented(root: Path) -> list[str]:
    """Commands, their options, settings and environment variables that no page of docs/ mentions."""
    import click  # noqa: PLC0415 - only this rule needs the package itself

    from floorline.cli import COMMANDS, floorline  # noqa: PLC0415 - as above
    from floorline.config import SETTINGS  # noqa: PLC0415 - as above
    from floorline.wiring import ENVIRONMENT  # noqa: PLC0415 - as above

    pages = "\n".join(page.read_text() for page in sorted(root.glob("docs/*.md")))
    findings: list[str] = []

    def walk(command: click.Command, name: str) -> None:
        if f"floorline {name}" not in pages:
            findings.append(f"docs/: the command `floorline {name}` is not documented")
        for parameter in command.params:
            for flag in parameter.opts if isinstance(parameter, click.Option) else ():
                if flag.startswith("--") and f"{flag}" not in pages:
                    findings.append(f"docs/: `floorline {name}` has {flag}, which is not documented")
        if isinstance(command, click.Group):
            for child, sub in command.commands.items():
                walk(sub, f"{name} {child}")

    context = click.Context(floorline)
    for name in COMMANDS:
        command = floorline.get_command(context, name)
        assert command is not None
        walk(command, name)
    findings += [f"docs/: the setting `{s.name}` is not documented" for s in SETTINGS if f"`{s.name}`" not in pages]
    findings += [f"docs/: the variable `{v.name}` is not documented" for v in ENVIRONMENT if f"`{v.name}`" not in pages]
    return findings


def tracked(root: Path) -> list[Path]:
    """The files that a rule about text reads: sources, tests, docs and the build's own files."""
    patterns = (
        "src/**/*.py",
        "src/**/*.sql",
        "src/**/*.c",
        "tests/**/*.py",
        "docs/**/*.md",
        "tools/*.py",
        "*.md",
        "*.toml",
        "Makefile",
        "requirements.lock",
        ".ci/run",
    )
    return [
        path
        for pattern in patterns
        for path in sorted(root.glob(pattern))
        if path.name not in {"tidy.py", "test_tidy.py"}
    ]


def main() -> int:
    """Print every finding; 1 when there is one."""
    package = ROOT / "src" / "floorline"
    findings = [finding for path in sorted(package.rglob("*.py")) for finding in check_source(read(path, package))]
    findings += [finding for path in tracked(ROOT) for finding in forbidden_text(path)]
    findings += undocumented(ROOT)
    for finding in findings:
        print(finding.replace(f"{ROOT}/", ""))
    print(f"tidy: {len(findings)} findings" if findings else "tidy: nothing to mend")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
