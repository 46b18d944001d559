"""发文字号: counted by word and year, once a document, voided for a reason and never given again."""

from datetime import timedelta
from pathlib import Path

import pytest
from read_back import about_of, docx_text, objects_of, path_of, written
from small_cycle import NOW, SmallCycle
from sqlmodel import select

from config.settings import Settings
from models import (
    AwardList,
    AwardListEntry,
    Decision,
    DocumentNumber,
    PublicNotice,
    RequestStatus,
    ReviewerKind,
    StageVisit,
    Supplement,
    VerificationRequest,
    VisitResult,
)
from services.documents import TemplateProblemError, numbers, write
from services.documents.registry import KINDS
from services.errors import InputError, StateError


def number(
    small: SmallCycle, kind: str = "objection_reply", about: str = "1", word: str = "漳工信函", year: int = 2026
) -> DocumentNumber:
    return numbers.assign(
        small.session,
        small.clock,
        small.actor,
        word=word,
        year=year,
        cycle_id=small.cycle.id or 0,
        kind=kind,
        about=about,
        title="题",
    )


def void(small: SmallCycle, row: DocumentNumber, reason: str) -> DocumentNumber:
    return numbers.void(small.session, small.clock, small.actor, number_id=row.id or 0, reason=reason)


def test_each_word_counts_by_itself_and_every_year_anew(small: SmallCycle) -> None:
    given = [number(small, about=about).spelled for about in "12"] + [number(small, word="漳工信").spelled]
    assert given == ["漳工信函〔2026〕1号", "漳工信函〔2026〕2号", "漳工信函〔2026〕1号"]
    assert number(small, about="3", year=2027).spelled == "漳工信函〔2027〕1号"
    assert number(small, about="1", year=2027).spelled == "漳工信函〔2026〕1号"


def test_a_document_drafted_after_new_year_has_the_number_of_the_year_that_it_is_dated(small: SmallCycle) -> None:
    small.clock.advance(timedelta(days=365))
    text = about(small, "objection_reply", about_of(small, "objection_reply"))
    assert "漳工信函〔2026〕1号" in text and "2026年3月" in text and "2027" not in text


def test_a_voided_number_stays_with_its_reason_and_is_not_given_again(small: SmallCycle) -> None:
    first = number(small)
    void(small, first, "内容有误，不发")
    assert number(small).spelled == "漳工信函〔2026〕2号"
    register = [(row.sequence, row.void_reason) for row in numbers.register(small.session, small.cycle.id)]
    assert register == [(1, "内容有误，不发"), (2, "")]
    with pytest.raises(StateError, match=r"漳工信函〔2026〕1号 已经作废（内容有误，不发）"):
        void(small, first, "再次作废")


def test_voiding_needs_a_reason(small: SmallCycle) -> None:
    with pytest.raises(InputError, match=r"作废 漳工信函〔2026〕1号 必须写明理由"):
        void(small, number(small), " ")


def test_a_document_drafted_again_keeps_its_number(small: SmallCycle) -> None:
    def drafted() -> str:
        about = about_of(small, "objection_reply")
        rows = write(
            small.session, small.clock, small.actor, small.settings, small.cycle, "objection_reply", about=about
        )
        return docx_text(path_of(small, rows[1]))

    assert "漳工信函〔2026〕1号" in drafted()
    small.clock.advance(timedelta(days=400))
    assert "漳工信函〔2026〕1号" in drafted()
    assert len(small.session.exec(select(DocumentNumber)).all()) == 1


def about(small: SmallCycle, kind: str, key: str) -> str:
    """The text of the document about this object."""
    rows = write(small.session, small.clock, small.actor, small.settings, small.cycle, kind, about=key)
    return docx_text(path_of(small, rows[1]))


def test_a_second_request_to_supply_is_another_letter(small: SmallCycle) -> None:
    first = small.session.exec(select(Supplement)).one()
    later = Supplement(
        application_id=first.application_id,
        round=2,
        remarks="发票没有加盖发票专用章",
        due_at=NOW + timedelta(days=30),
        requested_by=first.requested_by,
        requested_at=NOW + timedelta(days=20),
    )
    small.session.add(later)
    small.session.commit()
    assert objects_of(small, "supplement_notice") == {
        "SB2025-00001": "SB2025-00001",
        "SB2025-00001/2": "SB2025-00001（第2次）",
    }
    texts = [about(small, "supplement_notice", key) for key in ("SB2025-00001", "SB2025-00001/2")]
    assert "漳工信补〔2026〕1号" in texts[0] and "合同缺少第3页" in texts[0] and "发票专用章" not in texts[0]
    assert "漳工信补〔2026〕2号" in texts[1] and "合同缺少第3页" not in texts[1] and "发票专用章" in texts[1]


def test_what_is_asked_on_each_visit_to_the_stage_is_another_letter(small: SmallCycle) -> None:
    """Twice one application has to be verified again; neither letter has the other's, which was answered by then."""
    for number in (1, 2, 3):
        visit = StageVisit(
            cycle_id=small.cycle.id or 0,
            stage="verification",
            number=number,
            entered_at=NOW + timedelta(days=number - 1),
            left_at=NOW + timedelta(days=number - 1, hours=9),
            result=VisitResult.PASSED,
        )
        small.session.add(visit)
    for place, number in ((0, 2), (1, 3)):
        asked = VerificationRequest(
            cycle_id=small.cycle.id or 0,
            application_id=small.entries[place].application_id,
            kind=ReviewerKind.BUREAU,
            reviewer="industry",
            round=2,
            facts=["fee"],
            status=RequestStatus.ANSWERED,
            sent_at=NOW + timedelta(days=number - 1, hours=1),
            due_at=NOW + timedelta(days=9),
        )
        small.session.add(asked)
    small.session.commit()
    listed = {key: about(small, "review_letter", key) for key in objects_of(small, "review_letter")}
    assert list(listed) == ["industry", "industry/2", "industry/3"]
    for place, (count, text) in enumerate(zip((5, 1, 1), listed.values(), strict=True), 1):
        assert f"漳工信函〔2026〕{place}号" in text and f"核验的{count}件" in text


def test_the_request_for_the_next_list_is_another_letter(small: SmallCycle) -> None:
    assert "漳工信〔2026〕1号" in docx_text(written(small, "funds_request")["docx"])
    session, first = small.session, small.session.get_one(AwardList, small.entries[0].list_id)
    second = AwardList(**first.model_dump(exclude={"id", "version", "digest"}), version=2, digest="2" * 64)
    session.add(second)
    session.flush()
    entry = AwardListEntry(**small.entries[0].model_dump(exclude={"id", "list_id"}), list_id=second.id or 0)
    decision = session.exec(select(Decision)).one()
    approval = Decision(**decision.model_dump(exclude={"id", "digest"}), digest=second.digest)
    notice = session.exec(select(PublicNotice)).one()
    session.add_all(
        [entry, approval, PublicNotice(**notice.model_dump(exclude={"id", "list_id"}), list_id=second.id or 0)]
    )
    session.commit()
    text = docx_text(written(small, "funds_request")["docx"])
    assert "漳工信〔2026〕2号" in text and "拟奖补名单（第2版）" in text
    assert [row.about for row in numbers.register(session, small.cycle.id)] == ["名单第1版", "名单第2版"]


def test_a_broken_template_takes_no_number(small: SmallCycle, tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "funds_notice.html").write_text("{{ nosuch }}", encoding="utf-8")
    with pytest.raises(TemplateProblemError, match=r"模板“funds_notice\.html”第 1 行用了没有的名称"):
        write(
            small.session,
            small.clock,
            small.actor,
            small.settings.model_copy(update={"templates_dir": tmp_path}),
            small.cycle,
            "funds_notice",
        )
    assert small.session.exec(select(DocumentNumber)).all() == []


def test_the_words_of_the_numbers_are_those_that_the_setting_tells_of() -> None:
    told = Settings.model_fields["issuing_word"].description or ""
    words = {kind.word for kind in KINDS.values() if kind.word}
    assert words == {"函", "补", "追"}
    assert all(f"“{word}”" in told for word in words)
