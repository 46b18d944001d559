"""The form of the self-assessment, read from config/self_assessment.yaml: its fields and its days."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from policy import Fact
from services.errors import InputError

Days = Annotated[int, Field(ge=1, le=250)]


class AssessmentForm(BaseModel):
    """The fields, written like facts of a policy, and the working days to answer, to supply more, and of reminders."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    working_days: Days
    supplement_days: Days
    remind: list[Days] = Field(default_factory=list)
    fields: list[Fact] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_field_once(self) -> Self:
        names = [field.name for field in self.fields]
        if len(set(names)) < len(names):
            raise ValueError("fields 里有重复的 name")
        return self


def load_form(path: Path) -> AssessmentForm:
    """The form in this file, read anew when the file has changed. Raises InputError that says what is wrong where."""
    try:
        return _load(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise InputError(f"打不开绩效自评表 {path}：{error.strerror}；请核对设置。") from error


@lru_cache(maxsize=4)
def _load(path: Path, _stamp: int) -> AssessmentForm:
    try:
        return AssessmentForm.model_validate(YAML(typ="safe").load(path.read_text(encoding="utf-8")))
    except (YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"绩效自评表 {path} 不是正确的 YAML 文件：{error}；请改正。") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "文件"
        raise InputError(f"绩效自评表 {path} 的 {place} 有误：{first['msg']}；请对照文件开头的说明改正。") from error
