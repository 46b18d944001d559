"""What other platforms may do: tokens with scopes and expiry, and submitting an application exactly once."""

import hashlib
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlmodel import Session, col, select

import policy
from config.settings import Settings
from models import ApiRequest, ApiToken, Application, Role, User
from policy import Measure, Policy, ValueProblem
from services import applications, cycles, facts, policies
from services.actors import Actor, actor_of
from services.clock import Clock
from services.database import writing
from services.errors import InputError, NotFoundError
from services.operation import operation
from services.particulars import CONTACTS, doubts
from services.submissions import Submission

LONGEST_DAYS = 366
_TOUCH_AFTER = timedelta(minutes=1)


class Scope(StrEnum):
    """What a token may be used for."""

    READ_APPLICATIONS = "applications:read"  # 读取申报和办理状态
    SUBMIT_APPLICATIONS = "applications:write"  # 报送申报
    READ_RESULTS = "results:read"  # 读取公示名单和拨付结果


SCOPE_NAMES = {
    Scope.READ_APPLICATIONS: "读取申报和办理状态",
    Scope.SUBMIT_APPLICATIONS: "报送申报",
    Scope.READ_RESULTS: "读取公示名单和拨付结果",
}


@dataclass(frozen=True)
class Issued:
    """A token as its administrator sees it: for whom it acts, and what it may still be used for."""

    token: ApiToken
    user: User
    issuer: User
    state: str


@dataclass(frozen=True)
class Holder:
    """Who came in with a token."""

    actor: Actor
    token_id: int
    scopes: frozenset[str]


@dataclass(frozen=True)
class Handed:
    """An application as another platform hands it in; every value is text as people write it."""

    measure: str
    enterprise: str
    uscc: str
    kind: str
    county: str
    values: Mapping[str, str]
    project: str = ""
    contracts: str = ""
    invoices: str = ""
    contact_name: str = ""
    contact_phone: str = ""
    contact_email: str = ""
    bank_name: str = ""
    bank_account: str = ""
    pledged: bool = False


@operation("token.issue")
def issue(
    session: Session, clock: Clock, actor: Actor, *, login: str, name: str, scopes: Collection[str], days: int
) -> str:
    """Issue a token that acts as a user; returns it, the only time that it is shown. Raises InputError."""
    unknown = sorted(set(scopes) - set(Scope))
    if unknown or not scopes:
        raise InputError(f"授权范围“{'、'.join(unknown)}”不存在或没有选择；可选：{'、'.join(Scope)}。")
    if not 1 <= days <= LONGEST_DAYS:
        raise InputError(f"有效天数应为 1 至 {LONGEST_DAYS}，填的是 {days}。")
    if not name.strip():
        raise InputError("请写明令牌给哪个平台使用。")
    user = session.exec(select(User).where(User.login == login, col(User.active))).one_or_none()
    if user is None or user.role is Role.SYSTEM:
        raise InputError(f"没有登录名为“{login}”的有效用户；令牌要代表一个用户办理。")
    token = f"dx_{secrets.token_urlsafe(32)}"
    now = clock.now()
    session.add(
        ApiToken(
            digest=_digest(token),
            name=name.strip(),
            user_id=user.id or 0,
            scopes=sorted(scopes),
            issued_by=actor.user_id,
            issued_at=now,
            expires_at=now + timedelta(days=days),
        )
    )
    return token


@operation("token.end")
def end(session: Session, clock: Clock, actor: Actor, *, token_id: int) -> None:
    """Let a token be of no use from now on. Raises NotFoundError."""
    token = session.get(ApiToken, token_id)
    if token is None:
        raise NotFoundError(f"没有编号为 {token_id} 的令牌。")
    token.ended_at = token.ended_at or clock.now()


def tokens(session: Session, clock: Clock) -> list[Issued]:
    """All tokens, the newest first."""
    return [
        Issued(
            token, session.get_one(User, token.user_id), session.get_one(User, token.issued_by), _state(token, clock)
        )
        for token in session.exec(select(ApiToken).order_by(col(ApiToken.id).desc()))
    ]


def holder(session: Session, clock: Clock, token: str) -> Holder | None:
    """Who a token stands for; None when it is unknown, expired or ended, or its user is out."""
    found = session.exec(select(ApiToken).where(ApiToken.digest == _digest(token))).one_or_none()
    if found is None or found.ended_at is not None or found.expires_at <= clock.now():
        return None
    user = session.get_one(User, found.user_id)
    if not user.active:
        return None
    come_in = Holder(actor_of(user), found.id or 0, frozenset(found.scopes))
    if found.used_at is None or clock.now() - found.used_at > _TOUCH_AFTER:
        with writing(session):
            found.used_at = clock.now()
    return come_in


@operation("application.submit")
def submit(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    settings: Settings,
    cycle_id: int,
    handed: Handed,
    token_id: int,
    key: str,
    request_digest: str,
) -> Application:
    """Submit an application once for a key: the same request again gives the same application.

    Raises InputError for values that cannot be read (all at once) and for a key that was used for something else,
    StateError outside of the window or when the same item is there already.
    """
    known = session.exec(select(ApiRequest).where(ApiRequest.token_id == token_id, ApiRequest.key == key)).first()
    if known is not None:
        if known.request_digest != request_digest:
            raise InputError(f"幂等键“{key}”已用于另一件申报；每件申报请用不同的键。")
        return session.get_one(Application, known.application_id)
    law = policies.policy_of(session, cycles.get_cycle(session, cycle_id))
    application = applications.submit(
        session, clock, actor, settings=settings, cycle_id=cycle_id, submission=_read(law, handed)
    )
    session.add(
        ApiRequest(
            token_id=token_id,
            key=key,
            request_digest=request_digest,
            application_id=application.id or 0,
            received_at=clock.now(),
        )
    )
    return application


def _read(law: Policy, handed: Handed) -> Submission:
    measure = law.measure(handed.measure)
    if measure is None:
        raise InputError(f"没有措施“{handed.measure}”；可用的有：{'、'.join(each.id for each in law.measures)}。")
    county = next((each.id for each in law.counties if handed.county in (each.id, each.name)), None)
    problems = [] if county else [f"县区“{handed.county}”不是本市的县区或开发区"]
    if handed.kind not in measure.applicants:
        problems.append(f"单位类型“{handed.kind}”不属于本措施的申报主体（{'、'.join(measure.applicants)}）")
    if not handed.enterprise.strip():
        problems.append("没有填写企业名称")
    shared = {name: getattr(handed, name).strip() for name in _TEXTS}
    problems += [f"{CONTACTS[name]}{doubt}" for name, doubt in doubts(shared).items()]
    declared, unreadable = _declared(measure, handed.values)
    if problems or unreadable:
        raise InputError("；".join([*problems, *unreadable]) + "。")
    return Submission(
        **shared,
        measure=measure.id,
        county=county or "",
        pledged=handed.pledged,
        declared=declared,
        source="平台对接",
    )


_TEXTS = (
    "enterprise",
    "uscc",
    "kind",
    "project",
    "contracts",
    "invoices",
    "contact_name",
    "contact_phone",
    "contact_email",
    "bank_name",
    "bank_account",
)


def _declared(measure: Measure, values: Mapping[str, str]) -> tuple[dict[str, str | None], list[str]]:
    asked = {fact.name: fact for fact in facts.declared_facts(measure)}
    problems = [f"本措施没有指标“{name}”" for name in values if name not in asked]
    problems += [
        f"没有填写“{fact.label}”" for fact in asked.values() if fact.must_be_given and not values.get(fact.name)
    ]
    declared: dict[str, str | None] = {}
    for name in asked.keys() & values.keys():
        found = policy.read_value(asked[name], values[name])
        if isinstance(found, ValueProblem):
            problems.append(f"“{asked[name].label}”：{found.message}")
        else:
            declared[name] = facts.canonical(asked[name], values[name])
    return declared, problems


def _state(token: ApiToken, clock: Clock) -> str:
    if token.ended_at is not None:
        return "已停用"
    return "有效" if token.expires_at > clock.now() else "已过期"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
