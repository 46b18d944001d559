"""Previews: a document with made-up data, without a cycle; and the check that every template can be used."""

from collections.abc import Iterator
from dataclasses import replace

from config.settings import Settings
from services.documents.content import Content, Page
from services.documents.errors import TemplateProblemError
from services.documents.record import Record
from services.documents.registry import KINDS, Kind, kind_of
from services.documents.render.pages import environment, own_templates, render
from services.documents.sample import sample_record
from services.documents.writing import rendered
from services.errors import ServiceError


def preview(settings: Settings, kind: str, form: str = "pdf") -> bytes:
    """The document of made-up data. Raises NotFoundError for an unknown kind, TemplateProblemError, InputError."""
    chosen = kind_of(kind)
    chosen.check_format(form)
    with sample_record(settings) as record:
        return rendered(_content(record, chosen), form, environment(settings))


def problems(settings: Settings) -> list[str]:
    """What is wrong with the templates, a sentence each, in every document that they make."""
    engine, found = environment(settings), []
    with sample_record(settings) as record:
        for page in _pages(record):
            try:
                render(engine, page, "html")
                render(engine, page, "pdf")
            except TemplateProblemError as problem:
                found.append(str(problem))
    return list(dict.fromkeys(found))


def own_problems(settings: Settings) -> list[str]:
    """The same of the bureau's own templates; nothing when it has none. Without a policy there is nothing to try."""
    if not own_templates(settings):
        return []
    try:
        return problems(settings)
    except ServiceError as error:
        return [str(error)]


def _content(record: Record, kind: Kind) -> Content:
    about = next(iter(kind.objects(record))) if kind.objects else ""
    content = kind.build(record, about)
    if isinstance(content, Page) and kind.word is not None:
        return replace(content, number=f"{record.settings.issuing_word}{kind.word}〔{content.dated.year}〕1号")
    return content


def _pages(record: Record) -> Iterator[Page]:
    for kind in KINDS.values():
        content = _content(record, kind)
        if isinstance(content, Page):
            yield content
