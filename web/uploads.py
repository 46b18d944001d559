"""Files that a form brings, kept aside under their own name while a service reads them; and files handed out."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from fastapi import UploadFile
from fastapi.responses import Response
from starlette.datastructures import UploadFile as UploadedFile

from config.settings import Settings
from services.application import file_kinds
from services.application.file_kinds import content_type, plain_name
from services.errors import InputError
from services.files import incoming, scanning
from web.visit import Visit

# A picture is shown alone; a browser's viewer of PDF files does not run in a sandbox, but needs nothing from us.
_ALONE = "default-src 'none'; sandbox; frame-ancestors 'self'"
_PDF = (
    "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_SHOWABLE = (
    (b"%PDF-", "application/pdf", _PDF),
    (b"\x89PNG\r\n\x1a\n", "image/png", _ALONE),
    (b"\xff\xd8\xff", "image/jpeg", _ALONE),
)


@contextmanager
def kept_aside(visit: Visit, upload: UploadFile | None) -> Iterator[Path]:
    """The upload as a file, gone afterwards.

    Raises InputError when no file was chosen, or the virus scanner has something against it.
    """
    if upload is None or not upload.filename:
        raise InputError("没有选择文件；请先选择要上传的文件。")
    name, data = plain_name(upload.filename), upload.file.read()
    scanning.scan(visit.console.settings, name, data)
    with tempfile.TemporaryDirectory(prefix="duixian-") as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        yield path


def looked_at(visit: Visit, upload: UploadFile | None) -> tuple[str, Path]:
    """The upload kept for its preview, in place of the visitor's earlier one: its SHA-256 and where it lies.

    Raises InputError when no file was chosen or it is empty.
    """
    data, name = (upload.file.read(), upload.filename or "") if upload else (b"", "")
    sha256 = incoming.keep(visit.console.settings, visit.actor, name, data)
    return sha256, incoming.path_of(visit.console.settings, visit.actor, sha256)


def chosen(visit: Visit, files: list[UploadFile] | None) -> list[tuple[str, bytes]]:
    """Name and content of each file of evidence that was chosen. Raises InputError, see file_kinds.check_file."""
    return [(file.filename, checked(visit.console.settings, file)) for file in files or [] if file.filename]


def checked(settings: Settings, file: UploadedFile) -> bytes:
    """The content of a file of evidence, which is checked here: nobody should wait for that with a turn to write."""
    data = file.file.read()
    file_kinds.check_file(settings, file.filename or "", data)
    return data


def shown(filename: str, data: bytes, *, download: bool = False) -> Response:
    """A file for the bureau: PDF files and pictures are shown, everything else is only handed out."""
    known = next((each for each in _SHOWABLE if data.startswith(each[0])), None)
    if known is None or download:
        return handed_out(filename, data, known[1] if known else "application/octet-stream")
    headers = {
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(filename, safe='')}",
        "Content-Security-Policy": known[2],
    }
    return Response(data, media_type=known[1], headers=headers)


def handed_out(filename: str, data: bytes, kind: str | None = None) -> Response:
    """A file to be kept, never to be opened by the browser within the console; of the kind that its name says."""
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(filename, safe='')}",
        "Content-Security-Policy": _ALONE,
    }
    return Response(data, media_type=kind or content_type(filename) or "application/octet-stream", headers=headers)
