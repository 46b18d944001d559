"""Who may come in: users, each with one role and the bureau, county or enterprise they act for."""

from enum import StrEnum

from sqlmodel import Field, SQLModel

from models.columns import state


class Role(StrEnum):
    """What somebody is in the cycle; who may do what stands in services/access/permissions.py."""

    OPERATOR = "operator"  # 经办人
    SECTION_HEAD = "section_head"  # 科室负责人
    BUREAU_LEADER = "bureau_leader"  # 分管领导
    BUREAU_MEETING = "bureau_meeting"  # 局长办公会（由办公室登记会议结果）
    GOVERNMENT_OFFICE = "government_office"  # 市政府办公室
    COUNTY_REVIEWER = "county_reviewer"  # 县区审核人
    BUREAU_VERIFIER = "bureau_verifier"  # 部门核验人
    FINANCE = "finance"  # 财政
    APPLICANT = "applicant"  # 申报单位
    AUDITOR = "auditor"  # 审计
    ADMINISTRATOR = "administrator"  # 管理员
    SYSTEM = "system"  # the flows acting by rule, never a person


class User(SQLModel, table=True):
    """A person (or the system itself) who acts."""

    id: int | None = Field(default=None, primary_key=True)
    login: str = Field(unique=True, max_length=64)
    name: str = Field(max_length=64)
    role: Role = state(Role)
    bureau: str | None = Field(default=None, max_length=32)
    county: str | None = Field(default=None, max_length=32)
    enterprise_id: int | None = Field(default=None, foreign_key="enterprise.id")
    email: str | None = Field(default=None, max_length=254)
    active: bool = True
