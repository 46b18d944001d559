"""How far the reviews are: each county and bureau with its counts, each request with its answer."""

import re
from collections.abc import Callable

from sqlmodel import col, func, select

from models import RequestStatus, ReviewerKind, Role, VerificationReply, VerificationRequest
from tests.web.conftest import House, ask


def words(page: str) -> str:
    return re.sub(r"<[^>]+>|\s+", "", page)


def test_every_reviewer_stands_with_what_it_was_asked(house_at: Callable[[str | None], House]) -> None:
    house = house_at("verification")
    assert "还没有送审" in house_at("intake").as_role(Role.AUDITOR).get("/reviews").text
    ask(house)
    with house.session() as session:
        query = select(VerificationRequest.reviewer, func.count()).where(
            VerificationRequest.kind == ReviewerKind.BUREAU, VerificationRequest.status == RequestStatus.OPEN
        )
        waiting = dict(session.exec(query.group_by(col(VerificationRequest.reviewer))).all())
    page = house.as_role(Role.AUDITOR).get("/reviews").text
    assert len(waiting) > 3
    for reviewer, count in waiting.items():
        assert f'/reviews/bureau/{reviewer}?cycle_id=1&amp;state=open">{count}</a>' in page
    assert "项逾期" not in page
    house.clock.set(house.clock.now().replace(year=2027))
    assert f"{waiting['gxj']}项逾期" in words(house.as_role(Role.SECTION_HEAD).get("/reviews").text)


def test_each_request_stands_with_its_answer(house_at: Callable[[str | None], House]) -> None:
    house = house_at("verification")
    ask(house)
    with house.session() as session:
        query = select(VerificationReply).where(VerificationReply.reason != "")
        refusal = session.exec(query).first()
        assert refusal is not None
        county = session.get_one(VerificationRequest, refusal.request_id).reviewer
    auditor = house.as_role(Role.AUDITOR)
    assert refusal.reason in auditor.get(f"/reviews/county/{county}").text
    waiting = words(auditor.get("/reviews/bureau/gxj?state=open").text)
    assert "待回复" in waiting and "没有这样的事项" not in waiting
    assert "没有这样的事项" in auditor.get("/reviews/bureau/gxj?state=answered").text
    for path in ("/reviews/bureau/nobody", "/reviews/else/gxj", "/reviews/county/gxj"):
        assert auditor.get(path).status_code == 404
    assert house.signed_in("bureau-gxj").get("/reviews").status_code == 403
