"""Backups: taken while others write, restored elsewhere, gone on with; what is broken or changed is refused by name."""

import os
import resource
import shutil
import signal
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlmodel import Session, col, select

from cli.demo.acting import World
from config.settings import Settings
from models import Application, Attachment, Award, AwardList, AwardListEntry, Message, Payment, Role
from services import backups
from services.access import people
from services.application import attachments
from services.backups.manifest import NAME
from services.clock import FixedClock, SystemClock
from services.errors import InputError, StateError
from services.notices.opting_out import _key
from services.record import chain
from services.record.database import engine_of
from services.record.schema import migrate
from tests.desk import Desk
from tests.kept_years import KeptYears, leave
from tests.services.application.test_attachments import DATA
from tests.year import run_year

WALL = SystemClock()


def furnish(desk: Desk) -> None:
    """Everything that a data folder may hold."""
    folder = desk.settings.data_dir
    _key(folder)
    for name in ("attachments/ab/abcd", "output/y/x.pdf", "policy-drafts/d/policy.yaml", "drafts/e", "mailbox/m.eml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name, encoding="utf-8")
    for name in ("logs/console.log", "prefect/prefect.db", "backups/old.zip", "incoming/1/x", "attachments/ab/y.new"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("rubbish", encoding="utf-8")


def files_below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_comes_out_is_what_went_in(desk: Desk, tmp_path: Path) -> None:
    furnish(desk)
    made = backups.make(desk.settings, WALL, tmp_path / "b.zip")
    done = backups.restore(made.file, tmp_path / "again", sha256=made.sha256)
    assert done.problems == []
    out, before = files_below(tmp_path / "again"), files_below(desk.settings.data_dir)
    kept = {name for name in out if not name.startswith("settings/") and name != "duixian.db"}
    assert kept == {
        *("attachments/ab/abcd", "output/y/x.pdf", "policy-drafts/d/policy.yaml", "drafts/e", "mailbox/m.eml"),
        "data.keys",
        "link.key",
    }
    assert all(out[name] == before[name] for name in kept)
    assert {"settings/policies_dir/zhangzhou-ai-2024/policy.yaml", "settings/cycle_file/cycle.yaml"} <= out.keys()
    with Session(engine_of(desk.settings.model_copy(update=at(tmp_path / "again")))) as session:
        assert len(session.exec(select(Message)).all()) == len(desk.session.exec(select(Message)).all())
        assert session.execute(text("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'")).scalar_one() > 10
    assert all((tmp_path / "again" / name).stat().st_mode & 0o077 == 0 for name in out)
    assert made.file.stat().st_mode & 0o077 == 0


def at(folder: Path) -> dict[str, object]:
    return {"data_dir": folder, "database_url": f"sqlite:///{folder / 'duixian.db'}"}


PASSWORD = "a 'b' \"c\" #d \\e $f"


def test_what_was_restored_is_backed_up_and_restored_again(desk: Desk, tmp_path: Path) -> None:
    furnish(desk)
    (desk.settings.data_dir / "duixian.dump").write_text("of a restored PostgreSQL", encoding="utf-8")
    made = backups.make(desk.settings, WALL, tmp_path / "1.zip")
    for number in (1, 2):
        folder = tmp_path / f"generation-{number}"
        assert backups.restore(made.file, folder).problems == []
        made = backups.make(desk.settings.model_copy(update=at(folder)), WALL, tmp_path / f"of-{number}.zip")
    first, second = (files_below(tmp_path / f"generation-{number}") for number in (1, 2))
    assert first.keys() == second.keys() and "duixian.dump" not in first
    assert all(first[name] == second[name] for name in first if name.startswith(("attachments/", "output/")))


def test_a_database_elsewhere_does_not_clash_with_an_old_one_in_the_data_folder(desk: Desk, tmp_path: Path) -> None:
    live = desk.settings.data_dir / "duixian.db"
    shutil.copy(live, tmp_path / "live.db")
    live.write_text("old", encoding="ascii")
    settings = desk.settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'live.db'}"})
    made = backups.make(settings, WALL, tmp_path / "b.zip")
    assert backups.restore(made.file, tmp_path / "again").problems == []


def changed_names(file: Path, names: dict[str, str]) -> Path:
    """A copy of the archive in which files have other names, in the manifest too."""
    with zipfile.ZipFile(file) as source:
        moved = {new: source.read(old) for old, new in names.items()}

    def change(name: str, data: bytes) -> bytes | None:
        if name == NAME:
            for old, new in names.items():
                data = data.replace(f'"{old}"'.encode(), f'"{new}"'.encode())
        return None if name in names else data

    return rewritten(file, change, moved)


def test_an_archive_of_an_older_version_that_has_settings_twice_is_restored(desk: Desk, tmp_path: Path) -> None:
    furnish(desk)
    made = backups.make(desk.settings, WALL, tmp_path / "b.zip")
    twice = "settings/cycle_file/cycle.yaml"
    changed = changed_names(made.file, {"data/link.key": f"data/{twice}", "data/drafts/e": "data/duixian.db"})
    assert backups.restore(changed, tmp_path / "again").problems == []
    out = files_below(tmp_path / "again")
    assert out[twice] == desk.settings.cycle_file.read_bytes()
    assert out[f"earlier/{twice}"] == (desk.settings.data_dir / "link.key").read_bytes()
    assert out["earlier/duixian.db"] == b"drafts/e"


def test_two_files_for_one_place_are_said_to_be_that(desk: Desk, tmp_path: Path) -> None:
    furnish(desk)
    made = backups.make(desk.settings, WALL, tmp_path / "b.zip")
    changed = changed_names(made.file, {"data/link.key": "drafts/e"})
    with pytest.raises(InputError, match="要放在同一处（drafts/e）"):
        backups.restore(changed, tmp_path / "again")


def test_links_to_files_and_folders_are_followed(desk: Desk, tmp_path: Path) -> None:
    furnish(desk)
    folder = desk.settings.data_dir
    before = files_below(folder)
    for name in ("link.key", "output"):  # the key on another disk, the documents too
        (folder / name).rename(tmp_path / name)
        (folder / name).symlink_to(tmp_path / name)
    (tmp_path / "output" / "up").symlink_to(folder, target_is_directory=True)
    (folder / "round").symlink_to(folder, target_is_directory=True)
    (folder / "logs" / "gone").symlink_to(tmp_path / "nowhere")  # what is left out may lead where it likes
    made = backups.make(desk.settings, WALL, tmp_path / "b.zip")
    backups.restore(made.file, tmp_path / "again")
    out = files_below(tmp_path / "again")
    assert (out["link.key"], out["output/y/x.pdf"]) == (before["link.key"], before["output/y/x.pdf"])
    assert not any("up/" in name or "round/" in name for name in out)


@pytest.mark.parametrize("to", ["nowhere", "output"])
def test_a_link_that_leads_nowhere_is_named_and_nothing_is_written(desk: Desk, tmp_path: Path, to: str) -> None:
    (desk.settings.data_dir / "output").symlink_to(desk.settings.data_dir / to)
    with pytest.raises(StateError, match="output"):
        backups.make(desk.settings, WALL, tmp_path / "b.zip")
    assert not list(tmp_path.glob("b.zip*"))


@pytest.mark.parametrize("place", ["mine.zip", "attachments/mine.zip", "../policies/mine.zip"])
def test_a_place_that_is_backed_up_itself_is_no_place_for_a_backup(desk: Desk, tmp_path: Path, place: str) -> None:
    shutil.copytree(desk.settings.policies_dir, tmp_path / "policies")
    settings = desk.settings.model_copy(update={"policies_dir": tmp_path / "policies"})
    with pytest.raises(InputError, match="在要备份的文件夹"):
        backups.make(settings, WALL, settings.data_dir / place)
    assert not (settings.data_dir / place).exists() and not (settings.data_dir / "attachments").exists()
    for name in ("data/backups/x.zip", "beside.zip"):
        assert backups.make(settings, WALL, tmp_path / name).file.is_file()


def test_a_backup_folder_around_the_data_folder_leaves_nothing_out(desk: Desk, tmp_path: Path) -> None:
    furnish(desk)
    usual = backups.make(desk.settings, WALL, tmp_path / "b.zip").manifest.files.keys()
    around = desk.settings.model_copy(update={"backup_dir": tmp_path})
    assert backups.make(around, WALL).manifest.files.keys() == usual
    with pytest.raises(InputError, match="DUIXIAN_BACKUP_DIR"):
        backups.make(desk.settings.model_copy(update={"backup_dir": desk.settings.data_dir}), WALL)


def test_a_backup_whose_day_could_not_be_noted_is_told_with_its_digest(desk: Desk, tmp_path: Path) -> None:
    (desk.settings.data_dir / "last-backup.new").mkdir()
    with pytest.raises(StateError, match="备份已经写成") as told:
        backups.make(desk.settings, WALL, tmp_path / "b.zip")
    digest = str(told.value).partition("校验值 ")[2][:64]
    assert backups.restore(tmp_path / "b.zip", tmp_path / "again", sha256=digest).problems == []


@pytest.mark.parametrize("place", ["taken/again/backup.zip", "/proc/self/backup.zip"], ids=["file", "read-only"])
def test_a_folder_that_cannot_be_written_is_named(desk: Desk, tmp_path: Path, place: str) -> None:
    (tmp_path / "taken").write_text("no folder")
    to = tmp_path / place
    with pytest.raises(InputError, match=f"备份写不到 {to.parent}：.+（/.+）；请检查这个文件夹"):
        backups.make(desk.settings, desk.clock, to)
    assert (tmp_path / "taken").read_text() == "no folder"


def test_what_a_killed_backup_left_is_removed_by_a_later_one(desk: Desk, tmp_path: Path) -> None:
    data = desk.settings.data_dir
    left = {name: data / name for name in ("backups-old", "backups-young", "backups-of-somebody", "backups")}
    for name, file in {
        **dict.fromkeys(left, "copy"),
        "backups-of-somebody": "x.zip",
        "backups": "duixian-1.zip",
    }.items():
        left[name].mkdir()
        (left[name] / file).touch()
    parts = [data / "backups" / f"duixian-{number}.zip.part" for number in (2, 3)]
    parts[0].touch(), parts[1].touch()
    long_ago = (WALL.now() - timedelta(days=2)).timestamp()
    for path in (left["backups-old"], left["backups-of-somebody"], left["backups"] / "duixian-1.zip", parts[0]):
        os.utime(path, (long_ago, long_ago))
    backups.make(desk.settings, WALL, tmp_path / "b.zip")
    assert sorted(path.name for path in data.glob("backups*")) == ["backups", "backups-of-somebody", "backups-young"]
    assert sorted(path.name for path in (data / "backups").iterdir()) == ["duixian-1.zip", "duixian-3.zip.part"]


def test_keys_outside_of_the_data_folder_and_settings_come_along(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dkim.pem").write_text("key", encoding="ascii")
    changed = {"dkim_key_file": tmp_path / "dkim.pem", "smtp_password": PASSWORD, "mail_hours": ""}
    settings = desk.settings.model_copy(update=changed)
    made = backups.make(settings, WALL, tmp_path / "b.zip")
    backups.restore(made.file, tmp_path / "again")
    assert (tmp_path / "again/settings/dkim_key_file/dkim.pem").read_text() == "key"
    written = (tmp_path / "again/settings/settings.env").read_text()
    assert "DUIXIAN_DATA_DIR" not in written
    monkeypatch.chdir(tmp_path / "again/settings")
    again = Settings(_env_file="settings.env", data_dir=tmp_path / "again")
    assert (again.smtp_password, again.dkim_key_file) == (PASSWORD, settings.dkim_key_file)
    assert again.mail_hours == "", "at any hour, and not at those of the default"
    assert again.database_url == f"sqlite:///{tmp_path / 'again' / 'duixian.db'}", "never the old one"


def test_the_last_backup_is_known(desk: Desk) -> None:
    assert backups.last_backup(desk.settings) is None
    made = backups.make(desk.settings, WALL)
    last = backups.last_backup(desk.settings)
    assert made.file.parent == desk.settings.backups_dir
    assert last is not None and (last.file, last.sha256, last.at) == (
        str(made.file),
        made.sha256,
        made.manifest.made_at,
    )
    (desk.settings.data_dir / "last-backup.json").write_text("{", encoding="ascii")
    assert backups.last_backup(desk.settings) is None


def test_nothing_is_overwritten(desk: Desk, tmp_path: Path) -> None:
    made = backups.make(desk.settings, WALL, tmp_path / "b.zip")
    before = made.file.read_bytes()
    with pytest.raises(InputError, match="已经存在"):
        backups.make(desk.settings, WALL, tmp_path / "b.zip")
    assert made.file.read_bytes() == before
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    for taken in (tmp_path / "full", tmp_path / "full" / "x"):
        with pytest.raises(InputError, match="已经存在"):
            backups.restore(made.file, taken)
    (tmp_path / "empty").mkdir()
    assert backups.restore(made.file, tmp_path / "empty").problems == []


def test_a_backup_that_another_is_writing_is_left_alone(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "b.zip.part").write_text("half", encoding="ascii")
    with pytest.raises(InputError, match="正在写"):
        backups.make(desk.settings, WALL, tmp_path / "b.zip")
    assert (tmp_path / "b.zip.part").read_text(encoding="ascii") == "half"


def rewritten(file: Path, change: Callable[[str, bytes], bytes | None], more: dict[str, bytes] | None = None) -> Path:
    """A copy of the archive in which each file is what `change` makes of it."""
    target = file.with_name("changed.zip")
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(target, "w") as out:
        for name in source.namelist():
            data = change(name, source.read(name))
            if data is not None:
                out.writestr(name, data)
        for name, data in (more or {}).items():
            out.writestr(name, data)
    return target


@pytest.mark.parametrize("name", ["data/attachments/ab/abcd", "database/duixian.db", "data/link.key"])
@pytest.mark.parametrize("how", ["changed", "missing", "broken"])
def test_what_was_changed_lost_or_broken_is_named_and_nothing_is_restored(
    desk: Desk, tmp_path: Path, name: str, how: str
) -> None:
    furnish(desk)
    made = backups.make(desk.settings, WALL, tmp_path / "b.zip")
    if how == "broken":
        changed = rewritten(made.file, lambda _, data: data)
        raw = bytearray(changed.read_bytes())
        with zipfile.ZipFile(changed) as archive:
            info = archive.getinfo(name)
        raw[info.header_offset + 30 + len(name) + info.file_size // 2] ^= 1
        changed.write_bytes(raw)
    else:
        wanted = b"other" if how == "changed" else None
        changed = rewritten(made.file, lambda each, data: wanted if each == name else data)
    with pytest.raises(InputError, match=name):
        backups.restore(changed, tmp_path / "again")
    assert not (tmp_path / "again").exists() and not list(tmp_path.glob(".again-*"))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"data/more": b"x"}, "多出了清单上没有的文件 data/more"),
        ({"../../evil": b"x"}, r"多出了清单上没有的文件 \.\./\.\./evil"),
    ],
)
def test_what_was_added_is_refused(desk: Desk, tmp_path: Path, more: dict[str, bytes], said: str) -> None:
    made = backups.make(desk.settings, WALL, tmp_path / "b.zip")
    with pytest.raises(InputError, match=said):
        backups.restore(rewritten(made.file, lambda _, data: data, more), tmp_path / "again")


def test_a_name_that_leads_outside_is_refused_though_the_manifest_has_it(desk: Desk, tmp_path: Path) -> None:
    furnish(desk)
    made = backups.make(desk.settings, WALL, tmp_path / "b.zip")

    def change(name: str, data: bytes) -> bytes | None:
        if name == "data/link.key":
            return None
        return data.replace(b'"data/link.key"', b'"data/../../evil"') if name == NAME else data

    with zipfile.ZipFile(made.file) as archive:
        key = archive.read("data/link.key")
    with pytest.raises(InputError, match="不能使用"):
        backups.restore(rewritten(made.file, change, {"data/../../evil": key}), tmp_path / "again")
    assert not (tmp_path.parent / "evil").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04rubbish", b"no archive"])
def test_what_is_no_backup_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "b.zip").write_bytes(content)
    with pytest.raises(InputError, match=r"b\.zip"):
        backups.restore(tmp_path / "b.zip", tmp_path / "again")
    with pytest.raises(InputError, match="没有找到"):
        backups.restore(tmp_path / "none.zip", tmp_path / "again")


def test_a_disk_that_is_full_is_a_sentence_and_leaves_nothing(desk: Desk, tmp_path: Path) -> None:
    made = backups.make(desk.settings, WALL, tmp_path / "b.zip")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    earlier = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(StateError, match="备份没有写成"):
            backups.make(desk.settings, WALL, tmp_path / "c.zip")
        with pytest.raises(StateError, match="恢复没有写成"):
            backups.restore(made.file, tmp_path / "again")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, earlier)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "data") == ["b.zip"]


def test_another_archive_than_the_one_that_was_noted_is_refused(desk: Desk, tmp_path: Path) -> None:
    made = backups.make(desk.settings, WALL, tmp_path / "b.zip")
    with pytest.raises(InputError, match="不是写明的那一个"):
        backups.restore(made.file, tmp_path / "again", sha256="0" * 64)


def test_a_cut_off_archive_is_refused(desk: Desk, tmp_path: Path) -> None:
    made = backups.make(desk.settings, WALL, tmp_path / "b.zip")
    made.file.write_bytes(made.file.read_bytes()[:-1000])
    with pytest.raises(InputError, match="打不开或已损坏"):
        backups.restore(made.file, tmp_path / "again")


def test_a_broken_chain_is_restored_and_told(desk: Desk, tmp_path: Path) -> None:
    desk.session.rollback()
    desk.session.execute(text("DROP TRIGGER auditentry_no_update"))
    desk.session.execute(text("UPDATE auditentry SET actor = 'x' WHERE seq = 5"))
    desk.session.commit()
    made = backups.make(desk.settings, WALL, tmp_path / "b.zip")
    done = backups.restore(made.file, tmp_path / "again")
    assert done.problems is not None and "第 5 号" in done.problems[0]


def test_a_file_that_the_record_names_and_is_not_there_is_told(desk: Desk, tmp_path: Path) -> None:
    desk.open_intake()
    application_id = desk.submit()
    added = attachments.add(
        *desk.at,
        desk.operator,
        settings=desk.settings,
        application_id=application_id,
        evidence="合同",
        filename="a.pdf",
        data=DATA,
    )
    assert backups.make(desk.settings, WALL, tmp_path / "whole.zip").manifest.missing == ()
    shutil.rmtree(desk.settings.attachments_dir)
    assert backups.make(desk.settings, WALL, tmp_path / "b.zip").manifest.missing == (added.sha256,)
    other = Attachment(**added.model_dump(exclude={"id", "evidence"}), evidence="发票")
    added.filename = attachments.ERASED
    desk.session.add_all([added, other])
    desk.session.commit()
    assert backups.make(desk.settings, WALL, tmp_path / "c.zip").manifest.missing == (added.sha256,)
    other.filename = attachments.ERASED
    desk.session.commit()
    assert backups.make(desk.settings, WALL, tmp_path / "d.zip").manifest.missing == (), "it was erased, not lost"


def writes_beside(
    desk: Desk, work: Callable[[], None], write: Callable[[Session, int], object], pause: float = 0
) -> int:
    """Do the work while another session writes one operation after the other. Returns how many were written."""
    stop = Event()

    def on_and_on() -> int:
        count = 0
        with Session(engine_of(desk.settings), expire_on_commit=False) as session:
            while not stop.wait(pause):
                write(session, count)
                count += 1
        return count

    with ThreadPoolExecutor(1) as beside:
        written = beside.submit(on_and_on)
        try:
            work()
        finally:
            stop.set()
        return written.result()


def user(desk: Desk) -> Callable[[Session, int], object]:
    at = FixedClock(desk.clock.now())
    return lambda session, number: people.add_user(
        session, at, desk.system, login=f"w{number}", name="x", role=Role.AUDITOR
    )


def test_every_file_that_a_backed_up_record_names_is_in_the_backup(desk: Desk, tmp_path: Path) -> None:
    desk.open_intake()
    keys = [desk.submit(project=f"示例算力{number}", invoices=f"2535200000000000{number:04}") for number in range(20)]
    at = FixedClock(desk.clock.now())

    def attach(session: Session, number: int) -> object:
        return attachments.add(
            session,
            at,
            desk.operator,
            settings=desk.settings,
            application_id=keys[number % len(keys)],
            evidence=f"材料{number // len(keys) % 5}",
            filename="a.pdf",
            data=DATA + str(number).encode(),
        )

    slow = desk.settings.data_dir / "output" / "big.bin"  # so that time passes between the database and the last file
    slow.parent.mkdir(parents=True)
    slow.write_bytes(os.urandom(30_000_000))
    taken: list[backups.Made] = []
    work = lambda: taken.extend(backups.make(desk.settings, WALL, tmp_path / f"{number}.zip") for number in range(4))  # noqa: E731
    assert writes_beside(desk, work, attach, pause=0.05) > 4, "an application takes only so many files"
    assert [made.manifest.missing for made in taken] == [(), (), (), ()]
    assert len(taken[-1].manifest.files) > len(taken[0].manifest.files)


def test_every_backup_taken_while_others_write_is_whole(desk: Desk, tmp_path: Path) -> None:
    taken: list[backups.Made] = []

    def work() -> None:
        taken.extend(backups.make(desk.settings, WALL, tmp_path / f"{number}.zip") for number in range(5))

    assert writes_beside(desk, work, user(desk)) > 5
    stood = [made.manifest.chain_seq for made in taken]
    assert stood == sorted(stood) and len(set(stood)) > 1
    for made in taken:
        assert backups.restore(made.file, tmp_path / f"out-{made.manifest.chain_seq}").problems == []


def outcome(session: Session) -> tuple[object, ...]:
    """What the year came to: each award of the last list, each payment, each list's total."""
    awards = session.exec(
        select(Application.number, Award.outcome, AwardListEntry.amount_fen)
        .join(Award, col(Award.application_id) == Application.id)
        .join(AwardListEntry, col(AwardListEntry.award_id) == Award.id)
        .order_by(Application.number, col(AwardListEntry.list_id))
    ).all()
    payments = session.exec(select(Payment.number, Payment.amount_fen, Payment.status).order_by(Payment.number)).all()
    lists = session.exec(select(AwardList.version, AwardList.total_fen).order_by(col(AwardList.version))).all()
    return awards, payments, lists


@pytest.mark.long
def test_a_year_restored_in_its_middle_comes_to_the_same_end(
    year: World, kept_years: KeptYears, tmp_path: Path
) -> None:
    world = kept_years.copy("verification", tmp_path / "live")
    moment, taken = world.clock.now(), []
    started = Event()

    def back_up() -> None:
        started.set()
        taken.extend(backups.make(world.settings, WALL, tmp_path / f"{number}.zip") for number in range(3))

    thread = Thread(target=back_up)
    thread.start()
    started.wait()
    run_year(world, past="verification")  # replies and requests are written while the backup is taken
    thread.join()
    leave(world)
    shutil.rmtree(tmp_path / "live" / "attachments", ignore_errors=True)
    for number in (0, 2):
        folder = tmp_path / f"again-{number}"
        assert backups.restore(taken[number].file, folder).problems == []
        settings = Settings(_env_file=None, data_dir=folder)
        with Session(engine_of(settings), expire_on_commit=False) as session:
            again = replace(world, settings=settings, session=session, clock=FixedClock(moment))
            run_year(again)
            assert chain.verify(session) == []
            assert outcome(session) == outcome(year.session)


def empty_beside(pg: Desk) -> str:
    """The address of another database in the same PostgreSQL, with nothing in it."""
    with create_engine(pg.settings.database_url, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS restored"))
        connection.execute(text("CREATE DATABASE restored"))
    return make_url(pg.settings.database_url).set(database="restored").render_as_string(hide_password=False)


def test_a_backup_of_postgresql_is_restored_into_an_empty_database(pg: Desk, tmp_path: Path) -> None:
    pg.open_intake()
    pg.submit()
    made: list[backups.Made] = []
    assert writes_beside(pg, lambda: made.append(backups.make(pg.settings, WALL, tmp_path / "b.zip")), user(pg)) > 0
    assert made[0].manifest.database == "postgresql"
    with zipfile.ZipFile(made[0].file) as archive:
        written = archive.read("settings/settings.env").decode()
    assert pg.settings.database_url not in written and "DUIXIAN_DATABASE_URL=" not in written
    assert "# DUIXIAN_DATABASE_URL 请写恢复到的数据库的地址" in written
    with pytest.raises(InputError, match="已有数据"):
        backups.restore(made[0].file, tmp_path / "full", database_url=pg.settings.database_url)
    address = empty_beside(pg)
    assert backups.restore(made[0].file, tmp_path / "again", database_url=address).problems == []
    engine = engine_of(pg.settings.model_copy(update={"database_url": address}))
    migrate(engine)
    with Session(engine) as session:
        assert chain.verify(session) == []
        assert chain.head(session).hash == made[0].manifest.chain_hash  # type: ignore[union-attr]
        assert len(session.exec(select(Application)).all()) == 1
        with pytest.raises(Exception, match="append-only"):
            session.execute(text("DELETE FROM auditentry"))
    engine.dispose()


def test_a_broken_chain_in_postgresql_is_told_after_it_was_loaded(pg: Desk, tmp_path: Path) -> None:
    pg.session.rollback()
    pg.session.execute(text("ALTER TABLE auditentry DISABLE TRIGGER USER"))
    pg.session.execute(text("UPDATE auditentry SET actor = 'x' WHERE seq = 5"))
    pg.session.commit()
    made = backups.make(pg.settings, WALL, tmp_path / "b.zip")
    assert backups.restore(made.file, tmp_path / "unread").problems is None
    done = backups.restore(made.file, tmp_path / "again", database_url=empty_beside(pg))
    assert done.problems is not None and "第 5 号" in done.problems[0]


def test_without_a_program_that_is_new_enough_the_sentence_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    from services.backups import database

    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StateError, match="postgresql-client-99"):
        database._tool("pg_dump", 99)
