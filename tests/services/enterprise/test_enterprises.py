"""What an enterprise is registered as: corrected by the operator, for what comes later."""

import pytest
from sqlmodel import select

from models import Application, Enterprise
from services.enterprise import enterprises
from services.errors import InputError, NotAllowedError, NotFoundError
from services.law import policies
from tests.desk import CODE, OTHER_CODE, Desk


@pytest.fixture
def known(desk: Desk) -> Desk:
    desk.open_intake()
    desk.submit()
    return desk


def correct(desk: Desk, uscc: str = CODE, county: str | None = None, kind: str | None = None) -> Enterprise:
    law = policies.policy_of(desk.session, desk.cycle)
    return enterprises.correct(*desk.at, desk.operator, law=law, uscc=uscc, county=county, kind=kind)


def test_the_register_is_corrected_and_what_was_submitted_stays(known: Desk) -> None:
    found = correct(known, CODE.lower(), "龙文区", "高校")
    assert (found.county, found.kind) == ("longwen", "高校")
    assert [(row.county, row.kind) for row in known.session.exec(select(Application))] == [("xiangcheng", "企业")]


def test_a_name_is_corrected_and_the_one_before_is_kept(known: Desk) -> None:
    law, old = policies.policy_of(known.session, known.cycle), known.session.exec(select(Enterprise)).one().name
    given = {"law": law, "uscc": CODE}
    found = enterprises.correct(*known.at, known.operator, **given, name=" 漳州新名示例有限公司 ")
    assert (found.name, enterprises.former_names(known.session, found)) == ("漳州新名示例有限公司", [old])
    assert known.session.exec(select(Application)).one().enterprise_name == old, "as it was filed"
    with pytest.raises(InputError, match="就是现在登记的名称"):
        enterprises.correct(*known.at, known.operator, **given, name=found.name)


def test_only_what_the_policy_knows_is_registered(known: Desk) -> None:
    with pytest.raises(InputError, match="“厦门”不是本市的县区"):
        correct(known, county="厦门")
    with pytest.raises(InputError, match="没有单位类型“个人”"):
        correct(known, kind="个人")
    with pytest.raises(InputError, match="没有写明要更正什么"):
        correct(known)
    with pytest.raises(NotFoundError, match=OTHER_CODE):
        correct(known, OTHER_CODE, "龙文区")


def test_the_operator_corrects_the_register(known: Desk) -> None:
    known.operator = known.leader
    with pytest.raises(NotAllowedError):
        correct(known, county="龙文区")
