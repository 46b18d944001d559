"""The plan of a cycle, read from config/cycle.yaml: stages in order, their deadlines and gates."""

from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from models import Role
from services.errors import InputError


class GateKind(StrEnum):
    """What opens a gate."""

    NONE = "none"
    DEADLINE = "deadline"
    COMPLETENESS = "completeness"
    APPROVAL = "approval"


class Subject(StrEnum):
    """What an approval chain approves."""

    GUIDE = "guide"
    LIST = "list"


class CompletenessFact(StrEnum):
    """What must be complete; each has one function in services/cycle/gates.py."""

    APPLICATIONS_EXAMINED = "applications_examined"
    COUNTY_REPLIED = "county_replied"
    BUREAUS_REPLIED = "bureaus_replied"
    FINDINGS_DECIDED = "findings_decided"
    PANEL_DECIDED = "panel_decided"
    OBJECTIONS_ANSWERED = "objections_answered"
    PAYMENTS_SETTLED = "payments_settled"


_OVERRIDABLE = (CompletenessFact.COUNTY_REPLIED, CompletenessFact.BUREAUS_REPLIED)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GatePlan(_Model):
    """How a stage's gate opens, and where it leads back to."""

    kind: GateKind
    subject: Subject | None = None
    chain: tuple[Role, ...] = ()
    fact: CompletenessFact | None = None
    return_to: str | None = None
    override: bool = False

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.kind is GateKind.APPROVAL) != bool(self.chain and self.subject):
            raise ValueError("approval 关口（且只有它）要写 subject 和 chain")
        if (self.kind is GateKind.COMPLETENESS) != bool(self.fact):
            raise ValueError("completeness 关口（且只有它）要写 fact")
        if self.override and self.fact not in _OVERRIDABLE:
            raise ValueError("只有等候县区、部门回复的关口可以由经办人放行")
        return self


class StagePlan(_Model):
    """One stage. `remind` and `escalate` count working days before and after the due day."""

    id: str
    title: str
    gate: GatePlan
    working_days: int | None = Field(default=None, ge=1)
    remind: tuple[int, ...] = ()
    escalate: int | None = None


class CyclePlan(_Model):
    """All stages in order."""

    stages: tuple[StagePlan, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ids = [stage.id for stage in self.stages]
        if len(set(ids)) != len(ids):
            raise ValueError("阶段的 id 有重复")
        for place, stage in enumerate(self.stages):
            target = stage.gate.return_to
            if target is not None and target not in ids[: place + 1]:
                raise ValueError(f"阶段 {stage.id} 的 return_to “{target}” 不是它自己或在它之前的阶段")
            if stage.gate.kind is GateKind.DEADLINE and stage.working_days is None:
                raise ValueError(f"阶段 {stage.id} 的关口是 deadline，要写 working_days")
        return self

    def stage(self, stage_id: str) -> StagePlan:
        """The stage with this id; KeyError when the plan has none."""
        for stage in self.stages:
            if stage.id == stage_id:
                return stage
        raise KeyError(stage_id)

    def after(self, stage_id: str) -> StagePlan | None:
        """The stage that follows, None after the last."""
        ids = [stage.id for stage in self.stages]
        place = ids.index(stage_id) + 1
        return self.stages[place] if place < len(ids) else None


@lru_cache(maxsize=8)
def load_plan(path: Path) -> CyclePlan:
    """Read the plan. Raises InputError with what is wrong in the file."""
    try:
        return CyclePlan.model_validate(YAML(typ="safe").load(path.read_text(encoding="utf-8")))
    except (YAMLError, ValidationError, OSError) as error:
        raise InputError(f"流程文件 {path.name} 有误：{error}。请按 docs/cycle-format.md 修改。") from error
