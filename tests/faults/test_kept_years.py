"""The long run goes on where it was broken off."""

from collections import Counter
from pathlib import Path

import pytest

from tests.faults import adversary
from tests.faults.adversary import Result


def test_a_year_is_read_as_it_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adversary, "KEPT", tmp_path / "faults" / "years.jsonl")
    years = [
        Result(1, Counter({"流程进程": 3, "工作台": 1}), 2, 1.5, 10, 1, (), "abc"),
        Result(2, Counter({"执行器": 2}), 1, 2.5, 11, 0, ("awards: not as undisturbed",), "abd"),
    ]
    assert adversary._earlier() == []
    for year in years:
        adversary._keep(year)
    assert adversary._earlier() == years
