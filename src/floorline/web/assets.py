"""What browsers fetch once: our styles and scripts, and the charts' runtime. An address has its content's hash in it, so that
it is kept for ever and a new version is another address.

The runtime is Vega's, bundled by vl-convert on this machine the first time and kept in FLOORLINE_HOME/web.
"""

import hashlib
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib import metadata, resources
from pathlib import Path
from typing import NamedTuple

from floorline.ledger.files import put_file
from floorline.web.http import Asked, Page, Refused, Route
from floorline.web.packing import packed

PATH = "/static/"
VEGA = "vega.js"
_QUALITY = 9
_KINDS = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_MAKE = "import sys, vl_convert; sys.stdout.buffer.write(vl_convert.javascript_bundle().encode())"
_MAKE_S = 120
_FOR_EVER = ("cache-control", "public, max-age=31536000, immutable")


class _Asset(NamedTuple):
    body: bytes
    packed: bytes
    kind: str


class Assets:
    """Every file that pages refer to. `folder` is where the runtime is kept once it is made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        files = {one.name: one.read_bytes() for one in _static().iterdir() if one.name.rpartition(".")[2] in _KINDS}
        self._known: dict[str, Callable[[], _Asset]] = {}
        self._addresses: dict[str, str] = {}
        self._making = threading.Lock()
        self._runtime: _Asset | None = None
        for name, content in files.items():
            asset = _Asset(content, packed(content, _QUALITY), _KINDS[name.rpartition(".")[2]])
            self._add(name, hashlib.sha256(content).hexdigest()[:16], lambda asset=asset: asset)
        self._add(VEGA, metadata.version("vl-convert-python").replace(".", "-"), self._vega)

    def address(self, name: str) -> str:
        """Where a file is had."""
        return self._addresses[name]

    def prepare(self) -> None:
        """Make the runtime if it is not there yet: about two seconds."""
        self._vega()

    def route(self) -> Route:
        """Where all of them are had."""
        return Route(method="GET", path=f"{PATH}{{file}}", rule="open", answer=self._answer)

    def _add(self, name: str, version: str, asset: Callable[[], _Asset]) -> None:
        stem, _, kind = name.rpartition(".")
        address = f"{PATH}{stem}.{version}.{kind}"
        self._addresses[name] = address
        self._known[address] = asset

    def _answer(self, asked: Asked) -> Page:
        known = self._known.get(asked.path)
        if known is None:
            raise Refused(404, "not_found", f"there is no {asked.path[:200]}: load the page again")
        asset = known()
        headers = [_FOR_EVER, ("vary", "accept-encoding")]
        if "br" in asked.header("accept-encoding"):
            return Page(200, asset.kind, asset.packed, [*headers, ("content-encoding", "br")])
        return Page(200, asset.kind, asset.body, headers)

    def _vega(self) -> _Asset:
        """The charts' runtime: made by whoever asks first, waited for by everybody else who wants it, and by nobody else."""
        with self._making:
            if self._runtime is None:
                path = self._folder / f"vega-{metadata.version('vl-convert-python')}.js"
                if not path.is_file():
                    self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                    put_file(path, _bundle())
                body = path.read_bytes()
                self._runtime = _Asset(body, packed(body, _QUALITY), _KINDS["js"])
            return self._runtime


def _static() -> Path:
    with resources.as_file(resources.files("floorline.web").joinpath("static")) as folder:
        return folder


def _bundle() -> bytes:
    """The runtime. A process of its own makes it: a whole JavaScript engine takes a process's lock for seconds, and its memory for ever."""
    made = subprocess.run([sys.executable, "-c", _MAKE], capture_output=True, check=False, timeout=_MAKE_S)  # noqa: S603 - our own words
    if made.returncode:
        raise Refused(
            503, "unavailable", f"the charts' runtime could not be made: {made.stderr.decode(errors='replace')[-300:]}"
        )
    return made.stdout
