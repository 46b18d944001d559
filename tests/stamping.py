"""A real time-stamping authority: openssl behind a few lines of HTTP."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

_CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = Test Authority
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
[leaf]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[tsa]
default_tsa = tsa_config
[tsa_config]
serial = {folder}/serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


def make_authority(folder: Path) -> Path:
    """The authority's root certificate; its keys and settings lie beside it."""
    folder.mkdir(parents=True)
    (folder / "openssl.cnf").write_text(_CONFIG.format(folder=folder), encoding="ascii")
    (folder / "serial").write_text("01", encoding="ascii")
    new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-config", "openssl.cnf"]
    _openssl(folder, *new, "-extensions", "ca", "-subj", "/CN=Root", "-keyout", "root.key", "-out", "root.pem")
    _openssl(
        *(folder, *new, "-extensions", "leaf", "-subj", "/CN=Stamper", "-CA", "root.pem", "-CAkey", "root.key"),
        *("-keyout", "tsa.key", "-out", "tsa.pem"),
    )
    return folder / "root.pem"


@contextmanager
def authority(folder: Path) -> Iterator[str]:
    """The address at which the authority of a folder stamps."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            (folder / "query").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            _openssl(
                *(folder, "ts", "-reply", "-config", "openssl.cnf", "-section", "tsa_config", "-queryfile", "query"),
                *("-inkey", "tsa.key", "-signer", "tsa.pem", "-out", "reply"),
            )
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write((folder / "reply").read_bytes())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
