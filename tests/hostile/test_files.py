"""Every file of the corpus, given to the reader that it is meant for: an answer or a clear refusal, within bounds."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from services.application import file_kinds
from services.errors import InputError
from services.files import apart
from tests.hostile.batch import arguments, run
from tests.hostile.corpus import Case, every_case
from tests.hostile.measuring import measured

pytestmark = pytest.mark.xdist_group("hostile files")  # one worker reads them
ROOT = Path(__file__).parents[2]
CASES = every_case()
FILES = [case for case in CASES if case.door != "body" and not case.big]
LARGE = [case for case in CASES if case.big]
LONGEST_SECONDS, MOST_MEGABYTES = 20, 400
"""What one file of those that CI reads may take; machines that are busy take three times what was measured."""

LARGE_SECONDS = 150  # 120 are a reader's, the rest goes by until it stands


def chinese(sentence: str) -> bool:
    """Whether it is a whole sentence in Chinese, without a traceback or a path of ours."""
    return bool(re.search("[\u4e00-\u9fff]{4}", sentence)) and "Traceback" not in sentence and str(ROOT) not in sentence


@pytest.fixture(scope="module")
def results() -> dict[str, dict[str, Any]]:
    """What came of each file."""
    return run([case.name for case in FILES])


def test_there_are_enough_and_no_two_of_one_name() -> None:
    names = Counter(case.name for case in CASES)
    assert len(names) == len(CASES) >= 900
    assert {case.door for case in CASES} == {"table", "evidence", "policy", "calendar", "bounce", "body"}


@pytest.mark.parametrize("case", FILES, ids=[case.name for case in FILES])
def test_a_file_is_read_or_refused_within_bounds(case: Case, results: dict[str, dict[str, Any]]) -> None:
    result = results[case.name]
    assert "defect" not in result, result
    assert result.get("over") != "time", result
    assert result["seconds"] <= LONGEST_SECONDS and result["megabytes"] <= MOST_MEGABYTES, result
    said = result.get("refused") or result.get("cause")
    assert said is None or said == "" or chinese(said) or said == "里没有任何数据", result


def test_few_files_end_their_reader(results: dict[str, dict[str, Any]]) -> None:
    """Those that do prove what the process is for; were they many, the reader itself would be at fault."""
    ended = [name for name, result in results.items() if "ended" in result or "over" in result]
    assert len(ended) <= 8, ended


def test_a_file_that_ends_its_reader_is_told_as_one() -> None:
    case = next(case for case in FILES if case.name == "xls/cut-6")
    reader, given = arguments(case, len(case.make()))
    with pytest.raises(apart.ApartError) as raised:
        apart.read_apart(reader, case.make(), **given)
    assert chinese(str(raised.value))


@pytest.mark.parametrize("case", [case for case in FILES if case.door == "evidence"], ids=lambda case: case.name)
def test_evidence_is_what_its_name_says_or_refused(case: Case) -> None:
    data = case.make()
    if data.startswith(b"PK") and case.filename.endswith((".docx", ".xlsx")) and case.name.count("/") == 1:
        expected = case.name in {f"evidence/{name}" for name in _SOUND}
    else:
        magic = {"pdf": b"%PDF-", "png": b"\x89PNG\r\n\x1a\n", "jpg": b"\xff\xd8\xff"}
        ending = case.filename.rpartition(".")[2].lower()
        expected = ending in magic and data.startswith(magic.get(ending, b"?")) and case.filename not in _NAMELESS
    try:
        name = file_kinds.check_file(Settings(_env_file=None), case.filename, data)
    except InputError as error:
        assert not expected and chinese(str(error))
    else:
        assert expected
        assert not set(name) & set("/\\\0\r\n") and len(name.encode()) <= 255 and not name.startswith(".")


_SOUND = ("xlsx.xlsx", "docx.docx", "docx-template-net.docx")
_REFUSED = {
    "evidence/100000-parts": "的内容与后缀不符",
    "evidence/bomb": "解压后有 2000.0 兆字节",
    "evidence/51-megabytes": "有 51.0 兆字节，最多 50 兆字节",
}
_NAMELESS = (".pdf", "....pdf", "   .pdf   ")


@pytest.mark.hostile
@pytest.mark.parametrize("case", LARGE, ids=[case.name for case in LARGE])
def test_a_large_file_is_read_or_refused_within_the_limits_of_its_reader(case: Case) -> None:
    if case.door == "evidence":  # the reader tells the parts; who knows what is taken refuses
        with pytest.raises(InputError, match=_REFUSED[case.name]):
            file_kinds.check_file(Settings(_env_file=None), case.filename, case.make())
    result = measured(case.name)
    assert result["seconds"] <= LARGE_SECONDS and result["megabytes"] <= 3072, result
    assert not result["said"] or chinese(result["said"]), result
