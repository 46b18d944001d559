"""What an enterprise does: register, see what it may get, apply, answer, follow."""

from fastapi import APIRouter

from web.enterprise import applications, drafts, eligibility, home, registering

# In this order: the address of one application fits those of the others too.
_MODULES = registering, home, eligibility, drafts, applications
router = APIRouter(routes=[route for module in _MODULES for route in module.router.routes])
