"""A real clamd with two signatures of ours, and a server that speaks its protocol and answers what it is told to."""

import hashlib
import os
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + rb"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
MARK = b"DUIXIAN-TEST-VIRUS"
MOST_MEGABYTES = 8
_CONFIGURATION = """
DatabaseDirectory {folder}/db
LocalSocket {folder}/clamd.sock
Foreground yes
LogFile {folder}/log
StreamMaxLength {most}M
"""


@pytest.fixture(scope="session")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The socket of a clamd that knows EICAR, as a whole file, and MARK, wherever it stands."""
    program = shutil.which("clamd", path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")
    assert program is not None, "clamd is not installed: make scanner"
    folder = tmp_path_factory.mktemp("clamd")
    (folder / "db").mkdir()
    folder.chmod(0o755)
    digest = hashlib.md5(EICAR).hexdigest()
    (folder / "db" / "own.hdb").write_text(f"{digest}:{len(EICAR)}:Eicar-Test-Signature\n")
    (folder / "db" / "own.ndb").write_text(f"Duixian.Test:0:*:{MARK.hex()}\n")
    (folder / "clamd.conf").write_text(_CONFIGURATION.format(folder=folder, most=MOST_MEGABYTES))
    process = subprocess.Popen([program, "-c", str(folder / "clamd.conf")], stdout=subprocess.DEVNULL)
    try:
        _until_it_answers(folder / "clamd.sock", process)
        yield str(folder / "clamd.sock")
    finally:
        process.kill()
        process.wait()


@contextmanager
def answering(reply: bytes | None) -> Iterator[str]:
    """The address of a scanner that takes one file and says this; None: it hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_answer, args=(server, reply), daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join(5)


def _answer(server: socket.socket, reply: bytes | None) -> None:
    link, _ = server.accept()
    with link, link.makefile("rb") as sent:
        assert sent.read(10) == b"zINSTREAM\0"
        while size := struct.unpack("!L", sent.read(4))[0]:
            assert len(sent.read(size)) == size
        if reply is not None:
            link.sendall(reply)


def _until_it_answers(path: Path, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, "clamd ended"
        with socket.socket(socket.AF_UNIX) as link:
            try:
                link.connect(str(path))
            except OSError:
                time.sleep(0.1)
                continue
            link.sendall(b"zPING\0")
            assert link.recv(10) == b"PONG\0"
            return
    raise AssertionError("clamd does not come up")
