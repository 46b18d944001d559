"""The bureau's applications: the list and what is done to many of them at once, imports, one on its page."""

from fastapi import APIRouter

from web.applications import importing, listing, one

# In this order: the address of one application fits those of the others too.
_MODULES = listing, importing, one
router = APIRouter(routes=[route for module in _MODULES for route in module.router.routes])
