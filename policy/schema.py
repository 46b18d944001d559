"""The shape of policy.yaml as pydantic models; the JSON Schema for editors comes from them."""

from __future__ import annotations

import datetime
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from policy.names import GRANTED_ABOVE

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", description="小写英文加下划线的名称")]
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", description="小写英文加连字符的编号")]
Text = Annotated[str, Field(min_length=1)]
Expression = Annotated[str, Field(min_length=1, description="表达式")]
FactType = Literal["money", "integer", "decimal", "date", "boolean", "choice", "text", "list"]
ParameterType = Literal["money", "rate", "integer", "decimal", "date", "boolean", "choice", "table"]
OverlapRule = Literal["top_up", "exclude", "none"]
Within = Literal["year", "lifetime"]
Share = Literal["in_order", "pro_rata"]
Adjustable = Literal["none", "at_most", "any"]


class Strict(BaseModel):
    """Every part of a policy: unknown keys are refused, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Validity(Strict):
    """From when to when the policy is in force, both days included."""

    start: datetime.date = Field(alias="from", description="施行之日")
    to: datetime.date = Field(description="有效期截止之日")


class Rounding(Strict):
    """The last rounding of an award."""

    unit: Text = Field("1元", description="取整到的单位，如 1元、1分、1万元")
    mode: Literal["down", "half_up", "up"] = Field("down", description="舍去、四舍五入、进位")
    clause: str = Field("", description="条款")
    quote: str = Field("", description="原文；不写表示原文没有写取整")


class Shares(Strict):
    """Who bears the cost of an award."""

    city: Text = Field(description="市级负担比例")
    county: Text = Field(description="县区负担比例")


class OwnShares(Shares):
    """Who bears the cost of one measure's awards where the law itself says so (特别规定), in every county."""

    clause: str = Field("", description="条款")
    quote: str = Field("", description="原文")
    reading: str = Field("", description="采用这个读法的理由")


class CostSharing(Strict):
    """The shares of city and county (财政体制)."""

    default: Shares = Field(
        default_factory=lambda: Shares(city="100%", county="0%"), description="未单列县区的负担比例"
    )
    counties: dict[str, Shares] = Field(default_factory=dict, description="按县区编号单列的负担比例")


class Interest(Strict):
    """Simple interest on an award that is claimed back: what was held, times the yearly rate, times days, by days."""

    annual_rate: Text = Field(description="年利率，如 3.45%")
    since: Literal["paid", "opened"] = Field("paid", alias="from", description="起算日：拨付之日、立案之日")
    until: Literal["decided", "due"] = Field("decided", description="截止日：作出决定之日、退还期限届满之日")
    year_days: Literal[360, 365] = Field(365, description="一年按多少天")
    cap: str | None = Field(None, description="利息最高为应退本金的百分之几，不写为不封顶")
    rounding: Rounding = Field(default_factory=lambda: Rounding(unit="1分", mode="half_up"), description="利息的取整")


class Clawback(Strict):
    """How an award is claimed back (追回)."""

    return_within: int = Field(20, ge=1, le=250, description="自作出决定之日起退还的期限，工作日")
    interest: Interest | None = Field(None, description="利息，不写为不计")
    history: Literal["not_granted", "granted"] = Field(
        "not_granted", description="以后年度怎样看已追回的部分：视同没有得过、视同得过"
    )
    clause: str = Field("", max_length=64, description="依据，立案时可改")
    quote: str = Field("", description="原文")
    reading: str = Field("", description="采用这个读法的理由")


class Provisions(Strict):
    """The general provisions."""

    rounding: Rounding = Field(default_factory=Rounding, description="取整")
    percentages_are_maxima: bool = Field(False, description="百分比均指最高比例")
    overlap: OverlapRule = Field("none", description="同一事项已获上级资助时：补差、不再补、不看")
    adjustable: list[Literal["overlap", "rounding"]] = Field(
        default_factory=list, description="年度申报指南能另定重复享受、取整中的哪些"
    )
    reading: str = Field("", description="采用这个重复享受读法的理由")
    cost_sharing: CostSharing = Field(default_factory=CostSharing, description="市县负担")
    clawback: Clawback = Field(default_factory=Clawback, description="追回")
    clause: str = Field("", description="条款")
    quote: str = Field("", description="原文")


class Bureau(Strict):
    """A bureau that leads, is responsible, or verifies."""

    id: Id = Field(description="部门编号")
    name: Text = Field(description="部门名称")


class County(Strict):
    """A county, district or development zone."""

    id: Id = Field(description="县区编号")
    name: Text = Field(description="县区名称")


class Duty(Strict):
    """A duty without cash (鼓励…)."""

    id: Id = Field(description="职责编号")
    title: str = Field("", description="职责名称")
    clause: Text = Field(description="条款")
    quote: Text = Field(description="原文")
    lead: str = Field(description="牵头单位")
    responsible: list[str] = Field(description="责任单位")


class HistoryRule(Strict):
    """How a fact follows from the table of earlier awards."""

    aggregate: Literal["count", "years", "sum", "max", "min"] = Field(description="次数、年度数、合计、最大、最小")
    of: str = Field("amount_yuan", description="对哪一列汇总")
    measures: list[str] = Field(default_factory=list, description="看哪些措施，不写为本措施，all 为全部")
    years: Literal["earlier", "ever", "this"] | Annotated[int, Field(ge=1, le=100)] = Field(
        "earlier", description="以前年度、含本年度、只看本年度前面批次，或前 N 个年度"
    )
    per: str = Field("uscc", description="按企业，或按同一企业的一个事实（如项目编号）")
    plus: int = Field(0, ge=0, le=100, description="再加的整数")


class Fact(Strict):
    """One datum that a computation needs of an application."""

    name: Name = Field(description="英文名")
    label: Text = Field(description="中文名")
    type: FactType = Field(description="类型")
    unit: str = Field("", description="单位")
    source: Literal["declared", "verified", "history"] = Field("declared", description="申报、部门核定、历年记录")
    verified_by: str | None = Field(None, description="核定部门")
    evidence: list[str] = Field(default_factory=list, description="证明材料")
    required: bool = Field(True, description="是否必填")
    required_for: list[str] = Field(default_factory=list, description="公共事实可不填时，对哪些措施仍是必填")
    default: str | None = Field(None, description="未填时的值")
    help: str = Field("", description="填写说明")
    min: str | None = Field(None, description="最小值")
    max: str | None = Field(None, description="最大值")
    choices: list[Text] = Field(default_factory=list, description="选项")
    items: Literal["credit_code"] | None = Field(None, description="清单的每项是什么：统一社会信用代码")
    decimals: int = Field(4, ge=0, le=8, description="小数位数")
    history: HistoryRule | None = Field(None, description="怎样由历年记录得出")

    @property
    def is_percent(self) -> bool:
        """Whether the value is counted in percent: 8.5 means 0.085."""
        return self.type == "decimal" and self.unit == "%"

    @property
    def must_be_given(self) -> bool:
        """Whether an application without this fact cannot be computed."""
        return self.required and self.default is None and self.source != "history"


class Row(Strict):
    """One row of a lookup table: a key or a band, and what it gives."""

    key: str | None = Field(None, description="整数键或选项键")
    band: str | None = Field(None, description="段，如 [10万元, 30万元)")
    value: Text = Field(description="取出的值")


class Dated(Strict):
    """The value of a parameter from a year on."""

    from_year: int = Field(alias="from", ge=1949, le=2199, description="从哪个年度起")
    value: str | None = Field(None, description="值")
    rows: list[Row] = Field(default_factory=list, description="档位")
    otherwise: str | None = Field(None, description="表外的键")
    clause: str = Field("", description="条款")
    quote: str = Field("", description="原文")


class Parameter(Strict):
    """A figure of the law with a name."""

    name: Name = Field(description="英文名")
    label: Text = Field(description="中文名")
    type: ParameterType = Field(description="类型")
    unit: str = Field("", description="单位")
    value: str | None = Field(None, description="各年度通用的值")
    values: list[Dated] = Field(default_factory=list, description="按年度的值")
    choices: list[Text] = Field(default_factory=list, description="选项")
    by: Literal["integer", "choice", "amount", "number"] | None = Field(None, description="档位表的键")
    gives: Literal["rate", "money", "integer", "decimal"] | None = Field(None, description="档位表取出的类型")
    rows: list[Row] = Field(default_factory=list, description="档位")
    otherwise: str | None = Field(None, description="表外的键取什么值，或 error")
    clause: str = Field("", description="条款")
    quote: str = Field("", description="原文")
    reading: str = Field("", description="采用这个读法的理由")
    adjustable: Adjustable | None = Field(None, description="年度申报指南能否另定")


class Referral(Strict):
    """Refers an application to a higher programme."""

    referral: Text = Field(description="上级项目名称")


class Condition(Strict):
    """What must hold, and what follows when it does not."""

    id: Id = Field(description="条件编号")
    label: str = Field("", description="中文名")
    expression: Expression
    reason: Text = Field(description="不满足时的说明，{名称} 换成看到的值")
    otherwise: Literal["rejection"] | Referral = Field("rejection", description="不满足时：不予奖补或转报")
    clause: str = Field("", description="条款")
    quote: str = Field("", description="原文")


class Step(Strict):
    """One named step of the arithmetic."""

    name: Name = Field(description="英文名")
    label: Text = Field(description="中文名")
    expression: Expression
    clause: str = Field("", description="条款")
    quote: str = Field("", description="原文")


class Limit(Strict):
    """At most so many awards, or so much money, of one measure; or no day counted twice."""

    id: Id = Field(description="限制编号")
    label: Text = Field(description="中文名")
    times: str | None = Field(None, description="最多几次")
    amount: str | None = Field(None, description="最多多少钱：金额参数名，或金额事实名")
    period: list[str] = Field(default_factory=list, description="期间不得重叠：起日、止日两个日期事实")
    within: Within = Field("lifetime", description="一个年度内或终身")
    per: str = Field("uscc", description="按企业，或按一个事实")
    keep: Literal["highest", "first"] = Field("highest", description="超次数时留哪件")
    share: Share = Field("in_order", description="超金额时怎样分")
    counts: Literal["award", "worth"] = Field("award", description="金额按本级奖补计，还是按扣除已获资助以前的计")
    clause: str = Field("", description="条款")
    quote: str = Field("", description="原文")


class Budget(Strict):
    """What happens when a measure's yearly budget is short."""

    when_short: Literal["warn", "pro_rata", "by_rank"] = Field("warn", description="只提醒、按比例、按得分")
    rank_by: str | None = Field(None, description="按哪个事实或步骤排名")


class Measure(Strict):
    """One measure of the policy."""

    id: Id = Field(description="措施编号")
    title: Text = Field(description="措施名称")
    clause: Text = Field(description="条款")
    quote: Text = Field(description="原文")
    lead: str = Field(description="牵头单位")
    responsible: list[str] = Field(description="责任单位")
    applicants: list[Text] = Field(description="申请主体种类")
    dated_by: str | None = Field(None, description="本措施的事项日期是哪个事实；不写时同政策的 dated_by")
    outcome: Literal["award", "referral", "case_by_case"] = Field("award", description="奖补、转报、一事一议")
    facts: list[Fact] = Field(default_factory=list, description="事实")
    parameters: list[Parameter] = Field(default_factory=list, description="参数")
    conditions: list[Condition] = Field(default_factory=list, description="条件")
    steps: list[Step] = Field(default_factory=list, description="步骤")
    award: str | None = Field(None, description="奖补金额：步骤或金额参数")
    cap: Expression | None = Field(None, description="最高限额")
    referral_to: str | None = Field(None, description="转报的上级项目")
    ceiling: Expression | None = Field(None, description="一事一议的上限")
    decided_by: str | None = Field(None, description="专家组核定金额的事实")
    overlap: OverlapRule | None = Field(None, description="重复享受")
    rounding: Rounding | None = Field(None, description="取整")
    cost_sharing: OwnShares | None = Field(None, description="原文写明由谁负担的：先于政策和年度的市县负担")
    limits: list[Limit] = Field(default_factory=list, description="次数、金额限制")
    budget: Budget = Field(default_factory=Budget, description="预算不足时")

    _common: tuple[Fact, ...] = PrivateAttr(default=())
    _dated_by: str | None = PrivateAttr(default=None)

    @property
    def dating_fact(self) -> str | None:
        """The date fact that tells the year of an item: the measure's own, else the policy's common one."""
        return self.dated_by or self._dated_by

    @cached_property
    def all_facts(self) -> tuple[Fact, ...]:
        """The common facts, the measure's own, and the system's."""
        common = (_required(fact) if self.id in fact.required_for else fact for fact in self._common)
        return (*common, *self.facts, GRANTED_ABOVE_FACT)

    def fact(self, name: str) -> Fact | None:
        """The fact of that name, if the measure has it."""
        return next((fact for fact in self.all_facts if fact.name == name), None)


def _required(fact: Fact) -> Fact:
    return fact.model_copy(update={"required": True})


class GroupBase(Strict):
    """What every rule across applications has."""

    id: Id = Field(description="组编号")
    label: Text = Field(description="中文名")
    measures: list[str] = Field(min_length=1, description="涉及的措施")
    per: str = Field("uscc", description="按企业，或按一个事实")
    clause: Text = Field(description="条款")
    quote: Text = Field(description="原文")


class HighestOnly(GroupBase):
    """Only the highest award of the group in one year."""

    kind: Literal["highest_only"]
    earlier: Literal["reject", "top_up", "ignore"] = Field("reject", description="以前得过时：不再给、补差、不管")
    within: Within = Field("lifetime", description="看一个年度内还是全部的以前")


class Times(GroupBase):
    """At most so many awards of the group."""

    kind: Literal["times"]
    times: Text = Field(description="最多几次")
    within: Within = Field("lifetime", description="一个年度内或终身")
    keep: Literal["highest", "first"] = Field("highest", description="超次数时留哪件")


class AmountCap(GroupBase):
    """At most so much money for the group."""

    kind: Literal["amount_cap"]
    amount: Text = Field(description="金额参数名，或各措施都有的金额事实名")
    within: Within = Field("year", description="一个年度内或终身")
    share: Share = Field("in_order", description="超金额时怎样分")


class Pool(GroupBase):
    """A fixed sum shared by all awards of the group."""

    kind: Literal["pool"]
    amount: Text = Field(description="金额参数名")
    share: Literal["pro_rata", "by_rank"] = Field("pro_rata", description="按比例或按排名")
    rank_by: str | None = Field(None, description="按哪个事实或步骤排名")
    top: str | None = Field(None, description="取前几名")
    whole: bool = Field(False, description="不论多少都把池子分完")


Group = Annotated[HighestOnly | Times | AmountCap | Pool, Field(discriminator="kind")]


class Policy(Strict):
    """A policy: the law as data."""

    id: Id = Field(description="政策编号")
    number: Text = Field(description="文号")
    title: Text = Field(description="名称")
    issuer: Text = Field(description="发文机关")
    issued: datetime.date = Field(description="印发日期")
    valid: Validity = Field(description="有效期")
    statistics_from: datetime.date = Field(description="数据统计起始日")
    dated_by: str | None = Field(None, description="事项发生日期的公共事实")
    provisions: Provisions = Field(description="一般规定")
    bureaus: list[Bureau] = Field(description="部门")
    counties: list[County] = Field(default_factory=list, description="县区、开发区")
    duties: list[Duty] = Field(default_factory=list, description="不发钱的职责")
    parameters: list[Parameter] = Field(default_factory=list, description="公共参数")
    common_facts: list[Fact] = Field(default_factory=list, description="每条措施都要的事实")
    common_conditions: list[Condition] = Field(default_factory=list, description="每条措施都先检查的条件")
    groups: list[Group] = Field(default_factory=list, description="多件申请之间的规则")
    measures: list[Measure] = Field(min_length=1, description="措施")

    _text: str = PrivateAttr(default="")
    _sha256: str = PrivateAttr(default="")
    _file: str = PrivateAttr(default="")

    @property
    def text(self) -> str:
        """The text of policy.yaml as it was read."""
        return self._text

    @property
    def sha256(self) -> str:
        """The SHA-256 of the text in UTF-8, hexadecimal."""
        return self._sha256

    @property
    def file(self) -> str:
        """The name under which the text was read."""
        return self._file

    def measure(self, measure_id: str) -> Measure | None:
        """The measure of that id, if the policy has it."""
        return next((measure for measure in self.measures if measure.id == measure_id), None)

    def bureau_name(self, bureau_id: str) -> str:
        """The Chinese name of a bureau; the id itself when it is unknown."""
        return next((bureau.name for bureau in self.bureaus if bureau.id == bureau_id), bureau_id)


GRANTED_ABOVE_FACT = Fact(
    name=GRANTED_ABOVE,
    label="同一事项已获资助金额",
    type="money",
    unit="元",
    source="verified",
    required=False,
    default="0",
    help="由查重写入，申请人不填",
)
