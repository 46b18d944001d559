"""A user's own views of the list of applications."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from services.application import saved_views
from services.errors import InputError
from web.access import does
from web.bounds import Id
from web.visit import Visit

router = APIRouter()
Done = Annotated[Visit, does("applications")]
LIST = "/applications"


@router.post("/applications/views")
def save_view(visit: Done, query: Annotated[str, Form()] = "", name: Annotated[str, Form()] = "") -> Response:
    """Keep the list as it is shown under a name."""
    try:
        said = f"视图“{saved_views.save(visit.session, visit.actor, name=name, query=query).name}”已保存。"
    except InputError as error:
        said = f"视图没有保存：{error}"
    return visit.back(f"{LIST}?{query}", said)


@router.post("/applications/views/{view_id}/remove")
def remove_view(visit: Done, view_id: Id) -> Response:
    """Forget a view."""
    return visit.back(LIST, f"视图“{saved_views.remove(visit.session, visit.actor, view_id=view_id)}”已删除。")
