"""The bureau's applications: the list and what is done to many of them at once, imports, one on its page."""

from fastapi import APIRouter

from web.applications import importing, listing, one

_MODULES = listing, importing, one  # one application's address would hold the others'
router = APIRouter(routes=[route for module in _MODULES for route in module.router.routes])
