"""An enterprise's answer to a 补正 request: every remark in its place, and the files that it sends for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlmodel import Session

from config.settings import Settings
from models import Supplement
from services.access.actors import Actor
from services.application import attachments, completeness, facts
from services.application.particulars import CONTACTS
from services.application.progress import Remark, Story, story
from services.clock import Clock
from services.errors import InputError, StateError
from services.record.operation import operation


@dataclass(frozen=True)
class Upload:
    """A file sent with an answer: to the remark in this place, or to the request as a whole."""

    filename: str
    data: bytes
    place: int | None = None


@operation("attachment.add")
def add_files(
    session: Session, clock: Clock, actor: Actor, *, settings: Settings, application_id: int, files: Sequence[Upload]
) -> None:
    """Keep files for the waiting 补正 request before it is answered: all of them may be too much for one sending.

    Raises InputError when there is none or one is refused, StateError when nothing is asked or its time is over.
    """
    told = story(session, clock, actor, application_id)
    if told.supplement is None:
        raise StateError(f"{told.application.number} 没有待补正的要求。")
    if clock.now() >= told.supplement.due_at:
        raise StateError(f"补正期限 {told.due} 已过，不能再补正。")
    if not files:
        raise InputError("没有选择文件；请先选择要上传的文件。")
    _keep(session, clock, actor, settings, told, files)


@operation("supplement.answer")
def answer(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    settings: Settings,
    application_id: int,
    answers: Mapping[int, str],
    files: Sequence[Upload],
    contacts: Mapping[str, str] | None = None,
    pledged: bool = False,
) -> Supplement:
    """Answer every remark of the waiting 补正 request by its place, with more files if need be.

    Raises InputError for a remark without an answer or a value that cannot be read, StateError when nothing is asked.
    """
    told = story(session, clock, actor, application_id)
    if told.supplement is None:
        raise StateError(f"{told.application.number} 没有待补正的要求。")
    taken = _Answers(
        contacts={name: text.strip() for name, text in (contacts or {}).items()},
        pledged=pledged,
        more=any(file.evidence == _more(told.supplement) for file in told.files),
    )
    sentences: list[str] = []
    for place, remark in enumerate(told.remarks):
        sent = [file for file in files if file.place in (place, None)]
        sentences.append(f"{remark.text}：{_answer_to(remark, answers.get(place, '').strip(), sent, taken)}")
    _keep(session, clock, actor, settings, told, files)
    return completeness.answer_supplement(
        session,
        clock,
        actor,
        settings=settings,
        application_id=application_id,
        answer="；".join(sentences),
        facts_given=taken.facts,
        contacts=taken.contacts,
        pledged=True if pledged else None,
        papers=True if taken.papers else None,
    )


def _keep(
    session: Session, clock: Clock, actor: Actor, settings: Settings, told: Story, files: Sequence[Upload]
) -> None:
    """Keep the files, each as the evidence that its remark asks for."""
    for file in files:
        lack = told.remarks[file.place].lack if file.place is not None and file.place < len(told.remarks) else None
        attachments.add(
            session,
            clock,
            actor,
            settings=settings,
            application_id=told.application.id or 0,
            evidence=lack.evidence if lack and lack.evidence else _more(told.supplement),
            filename=file.filename,
            data=file.data,
        )


def _more(asked: Supplement | None) -> str:
    """What a file is called that no remark asks for by name."""
    return f"补正材料（第 {asked.round if asked else 1} 次）"


@dataclass
class _Answers:
    """What the answers to all remarks come to."""

    contacts: dict[str, str]
    pledged: bool
    more: bool  # files that no remark asks for by name were sent before
    facts: dict[str, str] = field(default_factory=dict)
    papers: bool = False


def _answer_to(remark: Remark, text: str, files: Sequence[Upload], taken: _Answers) -> str:
    """Put the answer where it belongs and say it. Raises InputError when the remark is not answered."""
    if remark.pledge:
        if not taken.pledged:
            raise InputError(f"“{remark.text}”：请勾选签署承诺书。")
        return "已补签承诺书"
    if remark.lack and remark.lack.evidence:
        if not remark.uploaded and not any(file.place is not None for file in files):
            raise InputError(f"“{remark.text}”：请选择“{remark.lack.evidence}”的文件。")
        return "已上传"
    said = "、".join(
        CONTACTS[name] for name, now in remark.contacts.items() if taken.contacts.get(name) not in (None, "", now)
    )
    if remark.lack and remark.contacts and not said:
        raise InputError(f"“{remark.text}”：没有填写{'、'.join(CONTACTS[name] for name in remark.contacts)}。")
    if not text and not said and not ((files or taken.more) and remark.fact is None):
        raise InputError(f"“{remark.text}”：没有填写补正内容。")
    if remark.fact is not None:
        taken.facts[remark.fact.name] = text
        return f"已填报 {facts.canonical(remark.fact, text)}"
    taken.papers = taken.papers or bool(remark.lack and remark.lack.papers)
    return "，".join(filter(None, (text, said and f"已更新{said}"))) or "见补正材料"
