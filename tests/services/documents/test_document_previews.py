"""Samples: every document can be looked at without a database, and a template is checked on them."""

from pathlib import Path

import pytest

from config.settings import Settings
from services.documents import KINDS
from services.documents.preview import preview, problems
from services.errors import InputError, NotFoundError

SETTINGS = Settings(_env_file=None)
BEGINS = {"pdf": b"%PDF", "docx": b"PK", "xlsx": b"PK", "html": b"<!DOCTYPE html>"}


@pytest.mark.parametrize("kind", ["funds_request", "calculation"])
def test_a_sample_needs_no_database(kind: str, tmp_path: Path) -> None:
    elsewhere = SETTINGS.model_copy(update={"data_dir": tmp_path, "database_url": "sqlite:////nowhere/at/all.db"})
    form = KINDS[kind].formats[-1]
    assert preview(elsewhere, kind, form).startswith(BEGINS[form])
    assert list(tmp_path.iterdir()) == []


def test_a_sample_is_the_same_every_time() -> None:
    assert preview(SETTINGS, "funds_notice") == preview(SETTINGS, "funds_notice")


def test_the_sample_of_a_recovery_cites_what_the_policy_claims_back_by() -> None:
    shown = preview(SETTINGS, "recovery_decision", "html").decode()
    assert "依据《财政违法行为处罚处分条例》第十四条，现决定" in shown


def test_a_broken_template_is_named_with_its_line_and_no_other_is(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "recovery_decision.html").write_text("甲\n{{ recovery.nosuch }}", encoding="utf-8")
    (tmp_path / "documents" / "dossier.html").write_text("{% if %}", encoding="utf-8")
    found = sorted(problems(SETTINGS.model_copy(update={"templates_dir": tmp_path})))
    assert len(found) == 2
    assert found[0].startswith("模板“dossier.html”第 1 行写法有误")
    assert found[1].startswith("模板“recovery_decision.html”第 2 行用了没有的名称")


def test_what_does_not_exist_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"申报案卷没有 docx 格式；可用的有：pdf。"):
        preview(SETTINGS, "dossier", "docx")
    with pytest.raises(NotFoundError, match="没有“letter”这种文件"):
        preview(SETTINGS, "letter")
    with pytest.raises(NotFoundError, match="政策目录里没有政策"):
        preview(SETTINGS.model_copy(update={"policies_dir": tmp_path}), "guide")
