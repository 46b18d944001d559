"""Names that people give their files: never a path, never too long for a file system, their ending kept."""

import pytest

from services.application.file_kinds import plain_name


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("合同.pdf", "合同.pdf"),
        ("C:\\我的\\合同.pdf", "合同.pdf"),
        ("../../etc/passwd", "passwd"),
        ("..", "上传的文件"),
        ("", "上传的文件"),
        (".xlsx", "xlsx"),
        ("a\0b\nc.pdf", "abc.pdf"),
    ],
)
def test_only_the_name_is_kept(given: str, kept: str) -> None:
    assert plain_name(given) == kept


@pytest.mark.parametrize("letter", ["a", "长", "𠮷"])
def test_a_long_name_is_cut_by_bytes_before_its_ending(letter: str) -> None:
    name = plain_name(f"{letter * 300}.xlsx")
    assert len(name.encode()) <= 255
    assert name.endswith(f"{letter}.xlsx")
