"""The process from which readers are forked: it has loaded what they need, and never sees what they read.

Both ends of it: `Forks` is ours, `main` is `python -m services.files.apart_forks`. It is asked by a message with three
descriptors: the request, the answer, and a socket on which it tells the return code. Who shuts that socket has the
reader killed; when whoever started it is gone, so is it. Why: see docs/decisions/0033-readers-are-forks.md.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO

from services.files import apart_worker

_ROOT = Path(__file__).resolve().parents[2]
_MESSAGE = 4096  # bytes, more than a question has
_DESCRIPTORS = 3
_IDLE_SECONDS = 600  # it holds some 80 MB
_CODE = 8  # bytes


@dataclass(frozen=True)
class _Process:
    """The process, and the socket on which it is asked."""

    popen: subprocess.Popen[bytes]
    control: socket.socket


class Forks:
    """Runs readers; its process is started when it is needed, and anew when it is gone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: _Process | None = None

    def run(self, function: str, limits: tuple[int, int, int], asked: IO[bytes], told: IO[bytes]) -> int | None:
        """The return code of a reader, negative for a signal; None when its process was gone before it told one.

        `limits` are megabytes, seconds, megabytes of the answer. Raises TimeoutError, when the reader has been killed.
        """
        process = self._there()
        ours, theirs = socket.socketpair()
        with ours:
            try:
                with theirs:
                    question = json.dumps([function, *limits]).encode()
                    descriptors = [asked.fileno(), told.fileno(), theirs.fileno()]
                    socket.send_fds(process.control, [question], descriptors)
                return _waited(ours, limits[1])
            except TimeoutError:
                raise
            except OSError:  # also of a socket that another thread has closed, because the process is gone
                self._lost(process)
                return None

    def close(self) -> None:
        """End the process, and what it runs; the next question starts it anew."""
        with self._lock:
            if self._process is not None:
                self._process.control.close()
                self._process.popen.wait()
                self._process = None

    def _there(self) -> _Process:
        with self._lock:
            self._process = self._process or _started()
            return self._process

    def _lost(self, process: _Process) -> None:
        with self._lock:
            if self._process is process:  # nobody else has found it out
                self._process = None
                process.control.close()
                process.popen.kill()
                process.popen.wait()


def _started() -> _Process:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-m", __name__, str(theirs.fileno())]
        nothing = subprocess.DEVNULL
        popen = subprocess.Popen(
            command,
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            pass_fds=[theirs.fileno()],
            cwd=_ROOT,
            env=_environment(),
            start_new_session=True,  # whoever interrupts us by the keyboard does not interrupt it
        )
    return _Process(popen, ours)


def _waited(reply: socket.socket, seconds: int) -> int:
    """The code, when it comes; at the end of the time the reader is killed, and TimeoutError raised."""
    reply.settimeout(seconds)
    try:
        return _code(reply)
    except TimeoutError:
        reply.settimeout(None)
        reply.shutdown(socket.SHUT_WR)
        _code(reply)
        raise


def _code(reply: socket.socket) -> int:
    told = reply.recv(_CODE)
    if not told:
        raise ConnectionResetError
    return int(told)


def _environment() -> dict[str, str]:
    """What readers may know: no password of ours is in it."""
    known = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR", "HOME") if name in os.environ}
    threads = str(apart_worker.THREADS)
    return {**known, "POLARS_MAX_THREADS": threads, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}


def main(control: str) -> None:
    """Fork readers until nobody asks any more."""
    with _Serving(socket.socket(fileno=int(control))) as serving:
        while serving.step():
            pass


class _Serving:
    """The loop, and who waits for which reader."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._waiting: dict[int, socket.socket] = {}
        self._woken, self._wakes = socket.socketpair()
        for each in (self._woken, self._wakes):
            each.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)

    def __enter__(self) -> _Serving:
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakes.fileno())
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self._waiting:
            os.kill(pid, signal.SIGKILL)

    def step(self) -> bool:
        """Do what there is to do; False when nothing will come any more."""
        ready = [key.fileobj for key, _ in self._selector.select(None if self._waiting else _IDLE_SECONDS)]
        if self._woken in ready:
            self._reap()
        for pid, reply in self._waiting.items():
            if reply in ready:  # it says nothing, so it was shut
                os.kill(pid, signal.SIGKILL)
                self._selector.unregister(reply)
        return bool(ready) and (self._control not in ready or self._take())

    def _reap(self) -> None:
        with suppress(BlockingIOError):
            self._woken.recv(_MESSAGE)
        for pid in list(self._waiting):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._tell(self._waiting.pop(pid), os.waitstatus_to_exitcode(status))

    def _tell(self, reply: socket.socket, code: int) -> None:
        with suppress(KeyError):  # it was shut
            self._selector.unregister(reply)
        with reply, suppress(ConnectionError):
            reply.send(str(code).encode())

    def _take(self) -> bool:
        question, descriptors, _, _ = socket.recv_fds(self._control, _MESSAGE, _DESCRIPTORS)
        if not question:
            return False
        function, *limits = json.loads(question)
        with suppress(Exception):  # the reader meets it again, and tells
            import_module(function.partition(":")[0])
        gc.freeze()
        asked, told, reply = descriptors
        pid = os.fork()
        if pid == 0:
            _become(asked, told, function, limits)
        os.close(asked)
        os.close(told)
        self._waiting[pid] = socket.socket(fileno=reply)
        self._selector.register(self._waiting[pid], selectors.EVENT_READ)
        return True


def _become(asked: int, told: int, function: str, limits: list[int]) -> None:
    """Be the reader, with nothing open but what it was given."""
    code = os.EX_SOFTWARE
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(asked, 0)
        os.dup2(told, 1)
        _close_all_but_three()
        code = apart_worker.main(function, *limits)
    finally:
        os._exit(code)


def _close_all_but_three() -> None:
    """All that is open but 0, 1 and 2. On older kernels `os.closerange` tries each of up to a thousand million."""
    opened = {int(each.name) for each in Path("/proc/self/fd").iterdir()}
    for each in opened - {0, 1, 2}:
        with suppress(OSError):  # that of the listing itself
            os.close(each)


if __name__ == "__main__":
    main(sys.argv[1])
