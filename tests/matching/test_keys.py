"""Keys: what counts as the same name, code, invoice, contract and title, and what does not."""

import doctest
from itertools import combinations

import polars as pl
import pytest
from stdnum.cn import uscc as standard

from matching import contracts, invoices, links, normalise, projects, uscc
from matching.contracts import contract_keys
from matching.invoices import read_invoices
from matching.normalise import (
    core_key,
    folded,
    formless_key,
    half_width,
    name_key,
    of,
    one_kind_of_brackets,
    place_key,
    simplified,
)
from matching.projects import loose_title_key, title_key
from matching.regions import PREFECTURES, Home, home_of
from tests.matching.zhangzhou import HOME


def name_of(written: str) -> str:
    return of(lambda text: name_key(folded(text)), written)


def core_of(written: str) -> str:
    return of(lambda text: core_key(formless_key(folded(text), HOME), HOME), written)


def place_of(written: str) -> str:
    return of(lambda text: place_key(folded(text), HOME), written)


def title_of(written: str) -> str:
    return of(lambda text: title_key(folded(text)), written)


def contracts_of(written: str) -> tuple[str, ...]:
    return tuple(pl.select(contract_keys(pl.lit(written))).item())


CODE = "91350600MA0000001H"  # made up, with a right check digit


@pytest.mark.parametrize("module", [contracts, invoices, links, normalise, projects, uscc])
def test_the_examples_in_the_docstrings_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


def test_each_step_of_folding_does_one_thing() -> None:
    assert half_width("ＡＢ１２（）　㈱") == "AB12() (株)"
    assert one_kind_of_brackets("〔甲〕【乙】《丙》") == "(甲)(乙)(丙)"
    assert simplified("漳州龍頭軟體") == "漳州龙头软体"
    assert of(folded, " Ａi（漳州） 科 技 ") == "ai(漳州)科技"


@pytest.mark.parametrize(
    "written",
    [
        "漳州示例（福建）科技有限公司",
        "漳州示例(福建)科技有限公司",
        "漳州示例〔福建〕科技有限责任公司",
        " 漳州示例 （福建） 科技有限公司 ",
        "漳州示例【福建】科技有限公司",
        "漳州示例（福建）科技有限公司。",
        "漳州示例（福建）科技有限責任公司",
    ],
)
def test_one_enterprise_in_many_writings_has_one_key(written: str) -> None:
    assert name_of(written) == "漳州示例福建科技有限公司"


def test_different_enterprises_have_different_keys() -> None:
    names = [
        "漳州示例科技有限公司",
        "福建示例科技有限公司",  # another region
        "漳州示例科技股份有限公司",  # another form
        "漳州示例科技集团有限公司",  # the group is another legal person
        "漳州示例科技有限公司龙文分公司",  # a branch
        "漳州示例科技研究院",
        "漳州示例智能科技有限公司",
    ]
    for one, other in combinations(names, 2):
        assert name_of(one) != name_of(other)


@pytest.mark.parametrize(
    ("name", "core"),
    [
        ("福建省漳州市芗城区示例科技有限公司", "示例科技"),
        ("示例科技（漳州）有限公司", "示例科技"),
        ("示例科技股份公司", "示例科技"),
        ("漳州示例科技集团有限公司", "示例科技集团"),  # a group is never its member
        ("漳州示例科技有限公司龙文分公司", "示例科技有限公司龙文分"),  # nor a branch its head office
        ("漳州有限公司", ""),  # nothing left to compare
    ],
)
def test_the_core_is_without_region_and_form_but_keeps_persons_apart(name: str, core: str) -> None:
    assert core_of(name) == core


def test_every_prefecture_is_a_place_of_its_own_also_where_its_characters_are_mistakable() -> None:
    names = pl.DataFrame({"name": [f"{prefecture}市示例科技有限公司" for prefecture in PREFECTURES]})
    places = names.select(place_key(folded(pl.col("name")), HOME))[:, 0].to_list()
    assert "" not in places and len(set(places)) == len(places)
    assert place_of("乐山示例科技") != place_of("东山示例科技") == "漳州"  # 乐 is easily taken for 东
    assert core_of("太原市示例科技有限公司") == core_of("大原市示例科技有限公司") == "示例科技"


def test_only_the_counties_of_ones_own_prefecture_are_places() -> None:
    wuhan = home_of("湖北省武汉市人民政府", ["洪山区", "东湖新技术开发区", "武汉经济技术开发区", "新洲区"])
    assert wuhan == Home("武汉", ("洪山", "新洲"), ("东湖",))
    names = [
        "武汉东湖新技术开发区宏图智能有限公司",
        "洪山宏图智能有限公司",
        "洪山区宏图智能有限公司",
        "武汉市洪山区宏图智能有限公司",
        "宏图智能（洪山）有限公司",
    ]
    for name in names:
        key = folded(pl.lit(name))
        told = pl.select(core_key(formless_key(key, wuhan), wuhan).alias("core"), place_key(key, wuhan).alias("place"))
        assert told.row(0) == ("宏图智能", "武汉"), name
    assert core_of("洪山宏图智能有限公司") == "洪山宏图智能" and place_of("洪山宏图智能有限公司") == ""
    nowhere = Home()
    for name in ("区块链科技有限公司", "县域科技有限公司", "芗城宏图科技有限公司", "宏图科技（芗城）有限公司"):
        key = folded(pl.lit(name))
        assert pl.select(place_key(key, nowhere)).item() == "", name
    assert of(lambda text: core_key(formless_key(folded(text), nowhere), nowhere), "区块链科技有限公司") == "区块链科技"
    for name in ("漳州高新区宏图科技有限公司", "开发区宏图科技有限公司", "武汉经济技术开发区宏图科技有限公司"):
        assert of(lambda text: core_key(formless_key(folded(text), nowhere), nowhere), name) == "宏图科技"


@pytest.mark.parametrize(
    ("issuer", "counties", "home"),
    [
        ("上海市经济和信息化委员会", ["浦东新区", "徐汇区"], Home("上海", ("浦东新", "徐汇"))),
        ("福建省人民政府办公厅", ["漳州市", "厦门市"], Home("", ("漳州", "厦门"))),
        ("示例市人民政府", ["示例县", "城区"], Home("", ("示例", "城区"))),
        ("丽水市人民政府", ["景宁畲族自治县", "丽水经济技术开发区"], Home("丽水", ("景宁",))),
        ("广西壮族自治区柳州市人民政府", ["三江侗族自治县", "柳城县"], Home("柳州", ("三江", "柳城"))),
        ("漳州市芗城区人民政府", [], Home("漳州")),
    ],
)
def test_a_home_is_read_from_the_names_of_an_office_and_its_counties(
    issuer: str, counties: list[str], home: Home
) -> None:
    assert home_of(issuer, counties) == home


@pytest.mark.parametrize(
    "written",
    [CODE, " 91350600 MA000000 1H ", CODE.lower(), "９１３５０６００ＭＡ００００００１Ｈ", CODE[:8] + "-" + CODE[8:]],
)
def test_a_code_is_the_same_in_width_case_and_spacing(written: str) -> None:
    assert uscc.normalised(written) == CODE
    assert uscc.is_valid(written)


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("", "应为 18 位，实际 0 位"),
        (CODE[:-1], "应为 18 位，实际 17 位"),
        ("350600400001234", "应为 18 位，实际 15 位"),  # an old registration number
        ("91350600MAO000001H", "第 11 位是字母“O”"),
        ("91350600MA000000IH", "第 17 位是字母“I”"),
        ("91350600MA00000#1H", "第 16 位“#”"),
        ("9135060AMA0000001H", "第 3 至 8 位“35060A”应为 6 位数字"),
        ("91350600MA0000001K", "末位是“K”，按 GB 32100-2015 应为“H”"),
        ("0" * 18, "全是同一个字符"),
        ("91350600MA0000010H", "校验码不符"),  # two digits swapped
    ],
)
def test_what_is_wrong_with_a_code_is_said(code: str, cause: str) -> None:
    assert cause in uscc.fault(code)
    assert not uscc.is_valid(code)


def test_valid_codes_agree_with_the_standard_library_of_numbers() -> None:
    for number in range(200):
        body = f"91350600MA{number * 7919 % 10**7:07d}"
        code = body + standard.calc_check_digit(body)
        assert uscc.is_valid(code) and standard.is_valid(code)


def test_codes_that_begin_with_letters_are_valid() -> None:
    """N1 … is a village collective (农村集体经济组织): GB 32100-2015 allows letters in the first two places."""
    body = "N1350600MF0000001"
    assert uscc.is_valid(body + standard.calc_check_digit(body))


WHOLE = "24352000000012345678"
OLD = "350021113001234567"


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (WHOLE, [WHOLE]),
        ("２４３５２０００００００１２３４５６７８", [WHOLE]),
        ("2435 2000 0000 1234 5678", [WHOLE]),
        (f"数电票：{WHOLE}", [WHOLE]),
        ("3500211130-01234567", [OLD]),
        ("3500211130/01234567", [OLD]),
        ("3500211130 01234567", [OLD]),
        ("350021113001234567", [OLD]),
        ("发票代码：3500211130，发票号码：No.01234567", [OLD]),
        ("3500211130、01234567、01234568", [OLD, "350021113001234568"]),  # one code for several numbers
        ("035002111301-01234567", ["03500211130101234567"]),  # a 12-digit code
        (f"{WHOLE};3500211130-01234567", [WHOLE, OLD]),
        (f"{WHOLE}；{WHOLE}\n3500211130-01234567", [WHOLE, OLD]),  # each once
        (f"{WHOLE},24352000000012345679 24352000000012345680", [WHOLE, WHOLE[:-1] + "9", WHOLE[:-2] + "80"]),
    ],
)
def test_invoices_are_read_in_many_writings(text: str, whole: list[str]) -> None:
    read = read_invoices(text)
    assert list(read.whole) == whole
    assert read.bare == () and read.unread == ()


def test_a_number_without_code_is_kept_apart_and_a_code_ends_with_its_semicolon() -> None:
    assert read_invoices("01234567").bare == ("01234567",)
    assert read_invoices("3500211130-01234567;01234568").bare == ("01234568",)


@pytest.mark.parametrize("text", ["无", "1234567", "见附件", "00000000", "3500211130", WHOLE + "1", "12345"])
def test_what_is_no_invoice_is_given_back(text: str) -> None:
    read = read_invoices(text)
    assert (read.whole, read.bare) == ((), ())
    assert read.unread == (text,)


def test_empty_is_nothing() -> None:
    assert read_invoices(" ; ") == invoices.Invoices()


@pytest.mark.parametrize("written", ["ZZ-2025-001", "合同编号：zz〔2025〕001号", "ZZ2025—001", "协议号 ＺＺ(2025)001"])
def test_contract_numbers_in_other_writings_are_one(written: str) -> None:
    assert contracts_of(written) == ("zz2025001",)


@pytest.mark.parametrize("between", ["；", ";", "、", "，", ",", ", ", "|", "｜", "\t", "\n", "\r\n", "/", " ／ "])
def test_contract_numbers_are_told_apart_whatever_stands_between_them(between: str) -> None:
    assert contracts_of(f"HT-2025-001{between}HT-2025-002") == ("ht2025001", "ht2025002")


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("ZZ/2025/001", "zz2025001"),
        ("ZZ2025/001", "zz2025001"),
        ("XM2025/HT001", "xm2025ht001"),  # the first part, by itself, would be every contract of that year
        ("HT1/HT2", "ht1ht2"),
        ("漳工信2025/编号001", "漳工信2025编号001"),
    ],
)
def test_a_slash_inside_one_contract_number_is_a_part_of_it(written: str, key: str) -> None:
    assert contracts_of(written) == (key,)


@pytest.mark.parametrize("text", ["", "无", "001", "；"])
def test_what_is_too_short_is_no_contract_number(text: str) -> None:
    assert contracts_of(text) == ()


@pytest.mark.parametrize(
    "written", ["视觉质检产线（二期）", "视觉质检产线 Ⅱ期", "视觉质检产线第2期", "視覺質檢產線-二期"]
)
def test_titles_in_other_writings_are_one(written: str) -> None:
    assert title_of(written) == "视觉质检产线2期"


def test_years_and_phases_make_other_titles() -> None:
    titles = ["2024年算力采购", "2025年算力采购", "算力采购一期", "算力采购二期", "算力采购"]
    assert len({title_of(title) for title in titles}) == len(titles)


def test_a_loose_title_is_without_own_name_and_the_word_project() -> None:
    name = "漳州示例科技有限公司"
    keys = (name_of(name), core_of(name))
    assert of(loose_title_key, title_of(f"{name}视觉质检建设项目"), "2025", *keys) == "视觉质检"
    assert of(loose_title_key, title_of("示例科技视觉质检工程"), "2025", *keys) == "视觉质检"
    assert of(loose_title_key, title_of("项目"), "2025", *keys) == ""
