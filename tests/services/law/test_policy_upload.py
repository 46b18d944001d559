"""What is taken as a policy folder, and what is refused with which words."""

import io
import random
import stat
import zipfile

import pytest

from config.settings import Settings
from services.errors import InputError
from services.files import apart
from services.law import policy_upload
from services.law.policy_folder import MOST_BYTES, MOST_FILES, unpack
from services.law.policy_upload import PolicyFolder

POLICY = "id: small\ntitle: 虚构\n".encode()
CASES = b"cases: []\n"


def zipped(members: dict[str, bytes], **changes: object) -> bytes:
    """A zip of these members; `changes` are attributes of the last one."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if name == list(members)[-1]:
                for attribute, value in changes.items():
                    setattr(info, attribute, value)
            archive.writestr(info, data)
    return buffer.getvalue()


def read(uploads: list[tuple[str, bytes]]) -> PolicyFolder:
    return policy_upload.read(Settings(_env_file=None), uploads)


def read_zip(members: dict[str, bytes], **changes: object) -> PolicyFolder:
    return read([("政策.zip", zipped(members, **changes))])


def test_a_flat_zip_a_folder_and_single_files_give_the_same() -> None:
    single = read([("policy.yaml", POLICY), ("cases.yaml", CASES)])
    flat = read_zip({"cases.yaml": CASES, "policy.yaml": POLICY})
    folder = read_zip({"2027年政策/": b"", "2027年政策/policy.yaml": POLICY, "2027年政策/cases.yaml": CASES})
    assert single.sha256 == flat.sha256 == folder.sha256
    assert dict(folder.files) == {"policy.yaml": POLICY, "cases.yaml": CASES}
    assert folder.policy_id == "small"


def test_the_digest_is_of_names_and_contents() -> None:
    digests = {
        PolicyFolder(files).sha256
        for files in (
            {"policy.yaml": POLICY},
            {"policy.yml": POLICY},
            {"policy.yaml": POLICY + b"\n"},
            {"policy.yaml": POLICY, "a.txt": b""},
        )
    }
    assert len(digests) == 4


def test_a_zip_is_told_by_its_content_and_not_by_its_name() -> None:
    assert read([("policy.yaml", zipped({"policy.yaml": POLICY}))]).files["policy.yaml"] == POLICY
    with pytest.raises(InputError, match=r"不能用“政策\.zip”这个文件名"):
        read([("政策.zip", POLICY)])


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"../policy.yaml": POLICY}, "“../policy.yaml”在另一层文件夹里"),
        ({"/policy.yaml": POLICY}, "“/policy.yaml”在另一层文件夹里"),
        ({"a/../../policy.yaml": POLICY}, "在另一层文件夹里"),
        ({"a/policy.yaml": POLICY, "a/b/cases.yaml": CASES}, "“a/b/cases.yaml”在另一层文件夹里"),
        ({"a/policy.yaml": POLICY, "a/b/": b""}, "“a/b/”在另一层文件夹里"),
        ({"a/policy.yaml": POLICY, "b/cases.yaml": CASES}, "不在同一个文件夹里"),
        ({"policy.yaml": POLICY, "a/cases.yaml": CASES}, "不在同一个文件夹里"),
        ({"..\\policy.yaml": POLICY}, "不能用“..\\\\policy.yaml”这个文件名"),
        ({"policy.yaml": POLICY, ".hidden.yaml": CASES}, "不能用“.hidden.yaml”这个文件名"),
        ({"policy.yaml": POLICY, "run.sh": b"rm"}, "不能用“run.sh”这个文件名"),
        ({"policy.yaml": POLICY, "算例.yaml": CASES}, "不能用“算例.yaml”这个文件名"),
        ({"policy.yaml": POLICY, "Policy.yaml": POLICY}, "有两个名为“Policy.yaml”的文件"),
        ({"policy.yaml": POLICY, "inner.yaml": zipped({"policy.yaml": POLICY})}, "“inner.yaml”第 1 行"),
        ({"policy.yml": POLICY}, "没有 policy.yaml，看到的是：policy.yml"),
        ({}, "没有 policy.yaml，看到的是：没有文件"),
        ({f"{n}.txt": b"" for n in range(MOST_FILES + 1)}, f"最多 {MOST_FILES} 个文件"),
    ],
)
def test_what_lies_in_the_wrong_place_or_has_a_wrong_name_is_refused(members: dict[str, bytes], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_zip(members)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"external_attr": (stat.S_IFLNK | 0o777) << 16}, "“link.txt”是链接"),
        ({"external_attr": (stat.S_IFIFO | 0o600) << 16}, "“link.txt”是链接"),
        ({"compress_type": zipfile.ZIP_LZMA}, "“link.txt”用了不能识别的压缩方式"),
    ],
)
def test_what_is_no_plain_file_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_zip({"policy.yaml": POLICY, "link.txt": b"/etc/passwd"}, **changes)


def test_a_password_is_refused() -> None:
    data = bytearray(zipped({"policy.yaml": POLICY}))
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(InputError, match=r"“policy\.yaml”设有密码"):
        read([("政策.zip", bytes(data))])


def test_a_bomb_is_refused_while_it_unpacks() -> None:
    bomb = {"policy.yaml": POLICY, "text.txt": b"\n" * (MOST_BYTES * 10)}
    with pytest.raises(InputError, match=r"读到“text\.txt”时，全部文件解开后已超过 5 兆字节"):
        read_zip(bomb)


def test_a_header_that_understates_a_bomb_does_not_let_it_in() -> None:
    data = bytearray(zipped({"policy.yaml": POLICY, "text.txt": b"\n" * (MOST_BYTES * 4)}))
    size = (MOST_BYTES * 4).to_bytes(4, "little")
    assert data.count(size) == 2
    with pytest.raises(InputError, match="打不开，可能已经损坏"):
        read([("政策.zip", bytes(data.replace(size, (100).to_bytes(4, "little"))))])


def test_many_files_together_may_not_be_larger_either() -> None:
    half = b"\n" * (MOST_BYTES // 2)
    with pytest.raises(InputError, match=r"读到“c\.txt”时"):
        read([("policy.yaml", POLICY), ("b.txt", half), ("c.txt", half)])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("id: 虚构\n标题: 虚构\n".encode("gb18030"), "“policy.yaml”第 1 行不是 UTF-8 编码"),
        (POLICY + "备注: 虚构".encode("gb18030"), "“policy.yaml”第 3 行不是 UTF-8 编码"),
        ("id: x".encode("utf-16"), "“policy.yaml”第 1 行不是 UTF-8 编码"),
        (b"\x7fELF\x02\x01\x00\x00", "“policy.yaml”第 1 行有不是文字的内容"),
        (b"id: a\nb: \x00", "“policy.yaml”第 2 行有不是文字的内容"),
    ],
)
def test_what_is_no_plain_text_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read([("policy.yaml", data)])


def test_a_byte_order_mark_and_broken_yaml_are_left_to_the_check() -> None:
    assert read([("policy.yaml", b"\xef\xbb\xbf" + POLICY)]).policy_id == "small"
    assert read([("policy.yaml", b"a: [\n")]).policy_id == ""
    assert read([("policy.yaml", b"hello")]).policy_id == ""
    assert read([("policy.yaml", b"id: &a [*a]")]).policy_id == ""
    assert read([("policy.yaml", b"[" * 100_000)]).policy_id == ""


def test_that_nothing_was_chosen_is_said_without_a_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "READERS", {})
    with pytest.raises(InputError, match="没有选择文件"):
        read([])


def test_nothing_and_a_zip_beside_files_are_refused() -> None:
    with pytest.raises(InputError, match="没有选择文件"):
        read([])
    with pytest.raises(InputError, match=r"“a\.zip”是压缩包，不能与别的文件一起上传"):
        read([("policy.yaml", POLICY), ("a.zip", zipped({"cases.yaml": CASES}))])


def test_a_damaged_zip_is_refused_in_words_however_it_is_damaged() -> None:
    whole, chance = zipped({"a/policy.yaml": POLICY, "a/cases.yaml": CASES}), random.Random(1)
    for _ in range(2000):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(4, len(data))] = chance.randrange(256)
        try:
            unpack([("a.zip", bytes(data[: chance.randint(5, len(data))]))])
        except InputError as error:
            assert str(error).endswith("。")
