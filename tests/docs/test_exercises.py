"""The exercises of docs/ are right, and the second policy runs beside the first from its upload to a frozen list."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlmodel import select

import policy
from config.settings import ROOT
from models import Application, AwardList, Opinion, ReviewerKind, Role
from services.access import people
from services.access.actors import find_actor
from services.application import applications
from services.award import computation, lists
from services.cycle import cycles
from services.documents.content import CellKind, Column
from services.documents.render.xlsx import to_xlsx
from services.documents.rows import Cell
from services.documents.writing import write
from services.errors import NotFoundError
from services.files import blank_books
from services.grants import overlaps
from services.law import policies, policy_drafts, policy_upload
from services.review import reviews
from tests.desk import POLICY, Desk, make_desk

EXERCISES = ROOT / "docs" / "exercises"
FOLDERS = ["shili-green-2026", "zhangzhou-ai-2027"]
SECOND = "shili-green-2026"
FIRST_DAY = datetime(2027, 3, 1, 1, tzinfo=UTC)
AFTER_INTAKE = datetime(2027, 6, 1, 1, tzinfo=UTC)
ENTERPRISES = {  # all made up: name → code, county
    "示例甲机械有限公司": ("91350699MA7XW0001X", "城南区"),
    "示例乙纸业有限公司": ("91350699MA7XW00021", "远山县"),
    "示例丙建材有限公司": ("91350699MA7XW00034", "江北区"),
    "示例丁食品有限公司": ("91350699MA7XW00047", "江北区"),
}
FILED = {  # sheet → enterprise, what it declares
    "节能改造补助": [
        ("示例甲机械有限公司", {"当年设备投资": "20000000.00"}),
        ("示例乙纸业有限公司", {"当年设备投资": "4999999.99"}),
        ("示例丙建材有限公司", {"当年设备投资": "50000000.00"}),
    ],
    "绿色工厂奖励": [("示例甲机械有限公司", {"绿色工厂等级": "国家级"})],
    "碳核查补助": [("示例丁食品有限公司", {"本厂区核查费用": "30200.00", "厂区名称": "一厂"})],
    "能源管理人员培训补助": [
        ("示例乙纸业有限公司", {"取得合格证书人数": "50"}),
        ("示例丙建材有限公司", {"取得合格证书人数": "60"}),
        ("示例丁食品有限公司", {"取得合格证书人数": "50"}),
    ],
}
BY_HAND = {  # in fen
    # 20,000,000 × 12% = 2,400,000, one project at most 2,000,000
    ("energy-saving", "示例甲机械有限公司"): ("award", 2_000_000_00),
    # 4,999,999.99 × 8% = 399,999.9992, down to the hundred
    ("energy-saving", "示例乙纸业有限公司"): ("award", 399_900_00),
    # from 50,000,000 the province pays
    ("energy-saving", "示例丙建材有限公司"): ("referral", 0),
    # 600,000, but 2,000,000 of the year's 2,300,000 is gone
    ("green-factory", "示例甲机械有限公司"): ("award", 300_000_00),
    # 30,200 × 50% = 15,100, one site at most 15,000
    ("carbon-audit", "示例丁食品有限公司"): ("award", 15_000_00),
    # 3 × 50 persons × 800 = 120,000 for a pool of 100,000: 33,333.33 each, the fen left over to the first
    ("energy-training", "示例乙纸业有限公司"): ("award", 33_333_34),
    ("energy-training", "示例丙建材有限公司"): ("award", 33_333_33),
    ("energy-training", "示例丁食品有限公司"): ("award", 33_333_33),
}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Desk]:
    """The desk with its first policy's 2025 cycle open, and a policies folder of its own."""
    made = make_desk(tmp_path / "data")
    shutil.copytree(ROOT / "config" / "policies" / POLICY, tmp_path / "policies" / POLICY)
    made.clock.instant = FIRST_DAY
    yield replace(made, settings=made.settings.model_copy(update={"policies_dir": tmp_path / "policies"}))
    made.session.close()
    made.engine.dispose()


@pytest.mark.parametrize("name", FOLDERS)
def test_an_exercise_is_checked_without_a_finding_and_its_cases_hold(name: str) -> None:
    folder = EXERCISES / name
    assert [problem.sentence() for problem in policy.check(folder)] == []
    results = policy.run_cases(folder)
    assert len(results) > 30
    assert [(each.name, each.differences) for each in results if not each.passed] == []


@pytest.mark.parametrize("name", FOLDERS)
def test_an_exercise_says_that_it_is_made_up(name: str) -> None:
    for file in (EXERCISES / name).iterdir():
        assert "虚构" in file.read_text(encoding="utf-8").splitlines()[0], file.name
    assert "虚构" in (EXERCISES / "README.md").read_text(encoding="utf-8")


def test_the_second_policy_runs_beside_the_first_to_a_list_worked_out_by_hand(office: Desk, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        opened(office)
    install(office)
    desk = opened(office)
    assert {cycle.policy_id for cycle in cycles.open_cycles(desk.session)} == {POLICY, SECOND}
    write(*desk.at, desk.operator, desk.settings, desk.cycle, "guide")
    check_guide(next(desk.settings.output_dir.rglob("*申报指南*.html")).read_text(encoding="utf-8"))
    desk.open_intake()
    record = applications.import_applications(
        *desk.at,
        desk.operator,
        settings=desk.settings,
        cycle_id=desk.cycle_id,
        path=filled_in(desk, tmp_path / "汇总表.xlsx"),
    )
    assert (record.rows_added, record.problems) == (len(BY_HAND), [])
    frozen = to_the_list(desk)
    assert awards_of(desk, frozen) == BY_HAND
    assert frozen.total_fen == 2_814_900_00


def install(office: Desk) -> None:
    """Hand the folder in as the operator does, and have the section head agree."""
    files = [(file.name, file.read_bytes()) for file in sorted((EXERCISES / SECOND).iterdir())]
    folder = policy_upload.read(office.settings, files)
    draft, _ = policy_drafts.upload(*office.at, office.operator, settings=office.settings, policy_id="", folder=folder)
    own = {"settings": office.settings, "draft_id": draft.id or 0}
    policy_drafts.approve(*office.at, office.section_head, **own, instead_of="")  # there is none of it yet


def opened(office: Desk) -> Desk:
    """The desk of the second policy's 2026, with somebody in each of its bureaus and counties."""
    cycle = cycles.open_cycle(
        *office.at, office.operator, settings=office.settings, plan=office.plan, policy_id=SECOND, year=2026
    )
    law = policies.policy_of(office.session, cycle)
    places = [(Role.BUREAU_VERIFIER, "bureau", each.id) for each in law.bureaus if each.id not in office.bureaus]
    places += [(Role.COUNTY_REVIEWER, "county", each.id) for each in law.counties]
    for role, kind, place in places:
        login = f"{kind}-{place}"
        people.add_user(*office.at, office.system, login=login, name=login, role=role, **{kind: place})
    return replace(
        office,
        cycle_id=cycle.id or 0,
        bureaus={each.id: find_actor(office.session, f"bureau-{each.id}") for each in law.bureaus},
        counties={each.id: find_actor(office.session, f"county-{each.id}") for each in law.counties},
    )


def check_guide(guide: str) -> None:
    """The guide says what this policy says, and nothing that only the first one does."""
    for told in (
        "示例市制造业绿色改造奖补办法",
        "单个项目最高",
        "每件奖补的最高限额",
        "已获上级资金支持的，不再奖补",
        "一家企业一年合计最高：230万元",
        "培训补助资金全市年度总额：10万元",
        "远山县由市级承担80%、县级承担20%",
        "不再补助",
    ):
        assert told in guide, told
    for told in ("开发区", "漳州", "就高、从优、不重复", "市级奖补资金", "一事一议"):
        assert told not in guide.replace("漳州市工业和信息化局", ""), told


def filled_in(desk: Desk, path: Path) -> Path:
    """The empty workbook of the policy, filled in."""
    book = blank_books.for_applications(policies.policy_of(desk.session, desk.cycle), "示例局", date(2027, 3, 1))
    sheets = [
        replace(
            sheet,
            rows=tuple(
                tuple(cell(column, line(enterprise, declared)) for column in sheet.columns)
                for enterprise, declared in FILED[sheet.name]
            ),
        )
        for sheet in book.sheets
    ]
    path.write_bytes(to_xlsx(replace(book, sheets=tuple(sheets))))
    return path


def line(enterprise: str, declared: dict[str, str]) -> dict[str, str]:
    code, county = ENTERPRISES[enterprise]
    common = {"企业名称": enterprise, "统一社会信用代码": code, "单位类型": "企业", "县区": county}
    contact = {"联系人": "示例", "联系电话": "13000000001", "联系邮箱": f"{code.lower()}@example.invalid"}
    bank = {"开户银行": "示例银行", "银行账号": "6200000000000000001", "承诺书(是/否)": "是", "完成日期": "2026-06-30"}
    return {**common, **contact, **bank, **declared}


def cell(column: Column, values: dict[str, str]) -> Cell:
    text = values.get(column.title, "")
    match column.kind:
        case CellKind.MONEY if text:
            return int(text.replace(".", ""))
        case CellKind.INTEGER if text:
            return int(text)
        case CellKind.DATE if text:
            return date.fromisoformat(text)
    return text


def to_the_list(desk: Desk) -> AwardList:
    """From the intake to the frozen list; everybody agrees, and the statistics bureau gives what it alone knows."""
    desk.clock.instant = AFTER_INTAKE
    desk.pass_gate()
    assert desk.examine()["accepted"] == len(BY_HAND)
    desk.pass_gate()
    for kind, actors in ((ReviewerKind.COUNTY, desk.counties), (ReviewerKind.BUREAU, desk.bureaus)):
        desk.request(kind)
        for asked in reviews.open_requests(desk.session, desk.cycle_id, kind):
            values = {"saving": "8"} if "saving" in asked.facts else {}
            reviews.reply(
                *desk.at, actors[asked.reviewer], request_id=asked.id or 0, opinion=Opinion.AGREE, values=values
            )
        desk.pass_gate()
    overlaps.find(*desk.at, desk.system, cycle_id=desk.cycle_id)
    desk.pass_gate()
    desk.pass_gate()  # nobody waits for a panel
    computation.compute(*desk.at, desk.system, cycle_id=desk.cycle_id)
    desk.pass_gate()
    return lists.freeze(*desk.at, desk.operator, cycle_id=desk.cycle_id)


def awards_of(desk: Desk, frozen: AwardList) -> dict[tuple[str, str], tuple[str, int]]:
    filed = {each.id: each for each in desk.session.exec(select(Application))}
    lines = [(filed[each.application_id], each) for each in lists.entries(desk.session, frozen.id or 0)]
    return {(app.measure, app.enterprise_name): (each.outcome.value, each.amount_fen) for app, each in lines}
