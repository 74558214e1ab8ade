"""Processes for tests that begin with Floorline imported: a starter forks for each, because importing takes longer than most
commands do.

    done = run("-m", "floorline", "keys", "list", env=environment(home), cwd=folder)
    process = start("-c", program, env=environment(home), cwd=folder, stdout=log)

What runs is a process as any other: its own pid, environment, folder and files, and it can be killed. The one starter of a
test process is made at the first use. `serve` starts its own processes as it does for users.
"""

import atexit
import gc
import io
import json
import os
import runpy
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import types
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, NoReturn

ROOT = Path(__file__).resolve().parents[2]
_REQUEST_BYTES_MAX = 1 << 20


class Started:
    """A process that the starter forked, as `subprocess.Popen` has it."""

    def __init__(self, connection: socket.socket, pid: int) -> None:
        self.pid, self.returncode = pid, None
        self._connection = connection

    def poll(self) -> int | None:
        """Its exit code, None while it runs."""
        return self._read(0)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended; minus the signal that ended it."""
        code = self._read(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _read(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            self._connection.settimeout(timeout)
            try:
                said = self._connection.recv(64)
            except (TimeoutError, BlockingIOError):
                return None
            self._connection.close()
            assert said, "the starter is gone"
            self.returncode = os.waitstatus_to_exitcode(int(said))
        return self.returncode


def start(
    *program: str,
    env: Mapping[str, str],
    cwd: Path,
    stdin: IO[bytes] | int = subprocess.DEVNULL,
    stdout: IO[bytes] | int = subprocess.DEVNULL,
    stderr: IO[bytes] | int = subprocess.DEVNULL,
) -> Started:
    """Begin `python *program` (`-m`, a module and arguments, or `-c`, a text and arguments) on open files."""
    with Path(os.devnull).open("r+b") as nothing:
        files = [nothing if file == subprocess.DEVNULL else file for file in (stdin, stdout, stderr)]
        numbers = [file if isinstance(file, int) else file.fileno() for file in files]
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(_starter())
        request = json.dumps({"program": program, "env": dict(env), "cwd": str(cwd)}).encode()
        socket.send_fds(connection, [request], numbers)
        return Started(connection, int(connection.recv(64)))


def run(*program: str, env: Mapping[str, str], cwd: Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """What `python *program` says, and its exit code, as `subprocess.run` has it."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = start(*program, env=env, cwd=cwd, stdout=out, stderr=err)
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess(program, code, *texts)


@cache
def _starter() -> str:
    """The socket of this test process's starter."""
    folder = tempfile.mkdtemp(prefix="floorline-starter-")
    path = f"{folder}/socket"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.starting", path],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}, stdin=subprocess.PIPE,
    )  # fmt: skip

    def end() -> None:
        process.communicate()
        shutil.rmtree(folder)

    atexit.register(end)
    deadline = time.monotonic() + 60
    while not Path(path).exists():
        assert process.poll() is None
        assert time.monotonic() < deadline, "the starter did not start in 60 s"
        time.sleep(0.02)
    return path


class _Server:
    """The starter: takes requests, forks, and tells how each ended. A process is told of by its own connection."""

    def __init__(self, path: str) -> None:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(f"{path}.new")
        self._listener.listen(64)
        Path(f"{path}.new").rename(path)  # whoever finds it is heard
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(0, selectors.EVENT_READ)

    def serve(self) -> tuple[list[str], str] | None:
        """Until the test process is gone: None. In a process that was forked: the program and folder to go on with."""
        while True:
            for ready, _ in self._selector.select():
                if ready.fd == 0:
                    self._end_left()
                    return None
                if ready.fileobj is self._listener:
                    begun = self._begin()
                    if begun is not None:
                        return begun
                else:
                    self._told_end(ready.fd, *ready.data)

    def _begin(self) -> tuple[list[str], str] | None:
        connection, _ = self._listener.accept()
        text, files, _, _ = socket.recv_fds(connection, _REQUEST_BYTES_MAX, 3)
        request = json.loads(text)
        pid = os.fork()
        if pid == 0:
            self._selector.close()
            self._listener.close()
            connection.close()
            _become(files, request["env"], request["cwd"])
            return request["program"], request["cwd"]
        for number in files:
            os.close(number)
        self._selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, connection))
        connection.send(str(pid).encode())
        return None

    def _end_left(self) -> None:
        """What a test that failed has not ended runs on for nobody."""
        for key in self._selector.get_map().values():
            if key.data is not None:
                os.kill(key.data[0], signal.SIGKILL)

    def _told_end(self, pidfd: int, pid: int, connection: socket.socket) -> None:
        _, status = os.waitpid(pid, 0)
        self._selector.unregister(pidfd)
        os.close(pidfd)
        with suppress(BrokenPipeError):  # nobody waits for it
            connection.send(str(status).encode())
        connection.close()


def _become(files: list[int], environment: Mapping[str, str], folder: str) -> None:
    """Take over what a process is given by whoever starts it."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.stdin, sys.stdout = io.TextIOWrapper(io.FileIO(0)), io.TextIOWrapper(io.FileIO(1, "w"))
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w"), line_buffering=True)


def _run(program: list[str], folder: str) -> NoReturn:
    """Run a program to its end, with the exit code that Python would give it. The interpreter is not taken down: to free
    what was imported copies it, and takes longer than most commands do.
    """
    code = 0
    try:
        _go_on(program, folder)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else stop.code is not None
        if not isinstance(stop.code, int | None):
            sys.stderr.write(f"{stop.code}\n")
    except BaseException:  # noqa: BLE001 - as Python ends whatever it runs
        traceback.print_exc()
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _go_on(program: list[str], folder: str) -> None:
    kind, what, *arguments = program
    sys.path[0] = folder
    if kind == "-m":
        sys.argv = [what, *arguments]
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.argv = ["-c", *arguments]
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(what, "<string>", "exec"), vars(main))


def _import_everything() -> None:
    """What commands and processes import, but for the engine: that has threads, which do not outlive a fork."""
    from floorline.cli import COMMANDS

    modules = {target.partition(":")[0] for target in COMMANDS.values()}
    for name in sorted(
        modules | {"alembic.command", "floorline.gateway.app", "floorline.jobs.control", "floorline.ledger.remote"}
    ):
        import_module(name)


def _main() -> None:
    _import_everything()
    gc.freeze()
    begun = _Server(sys.argv[1]).serve()
    if begun is not None:
        _run(*begun)


if __name__ == "__main__":
    _main()
