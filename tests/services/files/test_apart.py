"""A reader in a process of its own: its answer, its limits, and that nothing of it is left behind."""

import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from cli.processes import still_runs
from services.errors import InputError
from services.files import apart
from services.files.apart import ApartError, BusyError, PassingError, Reader, read_apart


@pytest.fixture(autouse=True)
def readers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The readers that misbehave, with small limits."""
    names = "echo eat sleep spin talk shout crash defect dig refuse garble half many"
    for name in names.split():
        reader = Reader(f"tests.hostile.readers:{name}", 256, 3, answer_megabytes=2)
        monkeypatch.setitem(apart.READERS, name, reader)
    read_apart("echo", b"", word="")  # from here on the process is there from which they are forked


def left() -> list[psutil.Process]:
    """The process that forks readers, and those of its readers that are still there, as zombies or otherwise."""
    ours = [each for each in psutil.Process().children() if still_runs(each)]
    forking = [each for each in ours if "services.files.apart_forks" in each.cmdline()]
    return [each for one in forking for each in (one, *one.children(recursive=True))]


def test_an_answer_comes_back_with_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUIXIAN_SMTP_PASSWORD", "secret")
    answer, blobs = read_apart("echo", b"\x00\xff\n{}", word="甲\n乙")
    assert answer == {"word": "甲\n乙", "secrets": []}
    assert blobs == [b"\x00\xff\n{}", b"", b"\x00\xff\n{}"]


def test_a_refusal_comes_back_as_it_was_raised() -> None:
    with pytest.raises(InputError, match=r"^第 3 行写错了。$"):
        read_apart("refuse", b"")


@pytest.mark.parametrize(
    ("reader", "told"),
    [
        ("eat", "太大或太复杂，读取它需要的内存超过 256 兆字节；请拆分成几个小一些的文件。"),
        ("dig", "太大或太复杂，读取它需要的内存超过 256 兆字节；请拆分成几个小一些的文件。"),
        ("sleep", "太大或太复杂，读取超过 3 秒仍未完成；请检查内容，或拆分成几个小一些的文件。"),
        ("spin", "太大或太复杂，读取超过 3 秒仍未完成；请检查内容，或拆分成几个小一些的文件。"),
        ("talk", "内容太多，读出来超过 2 兆字节；请拆分成几个小一些的文件。"),
        ("shout", "内容太多，读出来超过 2 兆字节；请拆分成几个小一些的文件。"),
        ("crash", "已损坏，或者大到需要的内存超过 256 兆字节；请用原来的软件打开检查，另存或拆分后再提交。"),
        ("defect", "已损坏，无法读取；请用原来的软件打开检查，另存后再提交。"),
        ("garble", "已损坏，无法读取；请用原来的软件打开检查，另存后再提交。"),
    ],
)
def test_what_is_over_a_limit_is_a_sentence_and_leaves_nothing_behind(reader: str, told: str) -> None:
    before, start = left(), time.monotonic()
    with pytest.raises(ApartError) as raised:
        read_apart(reader, b"x" * 100_000)
    assert str(raised.value) == told
    assert time.monotonic() - start < 30
    assert left() == before


@pytest.mark.parametrize("end", [{"code": 1}, {"code": 0}, {"by": signal.SIGSEGV}, {"by": signal.SIGBUS}])
def test_half_an_answer_is_none(end: dict[str, int]) -> None:
    with pytest.raises(ApartError, match=r"^已损坏，无法读取；"):
        read_apart("half", b"", **end)


def test_a_whole_answer_of_a_reader_that_then_failed_is_none() -> None:
    with pytest.raises(ApartError, match=r"^已损坏，无法读取；"):
        read_apart("half", b"", code=1, written=100)


@pytest.mark.parametrize(
    ("by", "kind", "told"),
    [
        (signal.SIGXCPU, ApartError, "太大或太复杂，读取超过 3 秒仍未完成；"),
        (signal.SIGKILL, PassingError, "读到一半被系统终止，多半是服务器内存不足；请过一会儿再试"),
    ],
)
def test_who_ended_a_reader_is_told_apart(by: int, kind: type[ApartError], told: str) -> None:
    with pytest.raises(ApartError, match=f"^{told}") as raised:
        read_apart("half", b"", by=by)
    assert type(raised.value) is kind


@pytest.mark.parametrize("full", [1, 2], ids=["the answer", "the request"])
def test_a_full_disk_is_not_told_as_a_damaged_file(monkeypatch: pytest.MonkeyPatch, full: int) -> None:
    made, asked = tempfile.TemporaryFile, []

    def file(**options: Any) -> Any:
        asked.append(options)
        return Path("/dev/full").open("r+b", 0) if len(asked) == full else made(**options)

    monkeypatch.setattr(tempfile, "TemporaryFile", file)
    with pytest.raises(PassingError, match=r"^读取时要写的内容写不下，服务器的磁盘可能已满；"):
        read_apart("many", b"")
    assert len(asked) == 2


def test_what_failed_in_a_reader_is_logged_without_what_the_file_says(caplog: pytest.LogCaptureFixture) -> None:
    for reader, options in (("defect", {}), ("half", {"code": 3})):
        with pytest.raises(ApartError):
            read_apart(reader, b"", **options)
    failed, ended = caplog.messages
    assert re.fullmatch(r"the reader tests\.hostile\.readers:defect failed: 'KeyError, .*readers\.py:\d+'", failed)
    assert ended == "the reader tests.hostile.readers:half ended with 3"
    assert "/secret/path" not in caplog.text


def test_a_reader_that_nobody_can_end_ends_by_itself() -> None:
    """The limit of processor time holds without anybody who waits."""
    command = "from services.files.apart_worker import main; main('tests.hostile.readers:spin', 256, 1, 2)"
    process = subprocess.Popen([sys.executable, "-c", command], stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"{}\n")
    process.stdin.close()
    assert process.wait(60) == -signal.SIGXCPU


def test_when_the_caller_is_gone_so_are_its_readers() -> None:
    command = "from services.files.apart import *; READERS['sleep'] = Reader('tests.hostile.readers:sleep', 256, 600)"
    caller = subprocess.Popen([sys.executable, "-c", f"{command}; read_apart('sleep', b'')"])
    until(lambda: len(psutil.Process(caller.pid).children(recursive=True)) == 2)
    started = psutil.Process(caller.pid).children(recursive=True)
    caller.kill()
    caller.wait()
    gone, _ = psutil.wait_procs(started, 30)
    assert len(gone) == 2


def test_the_process_that_forks_readers_is_started_anew() -> None:
    (forks,) = left()
    forks.kill()
    assert read_apart("echo", b"", word="甲")[0]["word"] == "甲"
    assert forks not in left()


def test_a_reader_that_is_lost_again_and_again_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(apart.READERS, "parricide", Reader("tests.hostile.readers:parricide", 256, 3))
    with pytest.raises(PassingError, match=r"^读到一半被系统终止"):
        read_apart("parricide", b"")


def test_a_reader_has_nothing_open_but_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(apart.READERS, "opened", Reader("tests.hostile.readers:opened", 256, 3))
    other = threading.Thread(target=_ended, args=("sleep",))
    other.start()
    until(lambda: len(left()) == 2)
    assert read_apart("opened", b"")[0] == [0, 1, 2]
    other.join()


def test_nobody_asks_for_long() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = f"from services.files import apart_forks as it; it._IDLE_SECONDS = 0.1; it.main('{theirs.fileno()}')"
    with ours, theirs:
        assert subprocess.run([sys.executable, "-c", command], pass_fds=[theirs.fileno()], timeout=60).returncode == 0


def until(holds: Callable[[], bool]) -> None:
    """Wait until it does."""
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_no_more_run_at_once_than_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_PATIENCE_SECONDS", 0.2)
    monkeypatch.setitem(apart.READERS, "slow", Reader("tests.hostile.readers:sleep", 256, 3, apart.Size.LARGE))
    held = [threading.Thread(target=_ended, args=("slow",)) for _ in range(2)]
    for thread in held:
        thread.start()
    time.sleep(0.5)
    with pytest.raises(BusyError, match="暂时读不了，服务器正在读取别的文件；请过一会儿再试。"):
        read_apart("slow", b"")
    for thread in held:
        thread.join()
    with pytest.raises(ApartError, match="超过 3 秒"):
        read_apart("slow", b"")


def _ended(reader: str) -> None:
    with pytest.raises(ApartError):
        read_apart(reader, b"")
