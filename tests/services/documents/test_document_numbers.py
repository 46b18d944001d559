"""发文字号: counted by word and year, once a document, voided for a reason and never given again."""

from datetime import timedelta
from pathlib import Path

import pytest
from read_back import about_of, docx_text, path_of
from small_cycle import SmallCycle
from sqlmodel import select

from config.settings import Settings
from models import DocumentNumber
from services.documents import TemplateProblemError, numbers, write
from services.documents.registry import KINDS
from services.documents.render.pages import FOLDERS
from services.errors import InputError, StateError


def number(
    small: SmallCycle, kind: str = "objection_reply", about: str = "1", word: str = "漳工信函"
) -> DocumentNumber:
    return numbers.assign(
        small.session,
        small.clock,
        small.actor,
        word=word,
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
    small.clock.advance(timedelta(days=365))
    assert number(small, about="3").spelled == "漳工信函〔2027〕1号"
    assert number(small, about="1").spelled == "漳工信函〔2026〕1号"


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


def test_a_broken_template_takes_no_number(small: SmallCycle, tmp_path: Path) -> None:
    (tmp_path / "funds_notice.html").write_text("{{ nosuch }}", encoding="utf-8")
    with pytest.raises(TemplateProblemError, match=r"模板“funds_notice\.html”第 1 行用了没有的名称"):
        write(
            small.session,
            small.clock,
            small.actor,
            small.settings,
            small.cycle,
            "funds_notice",
            templates=(tmp_path, *FOLDERS),
        )
    assert small.session.exec(select(DocumentNumber)).all() == []


def test_the_words_of_the_numbers_are_those_that_the_setting_tells_of() -> None:
    told = Settings.model_fields["issuing_word"].description or ""
    words = {kind.word for kind in KINDS.values() if kind.word}
    assert words == {"函", "补", "追"}
    assert all(f"“{word}”" in told for word in words)
