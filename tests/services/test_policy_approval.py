"""A policy draft from its upload to the policies folder: who may, what must hold, and what a crash leaves."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import col, select

import policy
from config.settings import ROOT
from models import AuditEntry, DraftState, PolicyDraft
from services.access.actors import Actor
from services.cycle import cycles, overview
from services.errors import InputError, NotAllowedError, NotFoundError, ServiceError, StateError
from services.files import apart
from services.law import policies, policy_drafts, policy_install, policy_shelf, policy_upload
from services.law.policy_upload import PolicyFolder
from services.record import audit
from tests.desk import POLICY, Desk

SMALL = ROOT / "tests" / "policy" / "made_up" / "percentage-cap"
OLD = {"policy.yaml": (SMALL / "policy.yaml").read_bytes(), "cases.yaml": (SMALL / "cases.yaml").read_bytes()}
NEW = {**OLD, "policy.yaml": OLD["policy.yaml"].replace("title: 按比例".encode(), "title: 改后：按比例".encode())}
ID = "percentage-cap"
HISTORY = """  - name: 历年记录的年度写错
    clause: 第一条
    measure: equipment
    facts: {investment: 0}
    history: [{year: 二〇二四}]
    expect: {outcome: rejected}
""".encode()


class Crash(BaseException):
    """The machine goes down."""


@pytest.fixture
def office(desk: Desk, tmp_path: Path) -> Desk:
    """The desk with a policies folder of its own: the city's policy and a small one."""
    shelf = tmp_path / "policies"
    shutil.copytree(ROOT / "config" / "policies" / POLICY, shelf / POLICY)
    shutil.copytree(SMALL, shelf / ID)
    return replace(desk, settings=desk.settings.model_copy(update={"policies_dir": shelf}))


def handed_in(office: Desk, files: dict[str, bytes]) -> PolicyFolder:
    return policy_upload.read(office.settings, list(files.items()))


def upload(office: Desk, files: dict[str, bytes] = NEW, policy_id: str = "") -> int:
    """Hand a folder in; its draft's id."""
    draft, _ = policy_drafts.upload(
        *office.at, office.operator, settings=office.settings, policy_id=policy_id, folder=handed_in(office, files)
    )
    return draft.id or 0


def approve(office: Desk, draft_id: int) -> PolicyDraft:
    """The section head agrees."""
    return approved_by(office, office.section_head, draft_id)


def approved_by(office: Desk, actor: Actor, draft_id: int) -> PolicyDraft:
    """Somebody agrees who looked just before."""
    seen = policy_drafts.digest_in_use(office.settings, policy_drafts.entry(office.session, draft_id).draft)
    return policy_drafts.approve(*office.at, actor, settings=office.settings, draft_id=draft_id, instead_of=seen)


def shown(office: Desk, policy_id: str = ID) -> dict[str, bytes]:
    """What lies in the policies folder."""
    folder = office.settings.policies_dir / policy_id
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


def changed(office: Desk, files: dict[str, bytes], before: str, after: str) -> dict[str, bytes]:
    """The files with a change to the policy."""
    text = files["policy.yaml"].decode()
    assert before in text
    return {**files, "policy.yaml": text.replace(before, after).encode()}


def test_a_draft_takes_its_place_only_when_somebody_else_approved_it(office: Desk) -> None:
    draft_id = upload(office)
    assert shown(office) == OLD
    assert [law.title for law in overview.known_policies(office.settings)[0]] == [
        "按比例补助，有上限",
        "漳州市培育扶持人工智能产业若干措施",
    ]
    draft = approve(office, draft_id)
    assert draft.status is DraftState.APPROVED and draft.decided_by == office.section_head.user_id
    assert shown(office) == NEW
    assert sorted(path.name for path in office.settings.policies_dir.iterdir()) == [ID, POLICY]


def test_a_new_policy_cannot_be_used_for_a_year_before_its_approval(office: Desk) -> None:
    new = changed(office, OLD, f"id: {ID}", "id: brand-new")
    draft_id = upload(office, new)
    digest = PolicyFolder(new).sha256
    for policy_id in ("brand-new", f"../data/policy-drafts/{digest}", f".brand-new.{draft_id}.new"):
        with pytest.raises(NotFoundError, match="政策目录里没有政策"):
            open_year(office, policy_id, 2026)
    approve(office, draft_id)
    assert open_year(office, "brand-new", 2026) == "按比例补助，有上限"


def open_year(office: Desk, policy_id: str, year: int) -> str:
    """Open a year; the title of its policy."""
    cycle = cycles.open_cycle(
        *office.at, office.operator, settings=office.settings, plan=office.plan, policy_id=policy_id, year=year
    )
    return policies.policy_of(office.session, cycle).title


def test_a_year_that_is_open_keeps_its_text(office: Desk) -> None:
    files = shown(office, POLICY)
    before = policies.policy_of(office.session, office.cycle).text
    approve(office, upload(office, changed(office, files, "title: 漳州市培育扶持", "title: 新的漳州市培育扶持")))
    assert open_year(office, POLICY, 2026).startswith("新的漳州市")
    assert policies.policy_of(office.session, office.cycle).text == before


def test_nobody_approves_or_refuses_what_they_uploaded(office: Desk) -> None:
    draft_id = upload(office)
    with pytest.raises(NotAllowedError):
        approved_by(office, office.operator, draft_id)
    both = replace(office.operator, role=office.section_head.role)  # somebody whose post changed since
    with pytest.raises(NotAllowedError, match="自己上传的政策要由别人审批"):
        approved_by(office, both, draft_id)
    with pytest.raises(NotAllowedError, match="自己上传的政策要由别人审批"):
        policy_drafts.refuse(*office.at, both, draft_id=draft_id, remark="不用")
    assert not policy_drafts.to_decide(office.session, both)
    assert policy_drafts.to_decide(office.session, office.leader)
    assert shown(office) == OLD


def test_only_heads_decide_and_only_operators_and_administrators_upload(office: Desk) -> None:
    draft_id = upload(office)
    for actor in (office.meeting, office.government, office.operator, office.system):
        assert not policy_drafts.may_decide(actor, policy_drafts.entry(office.session, draft_id).draft)
        with pytest.raises(NotAllowedError):
            approved_by(office, actor, draft_id)
    with pytest.raises(NotAllowedError):
        policy_drafts.upload(
            *office.at, office.leader, settings=office.settings, policy_id="", folder=handed_in(office, NEW)
        )


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({**OLD, "cases.yaml": OLD["cases.yaml"].replace(b"amount_yuan: 999999", b"amount_yuan: 999998")}, "算例不符"),
        ({**OLD, "policy.yaml": OLD["policy.yaml"].replace(b"value: 15%", b"value: 16%")}, "算例不符"),
        ({**OLD, "policy.yaml": OLD["policy.yaml"].replace(b"award: subsidy", b"award: subsidi")}, "subsidi"),
        ({**OLD, "cases.yaml": b"cases: [\n"}, "YAML"),
        ({**OLD, "cases.yaml": b"hello"}, "这里要写若干键和值"),
        ({**OLD, "cases.yaml": OLD["cases.yaml"] + HISTORY}, "不是年度"),
        ({**OLD, "cases.yaml": OLD["cases.yaml"].replace(b": 999999", b": 99 99")}, "算例里有算不了的值"),
        ({**OLD, "policy.yaml": b"id: percentage-cap\n"}, "缺少必填的键"),
        ({"policy.yaml": OLD["policy.yaml"]}, None),
        ({**OLD, "cases.yaml": b"cases: []\n"}, None),
    ],
)
def test_what_fails_its_check_or_has_no_cases_is_not_approved(
    office: Desk, files: dict[str, bytes], said: str | None
) -> None:
    draft_id = upload(office, files)
    checked = policy_drafts.check(office.settings, policy_drafts.entry(office.session, draft_id).draft)
    assert not checked.proven
    assert (said is None and checked.passed) or any(said in each.sentence() for each in checked.problems if said)
    assert not any("/" in each.file for each in checked.problems)
    with pytest.raises(StateError, match="没有通过，或者没有算例"):
        approve(office, draft_id)
    assert shown(office) == OLD
    assert policy_drafts.entry(office.session, draft_id).draft.status is DraftState.WAITING


def test_what_nobody_foresaw_in_the_cases_is_logged_with_its_place_and_shows_no_english(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(apart.READERS, "policy_check", apart.Reader("tests.hostile.readers:broken_check", 3072, 60))
    for name, data in OLD.items():
        (tmp_path / name).write_bytes(data)
    (problem,) = policy_shelf.check_folder(tmp_path).problems
    assert "算例里有算不了的值" in problem.message and problem.value == ""
    (logged,) = caplog.messages
    assert re.search(r"could not be computed: TypeError, .*readers\.py:\d+$", logged)
    assert "a defect of ours" not in logged


def test_what_was_changed_on_the_disk_since_is_not_approved(office: Desk) -> None:
    draft_id = upload(office)
    folder = office.settings.data_dir / "policy-drafts" / PolicyFolder(NEW).sha256
    (folder / "policy.yaml").write_bytes(OLD["policy.yaml"])
    with pytest.raises(StateError, match="文件缺失或被改动"):
        approve(office, draft_id)
    shutil.rmtree(folder)
    with pytest.raises(StateError, match="文件缺失或被改动"):
        approve(office, draft_id)
    assert shown(office) == OLD


def test_the_same_content_waits_once(office: Desk) -> None:
    draft_id = upload(office)
    before = entries(office)
    assert upload(office) == draft_id
    assert policy_drafts.upload(
        *office.at, office.operator, settings=office.settings, policy_id=ID, folder=handed_in(office, NEW)
    ) == (policy_drafts.entry(office.session, draft_id).draft, False)
    assert len(policy_drafts.drafts(office.session)) == 1 and entries(office) == before
    policy_drafts.refuse(*office.at, office.leader, draft_id=draft_id, remark="标题不对")
    assert upload(office) != draft_id


def entries(office: Desk) -> list[str]:
    """The audited operations on policies."""
    names = office.session.exec(select(AuditEntry.operation).order_by(col(AuditEntry.seq)))
    return [name for name in names if name.startswith("policy.")]


def test_each_step_is_audited(office: Desk) -> None:
    first, second = upload(office), upload(office, changed(office, NEW, "title: 改后", "title: 再改"))
    policy_drafts.refuse(*office.at, office.leader, draft_id=first, remark="以后一份为准")
    approve(office, second)
    assert entries(office) == ["policy.upload", "policy.upload", "policy.refuse", "policy.approve"]


def test_a_refusal_needs_a_remark_and_ends_the_matter(office: Desk) -> None:
    draft_id = upload(office)
    for remark in ("", "  \n", "长" * 2001):
        with pytest.raises(InputError, match="退回要写明理由"):
            policy_drafts.refuse(*office.at, office.leader, draft_id=draft_id, remark=remark)
    policy_drafts.refuse(*office.at, office.leader, draft_id=draft_id, remark=" 标题不对 ")
    found = policy_drafts.entry(office.session, draft_id)
    assert (found.draft.status, found.draft.remark, found.decided_by) == (DraftState.REFUSED, "标题不对", "leader")
    with pytest.raises(StateError, match="已经办理过"):
        approve(office, draft_id)
    with pytest.raises(StateError, match="已经办理过"):
        policy_drafts.refuse(*office.at, office.leader, draft_id=draft_id, remark="再退")
    with pytest.raises(NotFoundError):
        approve(office, 99)


@pytest.mark.parametrize(
    "policy_id", ["..", "../x", "a/b", "A-1", "政策", "-a", "a" * 65, "drafts", "a b", "a.b", "a\n"]
)
def test_an_id_that_no_policy_can_have_is_refused(office: Desk, policy_id: str) -> None:
    without = {**OLD, "policy.yaml": b"title: x\n"}
    with pytest.raises(InputError, match="不能用"):
        upload(office, without, policy_id if policy_id != "a\n" else "a\nb")
    stated = {**OLD, "policy.yaml": f"id: '{policy_id}'\n".encode()}
    with pytest.raises(InputError, match=r"不能用|没有填写政策编号"):
        upload(office, stated)
    assert not policy_drafts.drafts(office.session)


def test_an_id_other_than_the_policys_own_or_none_is_refused(office: Desk) -> None:
    with pytest.raises(InputError, match=f"填写的政策编号是“other”，policy.yaml 里写的是“{ID}”"):
        upload(office, policy_id="other")
    with pytest.raises(InputError, match="没有填写政策编号"):
        upload(office, {"policy.yaml": b"title: x\n"})


def test_a_comparison_shows_what_goes_and_what_comes(office: Desk) -> None:
    draft = policy_drafts.entry(office.session, upload(office)).draft
    lines = policy_drafts.comparison(office.settings, draft)
    assert lines is not None
    assert [(line.kind, line.text) for line in lines if line.kind in ("dropped", "added")] == [
        ("dropped", "title: 按比例补助，有上限"),
        ("added", "title: 改后：按比例补助，有上限"),
    ]
    assert lines[0].kind == "place" and len(lines) == 9
    approve(office, draft.id or 0)
    assert policy_drafts.comparison(office.settings, draft) == []
    new = upload(office, changed(office, OLD, f"id: {ID}", "id: brand-new"))
    assert policy_drafts.comparison(office.settings, policy_drafts.entry(office.session, new).draft) is None


def test_files_that_an_approval_would_take_away_are_named(office: Desk) -> None:
    (office.settings.policies_dir / ID / "text.txt").write_text("原文", encoding="utf-8")
    draft = policy_drafts.entry(office.session, upload(office)).draft
    assert policy_drafts.missing(office.settings, draft) == ["text.txt"]
    approve(office, draft.id or 0)
    assert policy_drafts.missing(office.settings, draft) == [] and "text.txt" not in shown(office)


def test_a_later_upload_of_the_same_policy_is_pointed_out(office: Desk) -> None:
    first, second = upload(office), upload(office, changed(office, NEW, "title: 改后", "title: 再改"))
    newer = policy_drafts.newer(office.session, policy_drafts.entry(office.session, first).draft)
    assert newer is not None and newer.id == second
    assert policy_drafts.newer(office.session, newer) is None
    approve(office, second)
    newer = policy_drafts.newer(office.session, policy_drafts.entry(office.session, first).draft)
    assert newer is not None and newer.id == second, "approved meanwhile, it is the newer one all the same"


# What the disk goes through in an approval, in order: at each a crash may come.
STEPS = ("_write", "rename 1", "rename 2", "record", "settle")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("known", [True, False])
def test_a_crash_leaves_the_old_or_the_new_and_is_mended(
    office: Desk, monkeypatch: pytest.MonkeyPatch, step: str, known: bool
) -> None:
    old, new = (OLD, NEW) if known else ({}, changed(office, OLD, f"id: {ID}", "id: brand-new"))
    policy_id = ID if known else "brand-new"
    draft_id = upload(office, new)
    crash_at(monkeypatch, step)
    with pytest.raises(Crash):
        approve(office, draft_id)
    monkeypatch.undo()
    assert set(policy.listed(office.settings.policies_dir)) <= {ID, POLICY, policy_id}
    status = policy_drafts.entry(office.session, draft_id).draft.status

    policy_drafts.settle(office.session, office.settings)  # as the console does when it starts

    assert shown(office, policy_id) == (new if status is DraftState.APPROVED else old)
    assert not policy_install.unsettled(office.settings.policies_dir)
    if status is DraftState.WAITING:
        approve(office, draft_id)
    assert shown(office, policy_id) == new
    assert set(policy.listed(office.settings.policies_dir)) == {ID, POLICY, policy_id}


@pytest.mark.parametrize("step", STEPS)
def test_an_approval_after_a_crash_mends_it_as_well(office: Desk, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    first, second = upload(office), upload(office, changed(office, NEW, "title: 改后", "title: 再改"))
    crash_at(monkeypatch, step)
    with pytest.raises(Crash):
        approve(office, first)
    monkeypatch.undo()
    if step in ("rename 2", "record"):  # it was compared with what the crash left, which is mended now
        with pytest.raises(StateError, match="在用的政策已经变化"):
            approve(office, second)
    approve(office, second)
    assert "title: 再改".encode() in shown(office)["policy.yaml"]
    assert sorted(path.name for path in office.settings.policies_dir.iterdir()) == [ID, POLICY]


def crash_at(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Have the machine go down at this step, and stay down: what would tidy up is not reached."""
    calls = 0
    whole = Path.rename

    def rename(self: Path, target: Path) -> Path:
        nonlocal calls
        calls += 1
        if calls == int(step[-1]):
            raise Crash
        return whole(self, target)

    monkeypatch.setattr(policy_drafts, "settle", down)
    if step.startswith("rename"):
        monkeypatch.setattr(Path, "rename", rename)
    elif step != "settle":
        monkeypatch.setattr(audit if step == "record" else policy_install, step, down)


def down(*_arguments: object, **_named: object) -> None:
    """Nothing comes after this."""
    raise Crash


def test_when_the_record_cannot_be_written_the_old_policy_is_back(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft_id = upload(office)
    with monkeypatch.context() as patched:
        patched.setattr("services.record.audit.record", failing)
        with pytest.raises(OSError, match="disk full"):
            approve(office, draft_id)
    assert shown(office) == OLD
    assert policy_drafts.entry(office.session, draft_id).draft.status is DraftState.WAITING
    approve(office, draft_id)
    assert shown(office) == NEW


def failing(*_arguments: object) -> None:
    """What a full disk does."""
    raise OSError("disk full")


def test_a_policies_folder_that_cannot_be_written_is_said(office: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    draft_id = upload(office)
    monkeypatch.setattr(policy_install, "_write", refused)
    with pytest.raises(StateError, match=r"写不进去（Permission denied），没有启用"):
        approve(office, draft_id)
    assert shown(office) == OLD
    assert policy_drafts.entry(office.session, draft_id).draft.status is DraftState.WAITING


def refused(*_arguments: object) -> None:
    """What a folder of somebody else does."""
    raise PermissionError(13, "Permission denied")


def test_remnants_are_no_policies(office: Desk) -> None:
    shutil.copytree(SMALL, office.settings.policies_dir / f".{ID}.7.new")
    assert policy.listed(office.settings.policies_dir) == [ID, POLICY]
    with pytest.raises(ServiceError):
        policy_shelf.shelved(office.settings, f".{ID}.7.new")


def test_the_shelf_says_where_in_the_file_and_not_where_on_the_server(office: Desk) -> None:
    (office.settings.policies_dir / ID / "policy.yaml").write_text("hello", encoding="utf-8")
    found = policy_shelf.shelved(office.settings, ID)
    assert [each.sentence() for each in found.errors] == [
        "policy.yaml 第 1 行第 1 列：这里要写若干键和值，看到的是“hello”"
    ]


def test_a_changed_original_is_compared_anew(office: Desk) -> None:
    folder = office.settings.policies_dir / ID
    assert not policy_shelf.check(office.settings, ID).compared
    (folder / "text.txt").write_text("别的原文", encoding="utf-8")
    checked = policy_shelf.check(office.settings, ID)
    assert checked.compared and checked.passed
    assert any("原文 text.txt 里没有这句话" in problem.message for problem in checked.problems)
