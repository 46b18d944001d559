"""Child processes: started in groups of their own with a log each, and stopped with all that they started in turn."""

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from uuid import uuid4

import psutil

from config.settings import ROOT
from services.errors import ServiceError

_MARK = "DUIXIAN_PARTS"
_PATIENCE = 10  # seconds between SIGTERM and SIGKILL
_TAIL = 15
_OFTEN, _LATELY = 5, 600.0  # a part that ends so often within so many seconds needs somebody to look


class PartError(ServiceError):
    """A part did not come up, or ended by itself. The text is Chinese and ends with the last lines of its log."""


@dataclass
class Child:
    """One started part; `name` is what the user reads. `ends` are when it ended by itself (seconds, monotonic)."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    command: Sequence[str]
    environ: Mapping[str, str]
    ends: list[float] = field(default_factory=list)

    def tail(self) -> str:
        """The last lines of its log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_TAIL:])


class Family:
    """The children that one command started.

    Each gets a mark in its environment that its own children inherit, so that stopping finds every process of the
    family, also one whose parent is gone, and none of anybody else's.
    """

    def __init__(self, logs: Path, environ: Mapping[str, str]) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._mark = uuid4().hex
        self._environ = {**environ, _MARK: self._mark}
        self._children: list[Child] = []

    def start(self, name: str, log: str, command: Sequence[str], environ: Mapping[str, str] | None = None) -> Child:
        """Start a part that is to run until it is stopped."""
        child = self._start(name, log, command, environ or {})
        self._children.append(child)
        return child

    def run(self, name: str, log: str, command: Sequence[str], environ: Mapping[str, str] | None = None) -> None:
        """Run a command to its end. Raises PartError when it fails, or when a part ends meanwhile."""
        child = self._start(name, log, command, environ or {})
        while child.process.poll() is None:
            self.check()
            time.sleep(0.1)
        if child.process.returncode:
            raise PartError(f"{name}失败（退出码 {child.process.returncode}），日志 {child.log}：\n{child.tail()}")

    def check(self) -> None:
        """Raise PartError when a part has ended by itself."""
        for child in self._children:
            if child.process.poll() is not None:
                raise PartError(_ended(child))

    def revive(self) -> list[str]:
        """Start each part again that has ended by itself. Sentences that say so.

        Raises PartError for one that does so again and again.
        """
        told = []
        for child in self._children:
            if child.process.poll() is None:
                continue
            now = time.monotonic()
            child.ends = [each for each in child.ends if now - each < _LATELY] + [now]
            if len(child.ends) > _OFTEN:
                raise PartError(_ended(child))
            told.append(f"{child.name}意外停止（退出码 {child.process.returncode}），已重新启动，日志 {child.log}")
            child.process = self._open(child.log, "ab", child.command, child.environ)
        return told

    def stop(self) -> None:
        """Stop everything that was started, the newest part first: asked with SIGTERM, then killed."""
        asked = [process for child in reversed(self._children) for process in _stop(child.process)]
        left = self._left_behind()
        _signal_groups([process.pid for process in left], signal.SIGKILL)
        _wait_for([*asked, *left])
        self._children.clear()

    def _start(self, name: str, log: str, command: Sequence[str], environ: Mapping[str, str]) -> Child:
        path = self._logs / f"{log}.log"
        return Child(name, self._open(path, "wb", command, environ), path, command, environ)

    def _open(
        self, log: Path, mode: Literal["wb", "ab"], command: Sequence[str], environ: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        with log.open(mode) as output:
            return subprocess.Popen(
                command,
                cwd=ROOT,
                env={**self._environ, **environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _left_behind(self) -> list[psutil.Process]:
        """Processes with our mark whose parent has not taken them along."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(_MARK) == self._mark:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found


def _ended(child: Child) -> str:
    return f"{child.name}意外停止（退出码 {child.process.returncode}），日志 {child.log}：\n{child.tail()}"


def _stop(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Stop one part; its descendants, which may be in groups of their own, are asked to end, and given back."""
    descendants = _descendants(process.pid)
    family = [process.pid, *(each.pid for each in descendants)]
    _signal_groups(family, signal.SIGTERM)
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        _signal_groups(family, signal.SIGKILL)
        process.wait()
    return descendants


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _wait_for(processes: Iterable[psutil.Process]) -> None:
    """Wait until they have ended; whether somebody has asked how does not matter, for they are no children of ours."""
    until = time.monotonic() + _PATIENCE
    while any(still_runs(process) for process in processes) and time.monotonic() < until:
        time.sleep(0.01)


def still_runs(process: psutil.Process) -> bool:
    """Whether a process is at work: one that ended is listed until its parent, or the first process, has asked."""
    try:
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal_groups(pids: Iterable[int], number: signal.Signals) -> None:
    groups = set()
    for pid in pids:
        with suppress(ProcessLookupError):
            groups.add(os.getpgid(pid))
    for group in groups - {os.getpgrp()}:
        with suppress(ProcessLookupError):
            os.killpg(group, number)
