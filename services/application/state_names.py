"""What the states of the record are called where people read them."""

from models import ApplicationStatus, FindingVerdict, ImportKind, LedgerLevel, Opinion, Outcome, RequestStatus

OUTCOMES = {
    Outcome.AWARD: "予以奖补",
    Outcome.CASE_BY_CASE: "一事一议",
    Outcome.REFERRAL: "转报上级",
    Outcome.REJECTION: "不予奖补",
}
APPLICATION_STATES = {
    ApplicationStatus.DRAFT: "草稿",
    ApplicationStatus.SUBMITTED: "已提交",
    ApplicationStatus.SUPPLEMENT: "待补正",
    ApplicationStatus.LAPSED: "逾期未补正",
    ApplicationStatus.WITHDRAWN: "已撤回",
    ApplicationStatus.ACCEPTED: "已受理",
    ApplicationStatus.COUNTY_PASSED: "县区初审通过",
    ApplicationStatus.COUNTY_REFUSED: "县区初审不通过",
    ApplicationStatus.VERIFIED: "部门联审完成",
    ApplicationStatus.REFUSED: "部门联审不通过",
    ApplicationStatus.BARRED: "禁止申报",
}
REQUEST_STATES = {
    RequestStatus.OPEN: "待回复",
    RequestStatus.ANSWERED: "已回复",
    RequestStatus.OVERRIDDEN: "视同无意见",
    RequestStatus.CANCELLED: "已取消",
}
OPINIONS = {Opinion.AGREE: "同意", Opinion.REFUSE: "不同意"}
VERDICTS = {
    FindingVerdict.OPEN: "待认定",
    FindingVerdict.DUPLICATE: "认定为同一事项",
    FindingVerdict.DISTINCT: "认定为不同事项",
}
LEVELS = {LedgerLevel.CENTRAL: "中央", LedgerLevel.PROVINCE: "省级", LedgerLevel.CITY: "市级"}
IMPORTS = {
    ImportKind.APPLICATIONS: "申报表",
    ImportKind.LEDGER: "奖补台账",
    ImportKind.VERIFICATION: "核验表",
    ImportKind.PAYMENTS: "拨付结果",
}
