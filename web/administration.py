"""Users and their passwords, calendar, mail settings."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, Response

from models import Role
from services.access import people
from services.access.permissions import ROLE_NAMES
from services.clock import today
from services.cycle import calendar, calendar_changes
from services.errors import InputError, StateError
from services.law import policy_shelf
from services.notices import mail_trial
from services.notices.bounce_intake import newest_bounce
from web.access import does, sees
from web.bounds import Id, Page
from web.visit import Visit

router = APIRouter()
SeenUsers = Annotated[Visit, sees("users")]
# An enterprise registers by itself, and the system is nobody.
ROLES = {role: name for role, name in ROLE_NAMES.items() if role not in (Role.APPLICANT, Role.SYSTEM)}
_NOTHING = {"login": "", "name": "", "role": "", "bureau": "", "county": "", "email": ""}


@router.get("/users")
def user_list(visit: SeenUsers, role: str = "", words: str = "", page: Page = 1) -> HTMLResponse:
    """Everybody who may come in, 50 a page."""
    only = Role(role) if role in set(Role) else None
    return visit.page(
        "administration/users.html",
        found=people.accounts(visit.session, role=only, words=words.strip(), page=page),
        places=policy_shelf.places(visit.console.settings),
        roles=ROLE_NAMES,
        chosen={"role": role, "words": words},
        address=f"/users?{urlencode({'role': role, 'words': words})}&page=",
    )


@router.get("/users/new")
def new_user(visit: Annotated[Visit, sees("user.add")]) -> HTMLResponse:
    """The form to add a user."""
    return _new(visit, _NOTHING, "")


@router.post("/users")
def add_user(
    visit: Annotated[Visit, does("user.add")],
    login: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = "",
    bureau: Annotated[str, Form()] = "",
    county: Annotated[str, Form()] = "",
    email: Annotated[str, Form()] = "",
) -> Response:
    """Add a user; the first password is handed out on the next page."""
    given = {"login": login, "name": name, "role": role, "bureau": bureau, "county": county, "email": email}
    try:
        added = people.add_user(visit.session, visit.clock, visit.actor, **_read(visit, given))
    except InputError as error:
        return _new(visit, given, str(error))
    who = "请" if visit.may("password.issue") else "请管理员"
    return visit.back(f"/users/{added.id}", f"已添加{ROLE_NAMES[added.role]}“{added.name}”，{who}发放初始密码。")


@router.get("/users/{user_id}")
def user(visit: SeenUsers, user_id: Id) -> HTMLResponse:
    """One user: who, and how they come in."""
    return _user(visit, user_id)


@router.post("/users/{user_id}")
def change_user(
    visit: Annotated[Visit, does("user.change")],
    user_id: Id,
    name: Annotated[str, Form()] = "",
    email: Annotated[str, Form()] = "",
    active: Annotated[str, Form()] = "",
) -> Response:
    """Change name, address, and whether they may come in."""
    people.find_user(visit.session, user_id)
    try:
        people.change_user(
            visit.session, visit.clock, visit.actor, user_id=user_id, name=name, email=email, active=active == "yes"
        )
    except (InputError, StateError) as error:
        given = {"name": name, "email": email, "active": active == "yes"}
        return _user(visit, user_id, given=given, trouble=str(error), status=422)
    return visit.back(f"/users/{user_id}", "已保存。" if active == "yes" else "已停用，原来的登录随即失效。")


@router.post("/users/{user_id}/password")
def issue_password(visit: Annotated[Visit, does("password.issue")], user_id: Id) -> Response:
    """Hand out a new first password, shown this once."""
    try:
        password = people.issue_password(visit.session, visit.console.wall, visit.actor, user_id=user_id)
    except InputError as error:
        return _user(visit, user_id, password_trouble=str(error), status=422)
    return _user(visit, user_id, password=password)


@router.post("/users/{user_id}/codes")
def drop_codes(visit: Annotated[Visit, does("codes.reset")], user_id: Id) -> Response:
    """Ask a user who lost the telephone for no more one-time codes."""
    try:
        people.drop_codes(visit.session, visit.console.wall, visit.actor, user_id=user_id)
    except StateError as error:
        return _user(visit, user_id, password_trouble=str(error), status=422)
    return visit.back(f"/users/{user_id}", "动态验证码已停用。")


@router.get("/settings")
def settings_page(visit: Annotated[Visit, sees("settings")]) -> HTMLResponse:
    """The calendar's years and the mail settings."""
    return _settings(visit)


@router.post("/settings/test-mail")
def test_mail(visit: Annotated[Visit, does("mail.test")], recipient: Annotated[str, Form()] = "") -> Response:
    """Send a test mail."""
    try:
        reply = mail_trial.send_test(
            visit.console.settings, visit.console.wall, visit.actor, recipient=recipient.strip()
        )
    except InputError as error:
        return _settings(visit, recipient=recipient, trouble=str(error), status=422)
    return visit.back("/settings", f"测试邮件已交给发信服务器（答复：{reply}），请到收件箱查看。")


def _read(visit: Visit, given: dict[str, str]) -> dict[str, Any]:
    """What was typed, as add_user takes it; a bureau or county counts only for the role that has one."""
    if given["role"] not in set(_roles(visit)):
        raise InputError("请选择角色。")
    role, known = Role(given["role"]), policy_shelf.places(visit.console.settings)
    bureau = given["bureau"] if role is Role.BUREAU_VERIFIER else ""
    county = given["county"] if role in (Role.COUNTY_REVIEWER, Role.FINANCE) else ""
    if (bureau and bureau not in known.bureaus) or (county and county not in known.counties):
        raise InputError("没有这个部门或县区；请从列表中选择。")
    return {
        "login": given["login"].strip(),
        "name": given["name"].strip(),
        "role": role,
        "bureau": bureau or None,
        "county": county or None,
        "email": given["email"],
    }


def _roles(visit: Visit) -> dict[Role, str]:
    """The roles that the visitor may give."""
    return {role: name for role, name in ROLES.items() if people.may_add(visit.actor.role, role)}


def _new(visit: Visit, given: dict[str, str], trouble: str) -> HTMLResponse:
    return visit.page(
        "administration/user_new.html",
        status=422 if trouble else 200,
        given=given,
        trouble=trouble,
        roles=_roles(visit),
        places=policy_shelf.places(visit.console.settings),
    )


def _user(
    visit: Visit,
    user_id: int,
    *,
    given: dict[str, Any] | None = None,
    trouble: str = "",
    password: str = "",
    password_trouble: str = "",
    status: int = 200,
) -> HTMLResponse:
    found = people.account(visit.session, user_id)
    kept = {"name": found.user.name, "email": found.user.email or "", "active": found.user.active}
    return visit.page(
        "administration/user.html",
        status=status,
        found=found,
        bounce=newest_bounce(visit.session, found.user.email or ""),
        given=given or kept,
        trouble=trouble,
        password=password,
        password_trouble=password_trouble,
        places=policy_shelf.places(visit.console.settings),
    )


def _settings(visit: Visit, *, recipient: str = "", trouble: str = "", status: int = 200) -> HTMLResponse:
    own = visit.console.settings
    return visit.page(
        "administration/settings.html",
        status=status,
        own=own,
        years=calendar.known_years(own.calendar_dir, today(visit.clock).year - 1),
        changes=calendar_changes.past(visit.session),
        recipient=recipient,
        trouble=trouble,
    )
