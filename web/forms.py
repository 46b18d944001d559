"""Forms whose fields follow from what they are about: everything that was typed, by name."""

from typing import Annotated

from fastapi import Depends, Request


async def typed(request: Request) -> dict[str, str]:
    """What was typed into the form."""
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


Typed = Annotated[dict[str, str], Depends(typed)]
