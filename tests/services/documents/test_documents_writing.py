"""Writing: recorded once, the same bytes every time, nothing half written, a new draft for new content."""

import hashlib
import re
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType

import pytest
from read_back import about_of, path_of
from small_cycle import NOW, SmallCycle
from sqlalchemy import event
from sqlmodel import select

from models import AuditEntry, AwardListEntry, Document, Payment, Role
from services.documents import KINDS, NotYetError, TemplateProblemError, write, write_all
from services.documents.shelf import Place, shelf
from services.errors import InputError, NotAllowedError, NotFoundError

ONE_OF_EACH_SORT = ("guide", "supplement_notice", "dossier", "payment_list")


def write_kind(small: SmallCycle, kind: str, templates: Path | None = None) -> list[Document]:
    own = {} if templates is None else {"templates_dir": templates}
    settings, about = small.settings.model_copy(update=own), about_of(small, kind)
    return write(small.session, small.clock, small.actor, settings, small.cycle, kind, about=about)


def write_own(folder: Path, source: str) -> None:
    """The bureau's own template of the public list."""
    (folder / "documents").mkdir()
    (folder / "documents" / "public_list.html").write_text(source, encoding="utf-8")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("kind", ["public_list", "objection_reply", "calculation"])
def test_writing_twice_records_once_and_gives_the_same_bytes(small: SmallCycle, kind: str) -> None:
    first = write_kind(small, kind)
    assert [row.format for row in first] == list(KINDS[kind].formats)
    digests = [row.sha256 for row in first]
    for row in first:
        assert sha256(path_of(small, row)) == row.sha256
        path_of(small, row).unlink()
    second = write_kind(small, kind)
    assert [row.id for row in second] == [row.id for row in first]
    assert [row.sha256 for row in second] == digests == [sha256(path_of(small, row)) for row in second]
    assert len(small.session.exec(select(Document)).all()) == len(first)


def test_all_of_a_kind_are_written_without_reading_every_application_for_each(small: SmallCycle) -> None:
    read: list[str] = []
    event.listen(small.session.get_bind(), "before_cursor_execute", lambda *said: read.append(said[2]))
    rows = write_all(small.session, small.clock, small.actor, small.settings, small.cycle, "dossier")
    assert [row.about for row in rows] == [f"SB2025-0000{place}" for place in range(1, 6)]
    whole = [each for each in read if "application.cycle_id = ?" in each and "FROM application" in each]
    assert len(whole) == 1


def shelved(small: SmallCycle, kind: str) -> Place:
    """The documents of a kind."""
    places = shelf(small.session, small.clock, small.actor, small.settings, small.cycle)
    return next(each for each in places if each.kind.id == kind)


def test_the_shelf_has_the_newest_draft_of_each_object(small: SmallCycle) -> None:
    (written,) = write_kind(small, "dossier")
    place = shelved(small, "dossier")
    assert [(each.about, each.label, each.drafts) for each in place.written] == [(written.about, written.about, 1)]
    assert len(place.objects or {}) == 5 and not place.typed


def test_the_shelf_does_no_more_for_each_document_when_there_are_many(small: SmallCycle) -> None:
    def lines(last: int) -> int:
        """How many lines of the shelf's module run for so many dossiers."""
        have = len(shelved(small, "dossier").written)
        small.session.add_all(dossier(small, number) for number in range(have + 1, last + 1))
        small.session.commit()
        counted = 0

        def trace(frame: FrameType, event: str, _: object) -> Callable[..., object] | None:
            nonlocal counted
            counted += event == "line"
            return trace if frame.f_code.co_filename == shelf.__code__.co_filename else None

        sys.settrace(trace)
        try:
            assert len(shelved(small, "dossier").written) == last
        finally:
            sys.settrace(None)
        return counted

    few, many = lines(50), lines(400)
    assert many <= 8 * few  # a look at every row for each would take 64 times as many


def dossier(small: SmallCycle, number: int) -> Document:
    about = f"SB2025-{number:05d}"
    row = {"about": about, "title": "案卷", "subject": about, "path": f"{about}.pdf", "sha256": "x", "written_at": NOW}
    return Document.model_validate({"cycle_id": small.cycle.id, "kind": "dossier", "format": "pdf", **row})


def test_an_unchanged_file_is_left_alone(small: SmallCycle) -> None:
    (row,) = write_kind(small, "calculation")
    before = path_of(small, row).stat().st_mtime_ns
    entries = len(small.session.exec(select(AuditEntry)).all())
    write_kind(small, "calculation")
    assert path_of(small, row).stat().st_mtime_ns == before
    assert len(small.session.exec(select(AuditEntry)).all()) == entries == 1


def test_a_changed_file_is_written_anew(small: SmallCycle) -> None:
    (row,) = write_kind(small, "calculation")
    path_of(small, row).write_bytes(b"changed by hand")
    write_kind(small, "calculation")
    assert sha256(path_of(small, row)) == row.sha256


def test_the_record_follows_when_another_version_of_a_library_gives_other_bytes(small: SmallCycle) -> None:
    (row,) = write_kind(small, "calculation")
    row.sha256 = "0" * 64
    small.session.add(row)
    small.session.commit()
    (again,) = write_kind(small, "calculation")
    assert again.id == row.id
    assert again.sha256 == sha256(path_of(small, again))


def test_new_content_is_a_new_draft_beside_the_old_one(small: SmallCycle) -> None:
    first = write_kind(small, "public_list")
    entry = small.session.get_one(AwardListEntry, small.entries[0].id)
    entry.amount_fen += 1
    small.session.commit()
    second = write_kind(small, "public_list")
    assert [Path(row.path).name for row in first] == [
        "拟奖补名单公示.html",
        "拟奖补名单公示.docx",
        "拟奖补名单公示.pdf",
    ]
    assert [Path(row.path).name for row in second] == [
        f"拟奖补名单公示-第2稿.{form}" for form in ("html", "docx", "pdf")
    ]
    assert all(sha256(path_of(small, row)) == row.sha256 for row in (*first, *second))


def test_files_lie_in_the_folder_of_the_cycle_with_nothing_else(small: SmallCycle) -> None:
    for kind in ONE_OF_EACH_SORT:
        write_kind(small, kind)
    folder = small.settings.output_dir / "example-2025-2025"
    rows = small.session.exec(select(Document)).all()
    assert {path.name for path in folder.iterdir()} == {Path(row.path).name for row in rows}
    assert len(rows) == sum(len(KINDS[kind].formats) for kind in ONE_OF_EACH_SORT)


def test_only_those_who_may_write_documents_write_them(small: SmallCycle) -> None:
    small.actor = replace(small.actor, role=Role.AUDITOR)
    with pytest.raises(NotAllowedError):
        write_kind(small, "public_list")
    assert not small.settings.output_dir.exists()


def test_an_unknown_kind_names_the_known_ones(small: SmallCycle) -> None:
    with pytest.raises(NotFoundError, match=r"没有“letter”这种文件；可用的有：guide（申报指南）"):
        write_kind(small, "letter")


def test_an_unknown_object_names_the_known_ones(small: SmallCycle) -> None:
    def write_about(kind: str, about: str) -> None:
        write(small.session, small.clock, small.actor, small.settings, small.cycle, kind, about=about)

    with pytest.raises(InputError, match=r"部门联审函没有“finance”这个对象；现在可以写的有：industry（市工信局）"):
        write_about("review_letter", "finance")
    with pytest.raises(InputError, match=r"部门联审函要写明对象"):
        write_about("review_letter", "")
    with pytest.raises(InputError, match=r"申报指南是整个年度的文件，不用写对象；看到的是“甲”"):
        write_about("guide", "甲")


@pytest.mark.parametrize(("kind", "message"), [("public_list", "还没有固化的名单"), ("calculation", "还没有测算")])
def test_without_its_data_a_document_says_what_to_do_first(
    make_cycle: Callable[..., SmallCycle], kind: str, message: str
) -> None:
    from sqlalchemy import text

    small = make_cycle()
    for table in (
        "payment",
        "paymentorder",
        "objection",
        "publicnotice",
        "awardlistentry",
        "awardlist",
        "award",
        "computationrun",
    ):
        small.session.execute(text(f"DELETE FROM {table}"))
    small.session.commit()
    with pytest.raises(NotYetError, match=message):
        write_kind(small, kind)


def test_a_payment_list_needs_an_order(small: SmallCycle) -> None:
    for payment in small.session.exec(select(Payment)).all():
        small.session.delete(payment)
    small.session.commit()
    with pytest.raises(NotYetError, match="资金尚未下达"):
        write_kind(small, "payment_list")


def test_the_bureaus_own_template_comes_first(small: SmallCycle, tmp_path: Path) -> None:
    write_own(
        tmp_path,
        '{% extends "base.html" %}{% block content %}<h1>本局样式</h1><p>{{ total_fen | wan }}万元</p>{% endblock %}',
    )
    shipped = write_kind(small, "public_list")
    own = write_kind(small, "public_list", tmp_path)
    assert "<p>28.734568万元</p>" in path_of(small, own[0]).read_text(encoding="utf-8")
    assert own[0].path != shipped[0].path


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("第一行\n{% if %}\n", r"模板“public_list\.html”第 2 行写法有误"),
        ("第一行\n\n{{ nosuch }}\n", r"模板“public_list\.html”第 3 行用了没有的名称：'nosuch' is undefined"),
        ("{{ total_fen | nosuch }}", r"模板“public_list\.html”第 1 行写法有误"),
        ('{% include "nosuch.html" %}', r"找不到文件模板“nosuch\.html”"),
        ("甲\n{{ -1 | capitals }}", r"模板“public_list\.html”第 2 行无法生成：金额 -0\.01 元不能写成大写"),
        ("甲\n{{ chart('nosuch') }}", r"模板“public_list\.html”第 2 行无法生成"),
        ("甲\n{% if target == 'pdf' %}{{ nosuch }}{% endif %}", r"模板“public_list\.html”第 2 行用了没有的名称"),
    ],
)
def test_a_broken_template_is_refused_with_its_line(
    small: SmallCycle, tmp_path: Path, source: str, message: str
) -> None:
    write_own(tmp_path, source)
    with pytest.raises(TemplateProblemError, match=message):
        write_kind(small, "public_list", tmp_path)
    assert not small.settings.output_dir.exists()
    assert small.session.exec(select(Document)).all() == []


@pytest.mark.parametrize("kind", ["yearly_report", "objection_reply"])
def test_two_machines_write_the_same_bytes(make_cycle: Callable[..., SmallCycle], kind: str, tmp_path: Path) -> None:
    """Two databases, two folders: only what is shown decides the bytes."""
    small = make_cycle()
    first = [row.sha256 for row in write_kind(small, kind)]
    for row in small.session.exec(select(Document)).all():
        small.session.delete(row)
    small.session.commit()
    small.settings = small.settings.model_copy(update={"data_dir": tmp_path / "other"})
    assert [row.sha256 for row in write_kind(small, kind)] == first


def test_no_time_of_writing_is_in_the_bytes(small: SmallCycle) -> None:
    for kind in ("public_list", "payment_list"):
        office = next(row for row in write_kind(small, kind) if row.format in ("docx", "xlsx"))
        archive = zipfile.ZipFile(path_of(small, office))
        assert {part.date_time for part in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        core = archive.read("docProps/core.xml").decode()
        assert set(re.findall(r"\d{4}-\d\d-\d\dT[\d:]+Z", core)) <= {"2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z"}
