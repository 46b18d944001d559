"""The settings are seen both ways: as they should be, and each with what is wrong with it."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from services.doctor import Mark, examine, installation
from services.doctor.told import parted
from tests.services.doctor.support import all_good, installed, only, told
from tests.stamping import make_authority


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to run in, with a `.env` that nobody else reads."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("DUIXIAN_CONTACT=电话\n", encoding="utf-8")
    (tmp_path / ".env").chmod(0o600)
    return tmp_path


def test_settings_in_order(tmp_path: Path) -> None:
    settings = installed(tmp_path)
    assert all_good(installation.settings_file(settings, {}))
    assert all_good(installation.earnest(settings)) and all_good(installation.whole(settings))


def test_a_name_that_is_no_setting_is_told_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DUIXIAN_SMPT_HOST=a\nOTHER=1\n", encoding="utf-8")
    found = only(installation.settings_file(installed(tmp_path), {"DUIXIAN_PARTS": "x"}), Mark.LOOK)
    assert "DUIXIAN_SMPT_HOST" in found.seen and "是否想写 DUIXIAN_SMTP_HOST" in found.seen


def test_another_folder_than_that_of_the_settings_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").unlink()
    assert "用的全是默认值" in only(installation.settings_file(installed(tmp_path), {}), Mark.LOOK).seen
    assert all_good(installation.settings_file(installed(tmp_path), {"DUIXIAN_DATA_DIR": "x"}))


def test_a_file_of_settings_that_others_can_read_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").chmod(0o644)
    assert "chmod 600" in only(installation.settings_file(installed(tmp_path), {}), Mark.LOOK).remedy


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SMTP_PORT", "二五", "DUIXIAN_SMTP_PORT 是“二五”，应为整数"),
        ("SMTP_TLS", "开", "应为 true 或 false"),
        ("IDLE_MINUTES", "1", "不能小于 5"),
        ("RETENTION_YEARS", "99", "不能大于 30"),
    ],
)
def test_settings_that_cannot_be_read_are_told_and_nothing_else(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"DUIXIAN_{name}", value)
    (line,) = examine(thorough=False, more=lambda _: [])
    assert line.id == "settings" and line.told.mark is Mark.BAD and said in line.told.seen


def test_a_file_of_settings_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("DUIXIAN_CONTACT=电话".encode("gbk"))
    settings, (found,) = installation.read()
    assert settings is None and "UTF-8" in found.remedy


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"mail_from": "noreply@duixian.invalid"}, "DUIXIAN_MAIL_FROM 是示例值"),
        ({"mail_domain": "duixian.invalid"}, "DUIXIAN_MAIL_DOMAIN 是示例值"),
        ({"console_url": "http://127.0.0.1:8000"}, "只有这台机器能打开"),
        ({"clock_file": Path("clock")}, "不是真的时间"),
    ],
)
def test_values_for_trying_out_are_wrong_where_mails_go_out(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    assert said in only(installation.earnest(installed(tmp_path, **changes)), Mark.BAD).seen
    here = installed(tmp_path, smtp_host="localhost", **changes)
    assert said in only(installation.earnest(here), Mark.LOOK).seen


def test_a_contact_without_a_telephone_and_an_open_address_are_told(tmp_path: Path) -> None:
    brought = installation.Settings.model_fields["contact"].default
    assert "没有电话" in only(installation.earnest(installed(tmp_path, contact=brought)), Mark.LOOK).seen
    plain = installed(tmp_path, console_url="http://award.zhangzhou.example")
    assert "没有加密" in only(installation.earnest(plain), Mark.LOOK).seen


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        ({"oidc_issuer": "https://id.example"}, "DUIXIAN_OIDC_CLIENT_ID、DUIXIAN_OIDC_CLIENT_SECRET"),
        ({"smtp_username": "u", "smtp_tls": True}, "DUIXIAN_SMTP_PASSWORD"),
        ({"bounce_imap_host": "imap.example"}, "DUIXIAN_BOUNCE_IMAP_USERNAME"),
        ({"group_webhook": "https://oapi.example/robot"}, "DUIXIAN_GROUP_SECRET"),
        ({"tsa_url": "http://tsa.example"}, "DUIXIAN_TSA_CA_FILE"),
        ({"dkim_domain": "zhangzhou.example"}, "DUIXIAN_DKIM_KEY_FILE"),
    ],
)
def test_what_is_half_given_is_told(tmp_path: Path, given: dict[str, Any], lacking: str) -> None:
    assert lacking in only(installation.whole(installed(tmp_path, **given)), Mark.BAD).seen


def test_what_is_given_whole_is_in_order(tmp_path: Path) -> None:
    given = {"oidc_issuer": "https://id.example", "oidc_client_id": "a", "oidc_client_secret": "b"}
    login = {"smtp_username": "u", "smtp_password": "p", "smtp_tls": True}
    assert all_good(installation.whole(installed(tmp_path, **given, **login)))


def test_a_city_that_uses_the_programs_folders_is_told(tmp_path: Path) -> None:
    seen = only(installation.whole(installed(tmp_path, city="a")), Mark.BAD).seen
    names = ("policies_dir", "calendar_dir", "templates_dir", "cycle_file", "self_assessment_file")
    assert all(f"DUIXIAN_{name.upper()}" in seen for name in names) and "DATA_DIR" not in seen
    own = {name: tmp_path / name for name in names}
    assert all_good(installation.whole(installed(tmp_path, city="a", **own)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"smtp_username": "u", "smtp_password": "p"}, "不加密地发给发信服务器"),
        (
            {
                "bounce_imap_host": "imap.example",
                "bounce_imap_username": "u",
                "bounce_imap_password": "p",
                "bounce_imap_tls": False,
            },
            "不加密地发给邮箱服务器",
        ),
        ({"metrics_token": ""}, "能读到 /metrics"),
        ({"metrics_token": "kurz"}, "太短"),
        ({"dkim_key_file": Path("k"), "dkim_domain": "other.example"}, "对方不认"),
    ],
)
def test_what_is_open_or_weak_is_told(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    found = only(installation.whole(installed(tmp_path, **changes)), Mark.LOOK)
    assert said in found.seen and "pp" not in found.seen


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"mail_hours": "8点"}, "DUIXIAN_MAIL_HOURS"),
        ({"mail_reply_to": "科室"}, "DUIXIAN_MAIL_REPLY_TO 是“科室”"),
        ({"trusted_proxies": "*"}, "冒充来访地址"),
        ({"dkim_key_file": Path("none.pem")}, "DUIXIAN_DKIM_KEY_FILE"),
        ({"tsa_ca_file": Path("none.pem")}, "根证书"),
    ],
)
def test_values_that_cannot_be_used_are_told(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    found = [each for each in told(installation.settings_file(installed(tmp_path, **changes), {})) if each.remedy]
    assert [each.mark for each in found] in ([Mark.BAD], [Mark.BAD, Mark.GOOD])
    assert said in found[0].seen


def test_values_that_can_be_used_are_in_order(tmp_path: Path) -> None:
    subprocess.run(["openssl", "genrsa", "-out", "dkim.pem", "2048"], check=True, capture_output=True)
    root = make_authority(tmp_path / "authority")
    proxies = {"trusted_proxies": "10.0.0.0/8, ::1", "mail_reply_to": "ai@zhangzhou.example"}
    files = {"dkim_key_file": tmp_path / "dkim.pem", "tsa_ca_file": root}
    assert all_good(installation.settings_file(installed(tmp_path, **proxies, **files), {}))


def test_an_odd_proxy_is_told(tmp_path: Path) -> None:
    found = only(installation.settings_file(installed(tmp_path, trusted_proxies="proxy"), {}), Mark.LOOK)
    assert "“proxy”不是地址" in found.seen


def test_a_sentence_is_parted_into_what_was_seen_and_what_to_do() -> None:
    found = parted(Mark.BAD, "打不开（没有）；请核对设置；再试。")
    assert (found.seen, found.remedy) == ("打不开（没有）", "请核对设置；再试。")
    assert parted(Mark.BAD, "应写成甲。").seen == "应写成甲。"
