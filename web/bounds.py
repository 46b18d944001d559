"""What an address may ask for: ids and page numbers that every database can hold. Others are no address of ours."""

from typing import Annotated

from fastapi import Path, Query

LARGEST = 2**31 - 1
Id = Annotated[int, Path(ge=1, le=LARGEST)]
CycleId = Annotated[int | None, Query(ge=1, le=LARGEST)]
Year = Annotated[int | None, Query(alias="cycle", ge=1, le=LARGEST)]
Page = Annotated[int, Query(ge=1, le=LARGEST)]
Number = Annotated[int, Query(ge=0, le=LARGEST)]


def number(text: str) -> int | None:
    """The id that a form's field holds; None when it holds none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
