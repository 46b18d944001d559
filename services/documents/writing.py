"""Writing documents: rendered outside of any transaction, put in place in one step, then recorded."""

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from jinja2.sandbox import SandboxedEnvironment
from sqlmodel import Session, select

from config.settings import Settings
from models import Cycle, Document
from services.access.actors import Actor
from services.access.permissions import require
from services.clock import Clock
from services.documents import numbers
from services.documents.content import Book, Content, Page, subject_of
from services.documents.record import Record
from services.documents.registry import Kind, kind_of
from services.documents.render.pages import environment, render, sources
from services.documents.render.xlsx import to_xlsx, write_xlsx
from services.errors import InputError
from services.record.operation import operation


@dataclass(frozen=True)
class _File:
    """A file that lies in its place."""

    format: str
    path: str
    sha256: str


def write(
    session: Session,
    clock: Clock,
    actor: Actor,
    settings: Settings,
    cycle: Cycle,
    kind: str,
    *,
    about: str = "",
) -> list[Document]:
    """Write all formats of a document into the output folder and record them.

    `about` names the object of a document that is about one. What shows the same again keeps its rows and its files; a
    missing or changed file is written anew. What shows something else gets files and rows of its own (第2稿 …); what
    shows again what an earlier draft did makes that the newest. A document that goes out gets its number once. Raises
    NotFoundError for an unknown kind, InputError for an object that the kind does not have, NotYetError when the record
    does not hold enough yet, TemplateProblemError for a broken template.
    """
    return _Desk.at(session, clock, actor, settings, cycle, kind).write(about)


def write_all(
    session: Session, clock: Clock, actor: Actor, settings: Settings, cycle: Cycle, kind: str
) -> list[Document]:
    """Write a document for each object that it can be about now. Raises what `write` raises."""
    desk = _Desk.at(session, clock, actor, settings, cycle, kind)
    return [row for about in desk.objects for row in desk.write(about)]


@dataclass(frozen=True)
class _Desk:
    """What documents of one kind are written from; `objects` has the empty key alone when it is about the cycle."""

    record: Record
    kind: Kind
    objects: Mapping[str, str]
    engine: SandboxedEnvironment

    @classmethod
    def at(
        cls,
        session: Session,
        clock: Clock,
        actor: Actor,
        settings: Settings,
        cycle: Cycle,
        kind: str,
    ) -> Self:
        """Read once what all of them need."""
        require(actor, "document.write")
        chosen, record = kind_of(kind), Record(session, settings, cycle, clock, actor)
        return cls(record, chosen, chosen.objects(record) if chosen.objects else {"": ""}, environment(settings))

    def write(self, about: str) -> list[Document]:
        """Write the one about this object."""
        kind, engine = self.kind, self.engine
        record = replace(self.record)  # its rows are read anew: the operations of the document before ended them
        session, folder = record.session, record.settings.output_dir
        label = _label(kind, self.objects, about)
        content = kind.build(record, about)
        if isinstance(content, Page) and kind.word is not None:
            content = _numbered(record, kind, about, content, engine)
        subject = subject_of(content, *(sources(engine, content.template) if isinstance(content, Page) else ()))
        earlier = session.exec(
            select(Document).where(
                Document.cycle_id == record.cycle.id, Document.kind == kind.id, Document.about == about
            )
        ).all()
        stem = _stem(record.cycle, kind, label, subject, earlier)
        known = {row.format: row for row in earlier if row.subject == subject}
        lying = {form: _lying(folder, known.get(form)) for form in kind.formats}
        missing = [form for form in kind.formats if lying[form] is None]
        made = {form: content if isinstance(content, Book) else rendered(content, form, engine) for form in missing}
        files = [lying[form] or _put(folder, form, f"{stem}.{form}", made[form]) for form in kind.formats]
        title, outdated = content.title, _is_outdated(earlier, subject)
        return _record(session, record.clock, record.actor, record.cycle, kind, about, title, subject, files, outdated)


def _label(kind: Kind, known: Mapping[str, str], about: str) -> str:
    """What the object is called in the file's name."""
    if kind.objects is None:
        if about:
            raise InputError(f"{kind.title}是整个年度的文件，不用写对象；看到的是“{about}”。")
        return ""
    if about not in known:
        several = "、".join(f"{key}（{label}）" if key != label else key for key, label in list(known.items())[:20])
        named = f"没有“{about}”这个对象" if about else "要写明对象"
        raise InputError(f"{kind.title}{named}；现在可以写的有：{several or '（还没有）'}。")
    return "-" + known[about].replace("/", "／")


def _numbered(record: Record, kind: Kind, about: str, page: Page, engine: SandboxedEnvironment) -> Page:
    """With its number. A template that cannot be used takes none."""
    assert kind.word is not None
    render(engine, page, "html")
    given = numbers.assign(
        record.session,
        record.clock,
        record.actor,
        word=record.settings.issuing_word + kind.word,
        year=page.dated.year,
        cycle_id=record.cycle.id or 0,
        kind=kind.id,
        about=kind.occasion(record) if kind.occasion else about,
        title=page.title,
    )
    return replace(page, number=given.spelled)


def _stem(cycle: Cycle, kind: Kind, label: str, subject: str, earlier: Sequence[Document]) -> str:
    """Folder and name without suffix; every further draft of a document has its number in the name."""
    subjects = list(dict.fromkeys(row.subject for row in sorted(earlier, key=lambda row: row.id or 0)))
    number = subjects.index(subject) if subject in subjects else len(subjects)
    draft = f"-第{number + 1}稿" if number else ""
    return f"{cycle.policy_id}-{cycle.year}/{kind.title}{label}{draft}"


def _is_outdated(earlier: Sequence[Document], subject: str) -> bool:
    """Whether another draft was written after the one that shows this."""
    newest = max(earlier, key=lambda row: (row.written_at, row.id or 0), default=None)
    return newest is not None and newest.subject != subject


def _lying(folder: Path, known: Document | None) -> _File | None:
    """The file that was written before, when it still is what was written."""
    if known is None or _sha256_of(folder / known.path) != known.sha256:
        return None
    return _File(known.format, known.path, known.sha256)


def _put(folder: Path, form: str, path: str, made: bytes | Book) -> _File:
    return _File(form, path, _replace(folder / path, made))


def rendered(content: Content, form: str, templates: SandboxedEnvironment) -> bytes:
    """The bytes of the document in one of its formats. Raises TemplateProblemError."""
    if not isinstance(content, Page):
        return to_xlsx(content)
    if form == "html":
        return render(templates, content, "html").encode()
    if form == "docx":
        from services.documents.render.docx import to_docx  # slow to load, and few processes write a DOCX

        return to_docx(content, render(templates, content, "docx"))
    from services.documents.render.pdf import to_pdf

    return to_pdf(content, render(templates, content, "pdf"))


def _sha256_of(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _replace(path: Path, made: bytes | Book) -> str:
    """A reader sees the old file or the new one, never half of it. Workbooks are made on the disk. Gives its digest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
    try:
        with os.fdopen(handle, "w+b") as file:
            if isinstance(made, Book):
                write_xlsx(made, file)
            else:
                file.write(made)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    return digest


@operation("document.write")
def _record(
    session: Session,
    clock: Clock,
    actor: Actor,
    cycle: Cycle,
    kind: Kind,
    about: str,
    title: str,
    subject: str,
    files: list[_File],
    outdated: bool,
) -> list[Document]:
    rows = []
    for file in files:
        row = session.exec(
            select(Document).where(
                Document.cycle_id == cycle.id,
                Document.kind == kind.id,
                Document.about == about,
                Document.format == file.format,
                Document.subject == subject,
            )
        ).one_or_none() or Document(
            cycle_id=cycle.id or 0,
            kind=kind.id,
            about=about,
            format=file.format,
            title=title,
            subject=subject,
            path=file.path,
            sha256=file.sha256,
            written_at=clock.now(),
        )
        if outdated or row.sha256 != file.sha256:
            row.path, row.sha256, row.written_at = file.path, file.sha256, clock.now()
        session.add(row)
        rows.append(row)
    session.flush()
    return rows
