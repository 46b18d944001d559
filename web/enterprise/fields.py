"""The fields of an enterprise's forms, which come from the policy."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile

from services.application import drafts


async def sent(request: Request) -> FormData:
    """All fields of a form whose fields come from the policy."""
    return await request.form()


Sent = Annotated[FormData, Depends(sent)]


class Blank(dict[str, str]):
    """Texts by field; a field without one is empty."""

    def __missing__(self, name: str) -> str:
        return ""


def texts(form: FormData) -> dict[str, str]:
    """The texts by the fields' names."""
    return {name: value for name, value in form.items() if isinstance(value, str)}


def files(form: FormData) -> list[tuple[str, UploadFile]]:
    """The files that were chosen, each with its field's name."""
    return [(name, file) for name, file in form.multi_items() if isinstance(file, UploadFile) and file.filename]


def facts(given: dict[str, str]) -> dict[str, str]:
    """The texts of facts by the facts' names."""
    return {name.removeprefix(drafts.FACT): text for name, text in given.items() if name.startswith(drafts.FACT)}
