"""Policy drafts: a new or changed policy folder waits until its check passed and somebody else approved it.

Only then does it come into the policies folder, where a year can be opened under it; years that are open keep their
text (services/law/policies.py).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError
from sqlmodel import Session, col, select

from config.settings import Settings
from models import DraftState, PolicyDraft, User
from policy.schema import Id
from services.access.actors import Actor
from services.access.permissions import may
from services.clock import Clock
from services.errors import InputError, NotAllowedError, NotFoundError, StateError
from services.law import policies, policy_install, policy_shelf
from services.law.policy_folder import POLICY
from services.law.policy_shelf import Checked
from services.law.policy_upload import PolicyFolder
from services.record.database import take_turn, writing
from services.record.operation import operation

_ID = TypeAdapter(Id)
_LONGEST_ID, _LONGEST_REMARK = 64, 2000
_TAKEN = ("drafts",)  # an address of the console: /policies/drafts
_LOG = logging.getLogger(__name__)
_MOST_LINES = 10_000  # of a text that is compared; a policy has a thousand
_CONTEXT = 3  # lines shown around a difference


@dataclass(frozen=True)
class Entry:
    """A draft with the names of who handed it in and who decided."""

    draft: PolicyDraft
    uploaded_by: str
    decided_by: str


@dataclass(frozen=True)
class Line:
    """A line of a comparison: where it goes on ("place"), what is only there now, only in the draft, or in both."""

    kind: Literal["place", "dropped", "added", "same"]
    text: str


def drafts(session: Session) -> list[Entry]:
    """Every draft, the newest first."""
    return _entries(session, session.exec(select(PolicyDraft).order_by(col(PolicyDraft.id).desc())).all())


def entry(session: Session, draft_id: int) -> Entry:
    """One draft. Raises NotFoundError."""
    found = session.get(PolicyDraft, draft_id)
    if found is None:
        raise NotFoundError(f"没有第 {draft_id} 号政策草稿。")
    return _entries(session, [found])[0]


def to_decide(session: Session, actor: Actor) -> list[Entry]:
    """What waits for this actor, the newest first."""
    return [each for each in drafts(session) if may_decide(actor, each.draft)]


def may_decide(actor: Actor, draft: PolicyDraft) -> bool:
    """Whether the draft waits for this actor: nobody decides on what they handed in themselves."""
    return (
        draft.status is DraftState.WAITING and may(actor.role, "policy.approve") and draft.uploaded_by != actor.user_id
    )


def newer(session: Session, draft: PolicyDraft) -> PolicyDraft | None:
    """The newest draft of the same policy that waits or was approved, and was handed in after this one."""
    later = select(PolicyDraft).where(
        PolicyDraft.policy_id == draft.policy_id,
        PolicyDraft.status != DraftState.REFUSED,
        col(PolicyDraft.id) > draft.id,
    )
    return session.exec(later.order_by(col(PolicyDraft.id).desc())).first()


def files(settings: Settings, draft: PolicyDraft) -> Mapping[str, bytes]:
    """The draft's files by name. Raises StateError when they are no longer what was handed in."""
    folder = _folder(settings, draft)
    found = {path.name: path.read_bytes() for path in sorted(folder.iterdir())} if folder.is_dir() else {}
    if PolicyFolder(found).sha256 != draft.sha256:
        raise StateError(f"第 {draft.id} 号政策草稿的文件缺失或被改动；请重新上传，或从备份恢复 {folder.name}。")
    return found


def check(settings: Settings, draft: PolicyDraft) -> Checked:
    """What the check says of exactly the files that were handed in. Raises StateError, see `files`."""
    files(settings, draft)
    return policy_shelf.check_folder(_folder(settings, draft))


def digest_in_use(settings: Settings, draft: PolicyDraft) -> str:
    """The digest of the policy in use, which the draft is compared with; empty when there is none."""
    now = _in_use(settings, draft)
    found = {path.name: path.read_bytes() for path in now.iterdir() if path.is_file()} if now else {}
    return PolicyFolder(found).sha256 if now else ""


def missing(settings: Settings, draft: PolicyDraft) -> list[str]:
    """The files of the policy in use that the draft does not have: its approval takes them away."""
    now = _in_use(settings, draft)
    return sorted({path.name for path in now.iterdir()} - set(files(settings, draft))) if now else []


def comparison(settings: Settings, draft: PolicyDraft) -> list[Line] | None:
    """How its policy.yaml differs from the one in use; None when there is none in use."""
    now = _in_use(settings, draft)
    return compared(_text((now / POLICY).read_bytes()), _text(files(settings, draft)[POLICY])) if now else None


def compared(before: str, after: str) -> list[Line]:
    """The differences of two texts, with the lines around them; nothing when they say the same.

    Texts that are longer than any policy are not compared: the time grows with the square of their lines.
    """
    old, new = before.splitlines(), after.splitlines()
    if old == new:
        return []
    if max(len(old), len(new)) > _MOST_LINES:
        return [Line("place", f"{POLICY} 超过 {_MOST_LINES} 行，没有逐行比较；请打开文件查看")]
    found = []
    for group in SequenceMatcher(None, old, new).get_grouped_opcodes(_CONTEXT):
        found.append(Line("place", f"第 {group[0][3] + 1} 行起"))
        for tag, i, j, k, m in group:
            if tag == "equal":
                found += [Line("same", text) for text in new[k:m]]
            else:
                found += [Line("dropped", text) for text in old[i:j]]
                found += [Line("added", text) for text in new[k:m]]
    return found


@operation("policy.upload")
def upload(
    session: Session, clock: Clock, actor: Actor, *, settings: Settings, policy_id: str, folder: PolicyFolder
) -> tuple[PolicyDraft, bool]:
    """Keep a folder as a draft, and whether it is a new one: the same content that waits already is kept once.

    An empty `policy_id` means the one that its policy.yaml states. Raises InputError for one that cannot be used.
    """
    chosen = _id_of(policy_id.strip(), folder.policy_id)
    same = select(PolicyDraft).where(PolicyDraft.policy_id == chosen, PolicyDraft.sha256 == folder.sha256)
    known = session.exec(same.where(PolicyDraft.status == DraftState.WAITING)).first()
    if known is not None:
        return known, False
    draft = PolicyDraft(
        policy_id=chosen, sha256=folder.sha256, uploaded_by=actor.user_id, uploaded_at=clock.now(), remark=""
    )
    session.add(draft)
    session.flush()
    policy_install.keep(_folder(settings, draft), folder.files)
    return draft, True


def approve(
    session: Session, clock: Clock, actor: Actor, *, settings: Settings, draft_id: int, instead_of: str
) -> PolicyDraft:
    """Have a draft take the place of the policy in use, which is the one with the digest that the actor saw.

    Raises NotAllowedError for the one who handed it in, StateError when it no longer waits, when another policy is in
    use by now, when its check or a case fails, or when the policies folder cannot be written.
    """
    check(settings, entry(session, draft_id).draft)  # takes seconds the first time: nobody should wait for the lock
    try:
        return _approve(session, clock, actor, settings=settings, draft_id=draft_id, instead_of=instead_of)
    finally:
        settle(session, settings)


@operation("policy.approve")
def _approve(
    session: Session, clock: Clock, actor: Actor, *, settings: Settings, draft_id: int, instead_of: str
) -> PolicyDraft:
    draft = _waiting(session, actor, draft_id)
    if not check(settings, draft).proven:
        raise StateError("政策检查没有通过，或者没有算例，不能启用；请退回，由上传人改正后重新上传。")
    _install(session, settings, draft, instead_of)
    _decide(draft, clock, actor, DraftState.APPROVED)
    return draft


@operation("policy.refuse")
def refuse(session: Session, clock: Clock, actor: Actor, *, draft_id: int, remark: str) -> PolicyDraft:
    """Send a draft back with a remark. Raises InputError without one, otherwise as `approve` does."""
    draft = _waiting(session, actor, draft_id)
    if not remark.strip() or len(remark.strip()) > _LONGEST_REMARK:
        raise InputError(f"退回要写明理由，最多 {_LONGEST_REMARK} 个字；看到的有 {len(remark.strip())} 个字。")
    _decide(draft, clock, actor, DraftState.REFUSED, remark.strip())
    return draft


def settle(session: Session, settings: Settings) -> None:
    """End what an approval that was cut off began: the policies folder is as the record says."""
    if not policy_install.unsettled(settings.policies_dir):
        return
    with writing(session):
        take_turn(session)
        try:
            _settle(session, settings)
        except OSError as error:  # the next approval, or the console's next start, tries again
            _LOG.warning("the policies folder could not be tidied: %s", error)


def _settle(session: Session, settings: Settings) -> None:
    for draft_id, policy_id in policy_install.unsettled(settings.policies_dir).items():
        draft = session.get(PolicyDraft, draft_id)
        approved = draft is not None and draft.status is DraftState.APPROVED
        policy_install.settle(settings.policies_dir, policy_id, draft_id, approved=approved)


def _install(session: Session, settings: Settings, draft: PolicyDraft, instead_of: str) -> None:
    try:
        _settle(session, settings)
        if digest_in_use(settings, draft) != instead_of:
            raise StateError("在用的政策已经变化，不是您看到的那一份；请核对下面的比较以后再办理。")
        policy_install.install(settings.policies_dir, draft.policy_id, draft.id or 0, files(settings, draft))
    except OSError as error:
        raise StateError(
            f"政策目录 {settings.policies_dir} 写不进去（{error.strerror}），没有启用；"
            "请维护人员检查权限和磁盘空间后再同意一次。"
        ) from error


def _waiting(session: Session, actor: Actor, draft_id: int) -> PolicyDraft:
    """The draft, if the actor may decide on it now."""
    draft = entry(session, draft_id).draft
    if draft.status is not DraftState.WAITING:
        raise StateError(f"第 {draft_id} 号政策草稿已经办理过，不能再办；请刷新页面。")
    if draft.uploaded_by == actor.user_id:
        raise NotAllowedError("自己上传的政策要由别人审批；请另一位科室负责人或分管领导办理。")
    return draft


def _decide(draft: PolicyDraft, clock: Clock, actor: Actor, status: DraftState, remark: str = "") -> None:
    draft.status, draft.remark = status, remark
    draft.decided_by, draft.decided_at = actor.user_id, clock.now()


def _id_of(given: str, stated: str) -> str:
    if given and stated and given != stated:
        raise InputError(f"填写的政策编号是“{given}”，{POLICY} 里写的是“{stated}”；请改成一致后再上传。")
    chosen = given or stated
    if not chosen:
        raise InputError(f"没有填写政策编号，{POLICY} 里也读不出来；请填写政策编号。")
    try:
        _ID.validate_python(chosen)
    except ValidationError:
        chosen = ""
    if not chosen or chosen in _TAKEN or len(chosen) > _LONGEST_ID:
        raise InputError(
            f"政策编号“{given or stated}”不能用；请只用小写英文字母、数字和连字符，"
            f"不以连字符开头，最多 {_LONGEST_ID} 个字符，如 zhangzhou-ai-2027。"
        )
    return chosen


def _entries(session: Session, found: Sequence[PolicyDraft]) -> list[Entry]:
    ids = {user_id for draft in found for user_id in (draft.uploaded_by, draft.decided_by)}
    names = {user.id: user.name for user in session.exec(select(User).where(col(User.id).in_(ids)))}
    return [Entry(draft, names[draft.uploaded_by], names.get(draft.decided_by, "")) for draft in found]


def _in_use(settings: Settings, draft: PolicyDraft) -> Path | None:
    """The folder of the policy in use under the draft's id."""
    try:
        return policies.folder(settings, draft.policy_id)
    except NotFoundError:
        return None


def _folder(settings: Settings, draft: PolicyDraft) -> Path:
    return settings.data_dir / "policy-drafts" / draft.sha256


def _text(data: bytes) -> str:
    return data.decode("utf-8-sig", errors="replace")
