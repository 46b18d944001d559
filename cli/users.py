"""`duixian user`: who may come in, and in which role."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from cli.context import Desk, desk
from cli.options import AsJson, print_json, table

app = typer.Typer(name="user", help="用户：添加、列出、发放初始密码。", no_args_is_help=True)

ROLES = (
    "operator 经办人、section_head 科室负责人、bureau_leader 分管领导、bureau_meeting 局长办公会、"
    "government_office 市政府办公室、county_reviewer 县区审核人、bureau_verifier 部门核验人、finance 财政、"
    "applicant 申报单位、auditor 审计、administrator 管理员"
)


@app.command()
def add(
    login: Annotated[str, typer.Argument(metavar="登录名", help="登录名，全局唯一")],
    name: Annotated[str, typer.Option("--name", metavar="姓名", help="姓名")],
    role: Annotated[str, typer.Option("--role", metavar="角色", help=f"角色：{ROLES}")],
    bureau: Annotated[str | None, typer.Option("--bureau", metavar="部门", help="部门核验人所属部门的编号")] = None,
    county: Annotated[
        str | None, typer.Option("--county", metavar="县区", help="县区审核人、县区财政所属县区的编号")
    ] = None,
    uscc: Annotated[
        str | None, typer.Option("--uscc", metavar="代码", help="申报单位的统一社会信用代码，须已有申报")
    ] = None,
    email: Annotated[str | None, typer.Option("--email", metavar="邮箱", help="接收通知的邮箱")] = None,
    login_as: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="登录名", help="办理人（管理员或经办人）的登录名；添加第一个管理员、第一个经办人时不写"
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """添加用户。数据库还没有时先建立；第一个管理员和第一个经办人由系统添加。

    以后由管理员添加；县区审核人、部门核验人、财政和申报单位也可以由经办人添加。
    """
    from services.access.people import add_user

    wanted = _role(role)
    with desk(prepare=True) as place:
        user = add_user(
            place.session,
            place.clock,
            _adder(place, login_as, wanted),
            login=login,
            name=name,
            role=wanted,
            bureau=bureau,
            county=county,
            enterprise_id=_enterprise(place, uscc) if uscc else None,
            email=email,
        )
        told = _told(user)
        for sentence in _strange_places(place, bureau, county):
            typer.echo(sentence, err=True)
    if as_json:
        print_json(told)
    else:
        typer.echo(f"已添加{told['role_name']}“{told['name']}”，登录名 {told['login']}。")


@app.command("list")
def list_command(as_json: AsJson = False) -> None:
    """列出全部用户。"""
    from sqlmodel import col, select

    from models import User

    with desk() as place:
        users = [_told(user) for user in place.session.exec(select(User).order_by(col(User.id)))]
    if as_json:
        print_json(users)
        return
    heads = ("登录名", "姓名", "角色", "部门或县区", "邮箱", "有效")
    keys = ("login", "name", "role_name", "place", "email")
    table(heads, [(*(str(user[key]) for key in keys), "是" if user["active"] else "否") for user in users])


@app.command()
def password(
    login: Annotated[str, typer.Argument(metavar="登录名", help="给谁发放密码")],
    ask: Annotated[bool, typer.Option("--ask", help="自己输入密码（不显示）；不写时随机生成并只显示这一次")] = False,
    as_json: AsJson = False,
) -> None:
    """发放初始密码，用来登录工作台；下次登录时必须修改，原来的登录随即失效。

    在服务器上运行，第一个管理员由此登录；以后由管理员在工作台“用户”里办理。
    """
    from services.access import credentials, people
    from services.access.actors import find_actor, system_actor
    from services.clock import SystemClock

    with desk() as place:
        system, user_id = system_actor(place.session), find_actor(place.session, login).user_id
        if ask:
            given = typer.prompt("密码", hide_input=True, confirmation_prompt="再输一次")
            credentials.set_password(place.session, SystemClock(), system, user_id=user_id, password=given)
        else:
            given = people.issue_password(place.session, SystemClock(), system, user_id=user_id)
    shown = {} if ask else {"password": given}
    if as_json:
        print_json({"login": login, **shown})
    else:
        told = "" if ask else f"：{given}（只显示这一次，请当面或电话告知本人）"
        typer.echo(f"“{login}”的初始密码已设{told}。登录后须先修改。")


def _adder(place: Desk, login: str | None, role: Any) -> Any:
    """Who is named; or the system, for the first administrator and the first operator."""
    from models import Role
    from services.access.actors import system_actor
    from services.access.people import active_users
    from services.errors import NotAllowedError

    if login is not None:
        return place.actor(login)
    if role in (Role.ADMINISTRATOR, Role.OPERATOR) and not active_users(place.session, role):
        return system_actor(place.session)
    raise NotAllowedError("只有第一个管理员和第一个经办人由系统添加，其余要写明由谁办理；请加 --as 登录名。")


def _strange_places(place: Desk, bureau: str | None, county: str | None) -> Iterator[str]:
    """A sentence for the bureau or county that no policy of the installation knows: nothing would be sent there."""
    from services.law.policy_shelf import places

    if bureau is None and county is None:
        return
    known = places(place.settings)
    for name, given, names in (("部门", bureau, known.bureaus), ("县区", county, known.counties)):
        if given is not None and given not in names:
            listed = "、".join(f"{key}（{text}）" for key, text in names.items()) or "没有"
            yield f"注意：现有的政策里没有编号为“{given}”的{name}，发给{name}的审核事项他收不到；已知的有：{listed}。"


def _role(given: str) -> Any:
    """A role by its English or Chinese name."""
    from models import Role
    from services.access.permissions import ROLE_NAMES

    for role, name in ROLE_NAMES.items():
        if given in (role.value, name):
            return Role(role)
    raise typer.BadParameter(f"没有角色“{given}”，可用的有：{ROLES}", param_hint="--role")


def _enterprise(place: Desk, uscc: str) -> int:
    from services.enterprise.enterprises import known

    return known(place.session, uscc).id or 0


def _told(user: Any) -> dict[str, Any]:
    from services.access.permissions import ROLE_NAMES

    return {
        "login": user.login,
        "name": user.name,
        "role": user.role.value,
        "role_name": ROLE_NAMES[user.role],
        "place": user.bureau or user.county or "",
        "email": user.email or "",
        "active": user.active,
    }
