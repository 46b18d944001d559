"""Leaders in the console: what waits, the exact digest, 同意 and 退回, and nobody out of turn."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import col, select

from models import (
    Application,
    AwardList,
    AwardListEntry,
    Cycle,
    Decision,
    DecisionKind,
    LedgerSearch,
    Role,
    StageVisit,
    VisitResult,
)
from services.access.actors import system_actor
from services.award import lists
from services.cycle import cycles, waiting
from tests.web.conftest import House, decide, send

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def house(house_at: Callable[[str | None], House]) -> House:
    """The first list, ready for approval."""
    made = house_at("approval")
    ready(made)
    return made


def ready(house: House) -> None:
    """The stage's own work is done."""
    with house.session() as session:
        cycles.finish_work(session, house.clock, system_actor(session), cycle_id=1, summary={})


def digest_of(house: House) -> str:
    """The digest of the current list."""
    with house.session() as session:
        return lists.current_list(session, cycles.get_cycle(session, 1)).digest


def decisions(house: House, stage: str = "approval") -> list[Decision]:
    """What was decided at the stage."""
    with house.session() as session:
        query = select(Decision).join(StageVisit).where(StageVisit.stage == stage).order_by("id")  # type: ignore[arg-type]
        return list(session.exec(query))


def next_version(house: House) -> None:
    """The list is frozen anew with one line less."""
    with house.session() as session:
        old = lists.current_list(session, cycles.get_cycle(session, 1))
        lines = lists.entries(session, old.id or 0)
        new = AwardList(
            cycle_id=1,
            version=old.version + 1,
            run_id=old.run_id,
            digest="f" * 64,
            total_fen=old.total_fen,
            prepared_by=old.prepared_by,
            frozen_at=house.clock.now(),
        )
        session.add(new)
        session.flush()
        session.add_all(
            AwardListEntry(**line.model_dump(exclude={"id", "list_id"}), list_id=new.id or 0) for line in lines[1:]
        )
        session.commit()


def test_what_waits_is_shown_to_whose_turn_it_is(house: House) -> None:
    assert "查看并审批" in house.as_role(Role.SECTION_HEAD).get("/decisions").text
    later = house.as_role(Role.BUREAU_LEADER)
    assert "现在没有等待您审批的内容" in later.get("/decisions").text
    page = later.get("/decisions/1").text
    assert "现在待科室负责人审批" in page
    assert "/decisions/1/approve" not in page


def test_the_page_shows_the_list_its_risks_and_the_whole_digest(house: House) -> None:
    page = house.as_role(Role.SECTION_HEAD).get("/decisions/1").text
    digest = digest_of(house)
    assert " ".join(digest[at : at + 8] for at in range(0, 64, 8)) in page
    assert f'name="digest" value="{digest}"' in page
    for words in (
        "肆仟伍佰柒拾陆万",
        "这是第一版",
        "上年 402.5 万元",
        "同名活动每年一届",
        "视同无意见",
        "按最高限额封顶",
    ):
        assert words in page


def test_an_award_whose_invoice_another_policys_list_has_is_told(house: House) -> None:
    leader = house.as_role(Role.SECTION_HEAD)
    assert "别处也奖补的发票（0）" in leader.get("/decisions/1").text
    number = list_of_another_policy(house)
    page = leader.get("/decisions/1").text
    assert "别处也奖补的发票（1）" in page
    told = leader.get("/decisions/1/risks/elsewhere").text
    for words in (f"2025 年度申报 {number}，名单正在报批，漳州", "发票号码相同"):
        assert words in page and words in told


def list_of_another_policy(house: House) -> str:
    """It is being approved, and one award of it is for an invoice of this year's list; its application's number."""
    with house.session() as session:
        first = cycles.get_cycle(session, 1)
        other = Cycle(**first.model_dump(exclude={"id"}) | {"policy_id": "another-policy"})
        session.add(other)
        session.flush()
        frozen = lists.current_list(session, first)
        line = session.exec(
            select(AwardListEntry)
            .join(Application, col(Application.id) == AwardListEntry.application_id)
            .where(AwardListEntry.list_id == frozen.id, AwardListEntry.amount_fen > 0, Application.invoices != "")
        ).first()
        assert line is not None
        own = session.get_one(Application, line.application_id)
        made = Application(
            **own.model_dump(exclude={"id", "cycle_id", "number"}), cycle_id=other.id or 0, number=f"Q{own.number}"
        )
        theirs = AwardList(**frozen.model_dump(exclude={"id", "cycle_id"}), cycle_id=other.id or 0)
        session.add_all((made, theirs))
        session.flush()
        copied = line.model_dump(exclude={"id", "list_id", "application_id"})
        session.add(AwardListEntry(**copied, list_id=theirs.id or 0, application_id=made.id or 0))
        session.commit()
        return made.number


def test_a_ledger_that_came_after_the_search_is_told(house: House) -> None:
    """A list that is out is not searched again."""
    leader = house.as_role(Role.SECTION_HEAD)
    assert "这份名单没有再比对" not in leader.get("/decisions/1").text
    with house.session() as session:
        session.get_one(LedgerSearch, 1).entries_through -= 1
        session.commit()
    assert "这份名单没有再比对" in leader.get("/decisions/1").text


def test_a_long_list_and_its_risks_are_leafed_through(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.award.risks._ON_A_PAGE", 1)
    monkeypatch.setattr("services.award.caseload._LINES", 10)
    with house.session() as session:
        lines = lists.entries(session, lists.current_list(session, cycles.get_cycle(session, 1)).id or 0)
    head = house.as_role(Role.SECTION_HEAD)
    page = head.get("/decisions/1").text
    assert f"逐件查看 {len(lines)} 件" in page and "?page=2#lines" in page and '<details id="lines"><summary>' in page
    pages = [head.get("/decisions/1", params={"page": number}).text for number in range(1, -(-len(lines) // 10) + 1)]
    shown = [re.findall(r'soft small">([^<]+)<', each.split("名单全文")[1].split("</table>")[0]) for each in pages]
    assert [number for each in shown for number in each] == [line.number for line in lines]
    assert 'id="lines" open' in pages[1]
    totals: list[int] = []
    for kind, title in (("decided", "人工认定的查重"), ("overridden", "放行和视同无意见"), ("capped", "达到最高限额")):
        (total,) = map(int, re.findall(f"<h3>{title}（([0-9]+)）", page))
        totals.append(total)
        assert (f'href="/decisions/1/risks/{kind}">查看全部 {total} 条' in page) == (total > 1)
        leaves = [head.get(f"/decisions/1/risks/{kind}", params={"page": n}).text for n in range(1, total + 1)]
        told = [each.split('class="risks plain"')[1].split("</ul>")[0] for each in leaves]
        assert len(set(told)) == total and all(each.count("<li>") == 1 for each in told)
    assert max(totals) > 2 and min(totals) > 0
    late = head.get("/decisions/1/risks/late").text
    assert "逾期回复" in late and "没有。" in late
    assert head.get("/decisions/1/risks/other").status_code == 404


def test_the_figures_are_those_of_the_lines(house: House) -> None:
    with house.session() as session:
        cycle = cycles.get_cycle(session, 1)
        lines = lists.entries(session, lists.current_list(session, cycle).id or 0)
        brief = waiting.brief(session, cycle)
        titles = brief.measure_names
    awarded = [line for line in lines if line.amount_fen]
    assert (brief.awards, brief.enterprises) == (len(awarded), len({line.uscc for line in awarded}))
    assert brief.outcomes == Counter(line.outcome for line in lines) and len(brief.outcomes) > 2
    assert {each.name: (each.applications, each.awards, each.amount_fen) for each in brief.measures} == {
        titles[measure]: (
            len(of := [line for line in lines if line.measure == measure]),
            sum(line.amount_fen > 0 for line in of),
            sum(line.amount_fen for line in of),
        )
        for measure in {line.measure for line in lines}
    }
    assert sum(each.applications for each in brief.counties) == len(lines)
    assert sum(each.amount_fen for each in brief.counties) == brief.current.total_fen


def test_the_chain_approves_one_after_the_other(house: House) -> None:
    digest = digest_of(house)
    for role in (Role.SECTION_HEAD, Role.BUREAU_LEADER, Role.BUREAU_MEETING):
        answer = send(house.as_role(role), "/decisions/1/approve", digest=digest, opinion=f"同意{HOSTILE}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/decisions")
    assert [(each.step, each.digest) for each in decisions(house)] == [(step, digest) for step in range(3)]
    assert house.as_role(Role.BUREAU_LEADER).get("/decisions/1").status_code == 404


def test_an_opinion_is_shown_as_text(house: House) -> None:
    send(house.as_role(Role.SECTION_HEAD), "/decisions/1/approve", digest=digest_of(house), opinion=HOSTILE)
    page = house.as_role(Role.BUREAU_LEADER).get("/decisions/1").text
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)" in page


def test_nobody_approves_out_of_turn(house: House) -> None:
    leader = house.as_role(Role.BUREAU_LEADER)
    assert send(leader, "/decisions/1/approve", digest=digest_of(house)).status_code == 403
    assert send(leader, "/decisions/1/return", digest=digest_of(house), reason="不对").status_code == 403
    assert decisions(house) == []


def test_what_changed_meanwhile_is_not_approved(house: House) -> None:
    browser, seen = house.as_role(Role.SECTION_HEAD), digest_of(house)
    next_version(house)
    answer = send(browser, "/decisions/1/approve", digest=seen, opinion="都核对过")
    assert answer.status_code == 422
    assert "所批内容已经变化" in answer.text and "都核对过" in answer.text
    assert f'value="{"f" * 64}"' in answer.text
    assert "比第 1 版改了什么" in answer.text and "1 件不同" in answer.text
    assert decisions(house) == []


def test_returning_needs_a_reason_and_is_recorded(house: House) -> None:
    browser, digest = house.as_role(Role.SECTION_HEAD), digest_of(house)
    refused = send(browser, "/decisions/1/return", digest=digest, reason=" ")
    assert refused.status_code == 422
    assert "必须写明理由" in refused.text
    assert "部门联审" in refused.text
    assert send(browser, "/decisions/1/return", digest=digest, reason="重复的再核一遍").status_code == 303
    (decision,) = decisions(house)
    assert (decision.kind, decision.reason) == (DecisionKind.RETURN, "重复的再核一遍")
    assert browser.get("/decisions/1").status_code == 404


def test_the_guide_shows_what_it_promises_and_its_draft(house_at: Callable[[str | None], House]) -> None:
    house = house_at("guide")
    assert house.as_role(Role.SECTION_HEAD).get("/decisions/1").status_code == 404
    ready(house)
    browser = house.as_role(Role.SECTION_HEAD)
    page = browser.get("/decisions/1").text
    assert "市县分担" in page and "龙海区" in page
    assert "市级人工智能典型应用场景奖励〔二（四）〕由市级负担 100%、县级负担 0%" in page
    write_guide(house)
    draft = browser.get("/decisions/1/guide.html")
    assert draft.status_code == 200
    assert "sandbox" in draft.headers["content-security-policy"]
    assert "/decisions/1/guide.html" in browser.get("/decisions/1").text


def test_the_guide_shows_what_the_year_settles_otherwise(house_at: Callable[[str | None], House]) -> None:
    house = house_at("guide")
    ready(house)
    head = house.as_role(Role.SECTION_HEAD)
    assert "没有，全部按政策执行" in head.get("/decisions/1").text
    chosen = {"setting": ["policy.overlap", "dataset-trade.rate"], "value": ["不再补", "20%"]}
    assert decide(house.as_role(Role.OPERATOR), "/board/1/standards", **chosen).status_code == 303
    ready(house)
    page = re.sub(r"<[^>]+>|\s+", "", head.get("/decisions/1").text)
    assert "各项措施共用：同一事项已获上级资助时本年度不再补政策原定补差" in page
    assert "本年度20%政策原定30%" in page and "全部按政策执行" not in page


def test_the_draft_that_is_shown_is_the_one_that_holds(house_at: Callable[[str | None], House]) -> None:
    house = house_at("guide")
    operator, head = house.as_role(Role.OPERATOR), house.as_role(Role.SECTION_HEAD)

    def draft_with(rate: str) -> str:
        house.clock.set(house.clock.now() + timedelta(minutes=1))
        assert decide(operator, "/board/1/standards", setting=["dataset-trade.rate"], value=[rate]).status_code == 303
        write_guide(house)
        ready(house)
        return head.get("/decisions/1/guide.html").text

    first, second = draft_with("20%"), draft_with("25%")
    assert first != second
    assert draft_with("20%") == first, "though its files were written before the other's"
    with house.session() as session:
        visit = session.exec(select(StageVisit).where(StageVisit.stage == "guide")).one()
        visit.left_at, visit.result = house.clock.now(), VisitResult.PASSED
        session.commit()
    assert house.browser().get("/cycles/1/files/guide.html").text == first
    (newest,) = re.findall(r'<a href="(/documents/files/\d+)"[^>]*指南，HTML"', operator.get("/documents").text)
    assert operator.get(newest).text == first


def test_the_auditor_reads_what_waits_and_what_was_decided(house: House) -> None:
    send(house.as_role(Role.SECTION_HEAD), "/decisions/1/approve", digest=digest_of(house), opinion="同意上会")
    auditor = house.as_role(Role.AUDITOR)
    page = auditor.get("/decisions").text
    assert "正在审批" in page and "同意上会" in page and "待我审批" not in page
    assert "我的审批" not in auditor.get("/decisions/1").text
    for act in ("approve", "return"):
        assert send(auditor, f"/decisions/1/{act}", digest=digest_of(house), reason="查").status_code == 403


def write_guide(house: House) -> None:
    """The draft of the guide."""
    from services.documents import write

    with house.session() as session:
        write(session, house.clock, system_actor(session), house.settings, cycles.get_cycle(session, 1), "guide")
