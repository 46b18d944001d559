"""What platforms hand in, each request once under its idempotency key: applications, evidence, answers, withdrawals."""

import hashlib
import json
from typing import Annotated, Any

from fastapi import BackgroundTasks, File, Form, Header, UploadFile

from services.access import sight
from services.access.interface import Scope
from services.application import handing_in
from services.application.handing_in import Handed, Key
from web.api.calls import Call, within
from web.api.shapes import AnswerIn, ApplicationIn, ApplicationOut, EvidenceOut, WithdrawalIn
from web.bounds import Id
from web.uploads import checked
from web.visit import wake_quietly

Handing = Annotated[Call, within(Scope.SUBMIT_APPLICATIONS)]
KeyText = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=8,
        max_length=100,
        pattern=r"^[!-~]+$",
        description="同一请求重发时不变，换一个请求即换",
    ),
]


def submit(call: Handing, cycle_id: Id, body: ApplicationIn, idempotency_key: KeyText) -> ApplicationOut:
    """Hand in one application. The same request with the same key gives the same answer and adds nothing."""
    application = handing_in.submit(
        call.session,
        call.console.clock,
        call.holder.actor,
        settings=call.console.settings,
        cycle_id=cycle_id,
        handed=Handed(**body.model_dump()),
        key=_key(call, idempotency_key, cycle_id, body.model_dump(mode="json")),
    )
    return ApplicationOut.of(application)


def add_evidence(
    call: Handing,
    application_id: Id,
    evidence: Annotated[str, Form(min_length=1, max_length=200, description="是要求的哪一项材料")],
    file: Annotated[UploadFile, File(description="PDF、图片、DOCX 或 XLSX")],
    idempotency_key: KeyText,
) -> EvidenceOut:
    """Add a file of evidence to an application that is not accepted yet."""
    sight.application(call.session, call.holder.actor, application_id)
    data = checked(call.console.settings, file)
    asked = ["evidence", application_id, evidence, file.filename, hashlib.sha256(data).hexdigest()]
    attachment = handing_in.add_evidence(
        call.session,
        call.console.clock,
        call.holder.actor,
        settings=call.console.settings,
        application_id=application_id,
        evidence=evidence,
        filename=file.filename or "",
        data=data,
        key=_key(call, idempotency_key, *asked),
    )
    return EvidenceOut.of(attachment)


def answer(
    call: Handing, application_id: Id, body: AnswerIn, idempotency_key: KeyText, later: BackgroundTasks
) -> ApplicationOut:
    """Answer the 补正 request that waits; files are added before."""
    _wake_later(call, application_id, later)
    application = handing_in.answer(
        call.session,
        call.console.clock,
        call.holder.actor,
        settings=call.console.settings,
        application_id=application_id,
        sentence=body.answer,
        values=body.values,
        contacts=body.contacts,
        pledged=body.pledged,
        key=_key(call, idempotency_key, "answer", application_id, body.model_dump(mode="json")),
    )
    return ApplicationOut.of(application)


def withdraw(
    call: Handing, application_id: Id, body: WithdrawalIn, idempotency_key: KeyText, later: BackgroundTasks
) -> ApplicationOut:
    """Withdraw an application for a reason."""
    _wake_later(call, application_id, later)
    application = handing_in.withdraw(
        call.session,
        call.console.clock,
        call.holder.actor,
        application_id=application_id,
        reason=body.reason,
        key=_key(call, idempotency_key, "withdraw", application_id, body.reason),
    )
    return ApplicationOut.of(application)


def _wake_later(call: Call, application_id: int, later: BackgroundTasks) -> None:
    """Have the run look at the record once the answer is out. Raises NotFoundError for what the token may not see."""
    seen = sight.application(call.session, call.holder.actor, application_id)
    later.add_task(wake_quietly, call.console, seen.cycle_id)


def _key(call: Call, text: str, *asked: Any) -> Key:
    said = json.dumps(asked, sort_keys=True, ensure_ascii=False)
    return Key(call.holder.token_id, text, hashlib.sha256(said.encode()).hexdigest())
