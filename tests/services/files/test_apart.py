"""A reader in a process of its own: its answer, its limits, and that nothing of it is left behind."""

import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import pytest

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


def left() -> list[psutil.Process]:
    """Processes that we started and that are still there, as zombies or otherwise."""
    return psutil.Process().children(recursive=True)


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


def test_a_full_disk_is_not_told_as_a_damaged_file(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("r+b", 0) as full:
        monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: full)
        with pytest.raises(PassingError, match=r"^读出来的内容写不下，服务器的磁盘可能已满；"):
            read_apart("many", b"")


def test_what_failed_in_a_reader_is_logged_without_what_the_file_says(caplog: pytest.LogCaptureFixture) -> None:
    for reader, options in (("defect", {}), ("half", {"code": 3})):
        with pytest.raises(ApartError):
            read_apart(reader, b"", **options)
    failed, ended = caplog.messages
    assert re.fullmatch(r"the reader tests\.hostile\.readers:defect failed: 'KeyError, .*readers\.py:\d+'", failed)
    assert ended == "the reader tests.hostile.readers:half ended with 3"
    assert "/secret/path" not in caplog.text


def test_a_reader_whose_caller_is_gone_ends_by_itself() -> None:
    """The limit of processor time holds without anybody who waits."""
    what = apart.READERS["spin"]
    limits = [what.function, "256", "1", "2"]
    process = subprocess.Popen([sys.executable, "-m", "services.files.apart_worker", *limits], stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"{}\n")
    process.stdin.close()
    assert process.wait(60) == -signal.SIGXCPU


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
