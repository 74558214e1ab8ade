"""The two C programs of the measurement: compiled once into the cache, run from there."""

import hashlib
import shutil
from pathlib import Path

from floorline.bench.gateway.processes import completed, last_line
from floorline.errors import BadInput

_SOURCES = Path(__file__).parent


def compiled(name: str, cache: Path) -> Path:
    """The program made from `name`.c; its file's name carries the source's hash, so that a change makes it anew."""
    source = _SOURCES / f"{name}.c"
    program = cache / f"{name}-{hashlib.sha256(source.read_bytes()).hexdigest()[:12]}"
    if program.exists():
        return program
    compiler = shutil.which("cc")
    if compiler is None:
        raise BadInput("bench gateway compiles its load generator and there is no C compiler `cc`: apt-get install gcc")
    cache.mkdir(parents=True, exist_ok=True)
    made = cache / f"{program.name}.new"
    done = completed([compiler, "-O2", "-o", str(made), str(source)])
    if done.returncode:
        raise BadInput(f"{source.name} does not compile with {compiler}: {last_line(done.stderr)}")
    made.rename(program)
    return program
