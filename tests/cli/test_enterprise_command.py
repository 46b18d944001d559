"""`duixian enterprise`: what an enterprise is registered as, and its correction."""

from tests.cli.conftest import Office
from tests.desk import CODE


def test_the_register_is_shown_and_corrected(office: Office) -> None:
    office.desk.open_intake()
    office.desk.submit()
    office.desk.submit(enterprise="漳州示例云帆集团有限公司", project="另一项目")
    shown = office.json("enterprise", "show", CODE.lower())
    assert (shown["name"], shown["county"]) == ("漳州示例云帆集团有限公司", "xiangcheng")
    assert shown["former_names"] == ["漳州示例云帆科技有限公司"]
    correct = ("enterprise", "correct", CODE, "--as", "operator")
    assert "不是本市的县区" in office.told(*correct, "--county", "厦门", code=1)
    assert "登记为：龙文区，企业" in office.told(*correct, "--county", "龙文区")
    assert office.json("enterprise", "show", CODE)["county"] == "longwen"


def test_a_former_name_is_entered_by_hand(office: Office) -> None:
    office.desk.open_intake()
    office.desk.submit()
    enter = ("enterprise", "former-name", CODE, "漳州旧名示例有限公司", "--as", "operator")
    assert "曾用名：漳州旧名示例有限公司" in office.told(*enter)
    assert office.json(*enter)["former_names"] == ["漳州旧名示例有限公司"]
    own = ("enterprise", "former-name", CODE, "漳州示例云帆科技有限公司", "--as", "operator")
    assert "就是这个单位的现名" in office.told(*own, code=1)
