"""Pairs of an application and a ledger entry that are easily taken wrongly, each with the reason for its answer.

All enterprises, codes and numbers are made up; the codes have right check digits unless the pair says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from stdnum.cn import uscc

SAME_ITEM, SAME_ENTERPRISE, NOTHING = "same_item", "same_enterprise", "nothing"


def code(number: int) -> str:
    """The made-up valid code number `number`."""
    body = f"91350600MA{number:07d}"
    return body + str(uscc.calc_check_digit(body))


@dataclass(frozen=True)
class Pair:
    """What differs from the common row on each side, and what a careful official would say."""

    why: str
    application: dict[str, str]
    ledger: dict[str, str]
    kind: str
    certainty: str = ""
    former_names: list[dict[str, str]] = field(default_factory=list)


COMMON = {
    "enterprise": "漳州示例科技有限公司",
    "uscc": code(1),
    "project": "视觉质检产线",
    "invoices": "24352000000012345678",
    "amount_yuan": "120000",
    "year": "2025",
}
"""Both sides carry these values unless the pair says otherwise."""

OTHER_ITEM = {"project": "算力采购", "invoices": "24352000000099999999", "amount_yuan": "50000"}
"""Added to one side, the two rows share the enterprise only."""

NO_INVOICE = {"invoices": ""}
_STRANGER = {"enterprise": "福建别家智能有限公司", "uscc": code(2)}

PAIRS = [
    Pair("everything agrees", {}, {}, SAME_ITEM, "certain"),
    Pair("only the enterprise agrees: being paid before is no offence", {}, OTHER_ITEM, SAME_ENTERPRISE, "certain"),
    Pair("nothing agrees", {}, {**OTHER_ITEM, **_STRANGER}, NOTHING),
    # --- invoices
    Pair(
        "one of several invoices was used before, among new ones, in another writing",
        {"invoices": "24352000000088888888；发票代码3500211130 发票号码01234567", "project": "甲", "amount_yuan": "9"},
        {"invoices": "3500211130/01234567", "project": "乙", "amount_yuan": "70000"},
        SAME_ITEM,
        "certain",
    ),
    Pair(
        "the invoice was used by another enterprise: somebody must look, but it is one item",
        {"project": "甲"},
        {**_STRANGER, "project": "乙"},
        SAME_ITEM,
        "review",
    ),
    Pair(
        "the invoice of a row that names no enterprise at all",
        {},
        {"enterprise": "", "uscc": "", "project": ""},
        SAME_ITEM,
        "review",
    ),
    Pair(
        "the same 8-digit number under another invoice code is another invoice",
        {"invoices": "3500211130-01234567", "project": "甲"},
        {"invoices": "3500211140-01234567", "project": "乙", "amount_yuan": "70000"},
        SAME_ENTERPRISE,
        "certain",
    ),
    Pair(
        "the ledger lacks the invoice code: the same enterprise and number must be looked at",
        {"invoices": "3500211130-01234567", "project": "甲"},
        {"invoices": "01234567", "project": "乙", "amount_yuan": "70000"},
        SAME_ITEM,
        "review",
    ),
    Pair(
        "an 8-digit number without code joins no strangers",
        {"invoices": "01234567", "project": "甲"},
        {**_STRANGER, "invoices": "01234567", "project": "乙"},
        NOTHING,
    ),
    Pair(
        "zeros written for “no number” join nobody",
        {"invoices": "00000000000000000000", "project": "甲"},
        {**_STRANGER, "invoices": "00000000000000000000", "project": "乙"},
        NOTHING,
    ),
    Pair(
        "invoices that differ in one digit are two",
        {"project": "甲"},
        {"invoices": "24352000000012345679", "project": "乙"},
        SAME_ENTERPRISE,
        "certain",
    ),
    # --- who is who
    Pair(
        "the code is missing in the ledger, the name is written with other brackets, spaces and form",
        {"enterprise": "漳州示例（福建）科技有限公司", **NO_INVOICE},
        {"enterprise": "漳州 示例(福建) 科技有限责任公司", "uscc": "", **NO_INVOICE},
        SAME_ITEM,
        "certain",
    ),
    Pair(
        "the code in the ledger is mistyped (wrong check digit) but the name agrees: not quite certain",
        NO_INVOICE,
        {"uscc": code(1)[:-1] + "X", **NO_INVOICE},
        SAME_ITEM,
        "likely",
    ),
    Pair(
        "namesakes: the same name, two different valid codes, the same title: two enterprises",
        NO_INVOICE,
        {"uscc": code(3), **NO_INVOICE},
        NOTHING,
    ),
    Pair(
        "renamed since: the code agrees, the names do not",
        NO_INVOICE,
        {"enterprise": "漳州旧名科技有限公司", **NO_INVOICE},
        SAME_ITEM,
        "certain",
    ),
    Pair(
        "renamed since, the ledger has only the former name, and the register knows it",
        NO_INVOICE,
        {"enterprise": "漳州旧名科技有限公司", "uscc": "", **NO_INVOICE},
        SAME_ITEM,
        "certain",
        [{"uscc": code(1), "enterprise": "漳州示例科技有限公司", "former_name": "漳州旧名科技有限公司"}],
    ),
    Pair(
        "another enterprise took over the former name: its own valid code keeps it apart",
        NO_INVOICE,
        {"enterprise": "漳州旧名科技有限公司", "uscc": code(4), **NO_INVOICE},
        NOTHING,
        former_names=[{"uscc": code(1), "enterprise": "漳州示例科技有限公司", "former_name": "漳州旧名科技有限公司"}],
    ),
    Pair(
        "who took over a former name is not who gave it up, even when the ledger has no code",
        {"enterprise": "漳州旧名科技有限公司", "uscc": code(4), **NO_INVOICE},
        {"uscc": "", **NO_INVOICE},
        NOTHING,
        former_names=[{"uscc": code(1), "enterprise": "漳州示例科技有限公司", "former_name": "漳州旧名科技有限公司"}],
    ),
    Pair(
        "without the register a former name alone is nobody we know",
        NO_INVOICE,
        {"enterprise": "漳州旧名科技有限公司", "uscc": "", **NO_INVOICE},
        NOTHING,
    ),
    Pair(
        "region and form left out and no code: perhaps the same, a person decides",
        NO_INVOICE,
        {"enterprise": "示例科技", "uscc": "", **NO_INVOICE},
        SAME_ITEM,
        "review",
    ),
    Pair(
        "the group is not its member",
        NO_INVOICE,
        {"enterprise": "漳州示例科技集团有限公司", "uscc": "", **NO_INVOICE},
        NOTHING,
    ),
    Pair(
        "a branch is not its head office",
        NO_INVOICE,
        {"enterprise": "漳州示例科技有限公司龙文分公司", "uscc": "", **NO_INVOICE},
        NOTHING,
    ),
    Pair(
        "the same placeholder as code makes no enterprise",
        {"uscc": "000000000000000000", **NO_INVOICE},
        {"enterprise": "福建别家智能有限公司", "uscc": "000000000000000000", **NO_INVOICE},
        NOTHING,
    ),
    Pair(
        "two rows without name and code share nothing",
        {"enterprise": "", "uscc": "", **NO_INVOICE},
        {"enterprise": "", "uscc": "", **NO_INVOICE},
        NOTHING,
    ),
    # --- titles and contracts
    Pair(
        "the same title and year, another amount: likely, since part payments exist",
        NO_INVOICE,
        {"amount_yuan": "600000", **NO_INVOICE},
        SAME_ITEM,
        "likely",
    ),
    Pair(
        "the amounts agree to the 万元 only",
        {"amount_yuan": "120,000.00", **NO_INVOICE},
        {"amount_yuan": "119999.5", **NO_INVOICE},
        SAME_ITEM,
        "certain",
    ),
    Pair(
        "the same title a year later with another amount: yearly purchases keep their title and are not the same item",
        NO_INVOICE,
        {"year": "2024", "amount_yuan": "70000", **NO_INVOICE},
        SAME_ENTERPRISE,
        "certain",
    ),
    Pair(
        "the year in the title makes it another item",
        {"project": "2025年算力采购", **NO_INVOICE},
        {"project": "2024年算力采购", "year": "2024", "amount_yuan": "50000", **NO_INVOICE},
        SAME_ENTERPRISE,
        "certain",
    ),
    Pair(
        "the second phase is not the first",
        {"project": "智能工厂二期", **NO_INVOICE},
        {"project": "智能工厂一期", **NO_INVOICE},
        SAME_ENTERPRISE,
        "certain",
    ),
    Pair(
        "the same phase in other numerals and script",
        {"project": "智能工廠（二期）", **NO_INVOICE},
        {"project": "智能工厂Ⅱ期", **NO_INVOICE},
        SAME_ITEM,
        "certain",
    ),
    Pair(
        "one office wrote the enterprise's name and “项目” into the title",
        NO_INVOICE,
        {"project": "漳州示例科技有限公司视觉质检产线建设项目", **NO_INVOICE},
        SAME_ITEM,
        "review",
    ),
    Pair(
        "two empty titles are not the same title",
        {**NO_INVOICE, "project": ""},
        {**NO_INVOICE, "project": ""},
        SAME_ENTERPRISE,
        "certain",
    ),
    Pair(
        "another enterprise's project of the same common title is its own",
        NO_INVOICE,
        {**_STRANGER, **NO_INVOICE},
        NOTHING,
    ),
    Pair(
        "the same contract number in another writing, under another title",
        {"contracts": "ZZ-2025-001", "project": "甲", **NO_INVOICE},
        {"contracts": "合同编号：zz〔2025〕001号", "project": "乙", **NO_INVOICE},
        SAME_ITEM,
        "certain",
    ),
    Pair(
        "a framework contract paid again in another year with another amount",
        {"contracts": "ZZ-2025-001", "project": "甲", **NO_INVOICE},
        {"contracts": "ZZ-2025-001", "project": "乙", "year": "2023", "amount_yuan": "70000", **NO_INVOICE},
        SAME_ITEM,
        "likely",
    ),
    Pair(
        "one of several contracts, set apart as people set them apart",
        {"contracts": "HT-2025-001，HT-2025-002", "project": "甲", **NO_INVOICE},
        {"contracts": "HT-2025-009/HT-2025-002", "project": "乙", **NO_INVOICE},
        SAME_ITEM,
        "certain",
    ),
    Pair(
        "contract numbers repeat between enterprises",
        {"contracts": "HT-2025-001", "project": "甲", **NO_INVOICE},
        {**_STRANGER, "contracts": "HT-2025-001", "project": "乙", **NO_INVOICE},
        NOTHING,
    ),
    # --- dirt of scanners, other offices and other cities
    Pair(
        "characters mistaken by a scanner in the name, no code: perhaps the same, a person decides",
        NO_INVOICE,
        {"enterprise": "漳州示例科技有限么司", "uscc": "", **NO_INVOICE},
        SAME_ITEM,
        "review",
    ),
    Pair(
        "the same core in two cities: namesakes, whatever the title says",
        NO_INVOICE,
        {"enterprise": "厦门市示例科技有限公司", "uscc": "", **NO_INVOICE},
        NOTHING,
    ),
    Pair(
        "the parts of the title in another order, its own year in front: worth a look",
        {"project": "冷链物流语音识别中心", **NO_INVOICE},
        {"project": "2025年度基于语音识别的冷链物流中心", **NO_INVOICE},
        SAME_ITEM,
        "review",
    ),
    Pair(
        "an uneven amount occurs twice by chance only: another title is worth a look",
        {"amount_yuan": "123456.78", **NO_INVOICE},
        {"amount_yuan": "123456.78", "project": "完全另外的题名", **NO_INVOICE},
        SAME_ITEM,
        "review",
    ),
    Pair(
        "a round amount occurs often: under another title it says nothing",
        NO_INVOICE,
        {"project": "完全另外的题名", **NO_INVOICE},
        SAME_ENTERPRISE,
        "certain",
    ),
    Pair(
        "renamed and not registered, no code, one title with one uneven amount: somebody must look",
        {"amount_yuan": "123456.78", **NO_INVOICE},
        {"enterprise": "漳州旧名科技有限公司", "uscc": "", "amount_yuan": "123456.78", **NO_INVOICE},
        SAME_ITEM,
        "review",
    ),
    Pair(
        "one title with one uneven amount, but two valid codes: two enterprises",
        {"amount_yuan": "123456.78", **NO_INVOICE},
        {**_STRANGER, "amount_yuan": "123456.78", **NO_INVOICE},
        NOTHING,
    ),
]
