"""ClickHouse's HTTP interface over chDB in this process, as far as clickhouse-connect speaks it.

No server binary is needed to test the client's other half: statements, bound parameters, settings, inserts as a body.
Each request opens its own handle on the folder that chDB has open.
"""

import gzip
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import chdb
import lz4.frame
from chdb.state.sqlitelike import Connection

_TRANSPORT = frozenset(
    [
        "database",
        "query",
        "query_id",
        "session_id",
        "session_timeout",
        "session_check",
        "compress",
        "decompress",
        "buffer_size",
        "wait_end_of_query",
        "client_protocol_version",
        "role",
        "default_format",
        "enable_http_compression",
        "http_zlib_compression_level",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "user",
        "password",
        "quota_key",
    ]
)
_INSERT = re.compile(
    rb"\s*INSERT\s+INTO\s+(?P<target>.+?)\s+FORMAT\s+(?P<format>\w+)[ \t]*\n?", re.IGNORECASE | re.DOTALL
)
_FORMAT = re.compile(r"\s*FORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_CODE = re.compile(r"Code: (\d+)")
_DECODERS = {"": bytes, "gzip": gzip.decompress, "lz4": lz4.frame.decompress}
_NOT_FOUND = {"60", "81"}  # unknown table, unknown database


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: "ClickHouse"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self) -> None:
        url = urlsplit(self.path)
        body = self._body()
        if url.path == "/ping":
            self._reply(200, b"Ok.\n")
            return
        options = dict(parse_qsl(url.query, keep_blank_values=True))
        if self.headers.get("Content-Type", "").startswith("multipart/form-data"):
            options |= self._form(body)
            body = b""
        self.server.requests += 1
        try:
            data, written = self._run(options, body)
        except RuntimeError as error:
            code = match[1] if (match := _CODE.search(str(error))) else "1"
            self._reply(404 if code in _NOT_FOUND else 500, str(error).encode(), code=code)
        else:
            self._reply(200, data, written=written)

    def _body(self) -> bytes:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            body = b"".join(parts)
        encoding = self.headers.get("Content-Encoding", "")
        return _DECODERS[encoding](body)

    def _form(self, body: bytes) -> dict[str, str]:
        message = message_from_bytes(b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n" + body)
        return {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True).decode()
            for part in message.get_payload()
        }

    def _run(self, options: dict[str, str], body: bytes) -> tuple[bytes, str]:
        statement = options["query"].encode() + b"\n" + body if "query" in options else body
        with closing(chdb.connect(str(self.server.folder))) as handle:
            if options.get("database"):
                handle.query(f"USE `{options['database']}`")
            for name, value in options.items():
                if name not in _TRANSPORT and not name.startswith("param_"):
                    handle.query(f"SET {name} = '{value}'")
            if insert := _INSERT.match(statement):
                return self._insert(
                    handle, insert["target"].decode(), insert["format"].decode(), statement[insert.end() :]
                )
            sql = statement.decode()
            asked = _FORMAT.search(sql)
            written = (
                asked[1]
                if asked
                else options.get("default_format") or self.headers.get("X-ClickHouse-Format", "TabSeparated")
            )
            parameters = {name.removeprefix("param_"): v for name, v in options.items() if name.startswith("param_")}
            result = handle.query(_FORMAT.sub("", sql), written, params=parameters)
            return result.bytes() or b"", written

    def _insert(self, handle: Connection, target: str, written: str, data: bytes) -> tuple[bytes, str]:
        with tempfile.NamedTemporaryFile(prefix="floorline-http-") as file:
            file.write(data)
            file.flush()
            handle.query(f"INSERT INTO {target} FROM INFILE '{file.name}' FORMAT {written}")
        return b"", written

    def _reply(self, status: int, data: bytes, *, written: str = "TabSeparated", code: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-ClickHouse-Format", written)
        self.send_header("X-ClickHouse-Summary", "{}")
        if code:
            self.send_header("X-ClickHouse-Exception-Code", code)
        self.end_headers()
        self.wfile.write(data)


class ClickHouse(ThreadingHTTPServer):
    """A server over the chDB folder `folder`; `requests` counts what it answered."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.requests = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serve(folder: Path) -> Iterator[ClickHouse]:
    """A running server over `folder`, which this process may have open through chDB as well."""
    with closing(chdb.connect(str(folder))), ClickHouse(folder) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
