"""What an enterprise does: register, see what it may get, apply, answer, follow."""

from fastapi import APIRouter

from web.enterprise import applications, drafts, eligibility, home, registering

_MODULES = registering, home, eligibility, drafts, applications  # one application's address would hold the others'
router = APIRouter(routes=[route for module in _MODULES for route in module.router.routes])
