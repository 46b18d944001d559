"""What a DOCX or an XLSX holds, told from its list of parts alone; nothing of it is unpacked."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from services.files.apart_worker import Blobs
from services.files.archives import DAMAGED


def read(data: bytes) -> tuple[dict[str, Any] | None, Blobs]:
    """The names of the parts in lower case, and how many bytes they are unpacked; None when it is no archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            listed = parts.infolist()
    except DAMAGED:
        return None, []
    names = sorted(part.filename.lower() for part in listed)
    return {"names": names, "unpacked": sum(part.file_size for part in listed)}, []
