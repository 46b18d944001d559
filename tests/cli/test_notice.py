"""The contract of `duixian notice`: preview, send, status; and the mailbox that the demo uses."""

import json
import smtplib
import subprocess
import sys
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import select
from typer.testing import CliRunner

import policy
from cli.notice import app
from config.settings import ROOT
from models import Cycle, Dispatch, PolicyVersion
from services.access.actors import find_actor
from services.clock import SystemClock
from services.notices.claims import transaction
from services.notices.kinds import KINDS
from tests.services.notices.support import copies, kept_mails, mailbox, prepared_engine, queue_one, settings_for

RUN = CliRunner()


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An installation that the command finds by its settings, with one notice that can go and one that cannot."""
    settings = settings_for(tmp_path)
    monkeypatch.setenv("DUIXIAN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DUIXIAN_DATABASE_URL", settings.database_url)
    engine = prepared_engine(settings)
    with transaction(engine) as session:
        queue_one(session)
        queue_one(session, recipient="没有邮箱")
    return engine


def test_help_is_chinese_and_quick_to_load() -> None:
    for command in ([], ["preview"], ["send"], ["status"]):
        assert "通知" in RUN.invoke(app, [*command, "--help"]).output
    program = "import cli.notice, sys; print([m for m in ('prefect', 'sqlmodel', 'polars') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True).stdout == "[]\n"


def test_preview_lists_every_kind() -> None:
    result = RUN.invoke(app, ["preview", "--json"])
    assert result.exit_code == 0
    assert [item["kind"] for item in json.loads(result.output)] == list(KINDS)
    assert set(json.loads(result.output)[0]) == {"kind", "name", "subject", "text", "html"}
    assert "补正催办" in RUN.invoke(app, ["preview"]).output


def test_preview_of_one_kind_and_of_one_message_in_the_outbox(engine: Engine, tmp_path: Path) -> None:
    result = RUN.invoke(app, ["preview", "receipt", "--out", str(tmp_path / "p")])
    assert result.exit_code == 0 and result.output.startswith("标题：已收到您的申报")
    assert {path.name for path in (tmp_path / "p").iterdir()} == {"receipt.html", "receipt.txt"}
    assert "示例公司：" in RUN.invoke(app, ["preview", "--number", "1"]).output


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["preview", "recipt"], 1, "没有名为“recipt”的通知种类"),
        (["preview", "--number", "99"], 1, "没有编号为 99 的通知"),
        (["preview", "receipt", "--number", "1"], 2, "只能选一个"),
        (["send", "--again", "1"], 2, "--as"),
        (["send", "--again", "1", "--as", "nobody"], 1, "nobody"),
        (["send", "--again", "1", "--as", "jingban"], 1, "待发送，不需要重新发送"),
        (["send", "--limit", "0"], 2, "limit"),
        (["status", "--cycle", "x"], 2, "cycle"),
    ],
)
def test_what_is_wrong_is_said_with_its_exit_code(engine: Engine, arguments: list[str], code: int, said: str) -> None:
    result = RUN.invoke(app, arguments)
    assert result.exit_code == code
    assert said in result.stderr


def test_send_and_status(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mails"
    with mailbox(folder) as port:
        monkeypatch.setenv("DUIXIAN_SMTP_PORT", str(port))
        sent = RUN.invoke(app, ["send", "--json"])
        assert sent.exit_code == 0
        assert json.loads(sent.output) == {"sent": 1, "deferred": 0, "failed": 0, "left": 0, "trouble": None}
        corrected = RUN.invoke(app, ["send", "--again", "2", "--to", "b@example.invalid", "--as", "jingban"])
        assert corrected.exit_code == 0 and corrected.output.startswith("已发送 1 封")
    assert {mail["To"].addresses[0].addr_spec for mail in kept_mails(folder)} == {
        "a@example.invalid",
        "b@example.invalid",
    }
    none = dict.fromkeys(("pending", "sending", "failed", "held", "cancelled"), 0)
    assert json.loads(RUN.invoke(app, ["status", "--json"]).output) == {
        "counts": [{"kind": "receipt", "name": "申报接收回执", "sent": 2, **none}],
        "failed": [],
    }


def test_send_queues_the_written_notices_whose_time_has_come(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = SystemClock().now()
    law = policy.load(policy.find("zhangzhou-ai-2024"))
    with transaction(engine) as session:
        version = PolicyVersion(policy_id="p", sha256=law.sha256, text=law.text, stored_at=now)
        session.add(version)
        session.flush()
        session.exec(select(Cycle)).one().policy_version_id = version.id or 0
        for subject, send_at in (("到期的通知", now - timedelta(hours=1)), ("明年的通知", now + timedelta(days=300))):
            session.add(
                Dispatch(
                    cycle_id=1,
                    subject=subject,
                    body="请派人参加。",
                    recipients=[{"name": "林某", "address": "lin@example.invalid"}],
                    user_id=find_actor(session, "jingban").user_id,
                    written_at=now - timedelta(days=1),
                    send_at=send_at,
                )
            )
    folder = tmp_path / "mails"
    with mailbox(folder) as port:
        monkeypatch.setenv("DUIXIAN_SMTP_PORT", str(port))
        sent = RUN.invoke(app, ["send", "--json"])
        assert json.loads(sent.stdout)["sent"] == 2, sent.output
    subjects = [str(mail["Subject"]) for mail in kept_mails(folder)]
    assert sum("到期的通知" in subject for subject in subjects) == 1
    assert not any("明年的通知" in subject for subject in subjects)


def test_of_a_year_that_there_is_not_status_says_so(engine: Engine) -> None:
    result = RUN.invoke(app, ["status", "--cycle", "99"])
    assert result.exit_code == 1
    assert "99" in result.output and "空的" not in result.output
    assert RUN.invoke(app, ["status", "--cycle", "1"]).exit_code == 0


def test_status_names_what_failed_and_why(engine: Engine) -> None:
    result = RUN.invoke(app, ["status"])
    assert result.exit_code == 0
    assert "申报接收回执" in result.output and "没有邮箱" in result.output and "notice send --again" in result.output
    assert json.loads(RUN.invoke(app, ["status", "--json"]).output)["failed"][0]["number"] == 2


def test_a_server_out_of_reach_is_exit_1_with_a_remedy(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUIXIAN_SMTP_PORT", "1")
    result = RUN.invoke(app, ["send"])
    assert result.exit_code == 1
    assert "无法使用" in result.output and "DUIXIAN_SMTP_*" in result.output


def test_without_a_database_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUIXIAN_DATABASE_URL", f"sqlite:///{tmp_path / 'none.db'}")
    result = RUN.invoke(app, ["status"])
    assert result.exit_code == 1 and "数据库尚未建立" in result.stderr


def test_the_mailbox_keeps_a_mail_once_even_over_a_restart(tmp_path: Path) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Message-ID"] = "a@example.invalid", "b@example.invalid", "<1@example.invalid>"
    mail.set_content("x")
    for _ in range(2):
        with mailbox(tmp_path) as port, smtplib.SMTP("127.0.0.1", port) as client:
            client.send_message(mail)
            client.send_message(mail)
    assert [kept["Message-ID"] for kept in kept_mails(tmp_path)] == ["<1@example.invalid>"]
    assert copies(tmp_path) == 3


def test_a_taken_port_is_said_in_chinese(tmp_path: Path) -> None:
    with mailbox(tmp_path) as port:
        command = [sys.executable, "-m", "cli.mailbox", "--port", str(port), "--folder", str(tmp_path)]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1 and f"无法在 127.0.0.1:{port} 启动收信服务" in result.stderr


def test_the_mailbox_ends_quietly_while_somebody_is_connected(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cli.mailbox", "--port", "0", "--folder", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        with smtplib.SMTP("127.0.0.1", int(process.stdout.readline().rpartition(":")[2])):
            process.terminate()
            _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
