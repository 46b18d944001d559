"""Files that a form brings: kept aside under their own name while a service reads them."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from fastapi import UploadFile

from services.errors import InputError

_LONGEST_NAME = 80


@contextmanager
def kept_aside(upload: UploadFile) -> Iterator[Path]:
    """The upload as a file, gone afterwards. Raises InputError when no file was chosen."""
    name = PurePosixPath((upload.filename or "").replace("\\", "/").replace("\0", "")).name
    if not name:
        raise InputError("没有选择文件；请先选择要上传的文件。")
    with tempfile.TemporaryDirectory(prefix="duixian-") as folder:
        path = Path(folder) / f"{PurePosixPath(name).stem[:_LONGEST_NAME]}{PurePosixPath(name).suffix[:10]}"
        with path.open("wb") as file:
            shutil.copyfileobj(upload.file, file)
        yield path
