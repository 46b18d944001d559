"""A whole year on the real parts while an adversary kills them, and what it came to beside an undisturbed year.

`duixian serve` runs as an operator runs it; when it is gone, it is started again. People act at the gates, and the
watchdog is called as its schedule would call it. Killed with SIGKILL at random points, by a seed: the process of the
flow, the worker, the Prefect server, the mail server, the console, or everything at once. Sometimes the Prefect server
is not killed but answers nobody for a minute or two.

Run: python -m tests.faults.adversary [kills]; what was broken off goes on from the next seed.
"""

import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from email import message_from_bytes
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
from sqlmodel import Session, col, func, select

from cli.demo.acting import World, act, deadline
from cli.demo.run import prepare
from config.settings import ROOT, Settings
from flows import control
from flows.control import EngineError, RunState
from flows.worker import process_name
from models import AwardList, AwardListEntry, Message, MessageStatus, Payment
from services.clock import FixedClock, SystemClock
from services.cycle import cycles, lease
from services.errors import ServiceError
from services.notices.claims import CLAIM
from services.notices.delivery import deliver_due
from services.record import chain
from services.record.database import engine_of
from tests import reliability
from tests.engine_parts import free_port
from tests.faults import crowd
from tests.year import make_world, run_year

KILLS, A_YEAR, MEAN = 200, 30, 7.0  # kills in all and in one year; seconds between them
KEPT = ROOT / "tests" / "faults" / "years.jsonl"  # in the repository: the years take hours, on whatever machine
_WHILE_STARTING = 0.05
_STUCK = 900  # seconds without a change of stage
_WATCHDOG = 60  # seconds until it is called again; its schedule calls it every five minutes
_BY_CLOCK = (
    *("intake_reminder", "supplement_reminder", "review_reminder", "review_escalation", "approval_waiting"),
    *("operator_alert", "chain_digest"),
)
_SILENT = "调度服务（不答复）"
_TARGETS = {"流程进程": 6, "执行器": 2, "调度服务": 2, "收信服务": 2, "工作台": 1, "全部（断电）": 2, _SILENT: 1}
_SILENCE = 30, 150  # seconds
_MODULES = {
    "执行器": "-m flows.worker",
    "调度服务": "flows.server",
    _SILENT: "flows.server",
    "收信服务": "cli.mailbox",
    "工作台": "-m web",
}
_GONE = {RunState.UNKNOWN, RunState.CRASHED, RunState.LOST, RunState.FAILED}


@dataclass
class Adversary:
    """Kills what it finds, so many times, whenever its dice say so."""

    chance: random.Random
    most: int
    killed: Counter[str] = field(default_factory=Counter)

    def haunt(
        self,
        serve: Callable[[], subprocess.Popen[bytes] | None],
        ready: Callable[[], bool],
        over: threading.Event,
    ) -> None:
        """Go on until all kills are made, or the year is over; not often while the parts come up."""
        while self.killed.total() < self.most and not over.wait(self.chance.expovariate(1 / MEAN)):
            process = serve()
            if process is not None and process.poll() is None and (ready() or self.chance.random() < _WHILE_STARTING):
                self._strike(process.pid)

    def _strike(self, serve: int) -> None:
        target = self.chance.choices(list(_TARGETS), list(_TARGETS.values()))[0]
        with suppress(psutil.Error):
            family = psutil.Process(serve).children(recursive=True)
            doomed = [*family, psutil.Process(serve)] if target.startswith("全部") else _found(family, target)
            for process in doomed:
                with suppress(psutil.NoSuchProcess):
                    self._silence(process) if target == _SILENT else process.kill()
            self.killed[target] += bool(doomed)

    def _silence(self, process: psutil.Process) -> None:
        """Stop it, and have it go on later, unless it is gone by then."""
        process.suspend()

        def go_on() -> None:
            with suppress(psutil.Error):
                process.resume()

        threading.Timer(self.chance.uniform(*_SILENCE), go_on).start()


def _found(family: list[psutil.Process], target: str) -> list[psutil.Process]:
    for process in family:
        with suppress(psutil.Error):
            if target == "流程进程" and process.name().startswith(process_name("")):
                return [process]
            if target != "流程进程" and _MODULES[target] in " ".join(process.cmdline()):
                return [process]
    return []


class Installation:
    """`duixian serve` on a folder of its own, started again whenever it is gone."""

    def __init__(self, settings: Settings) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0
        self._environ = {
            **os.environ,
            **{f"DUIXIAN_{name.upper()}": str(value) for name, value in settings if value is not None},
            "PREFECT_WORKER_QUERY_SECONDS": "1",
        }
        self._log, self._port = settings.data_dir / "serve.log", settings.console_port

    def up(self) -> None:
        """Start it when it is not running."""
        if self.process is None or self.process.poll() is not None:
            with self._log.open("ab") as log:
                command = [sys.executable, "-m", "cli.main", "serve"]
                self.process = subprocess.Popen(
                    command, cwd=ROOT, env=self._environ, stdout=log, stderr=log, start_new_session=True
                )
            self.starts += 1

    def ready(self) -> bool:
        """Whether the last part to come up, the console, takes connections."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def down(self) -> None:
        """End it in order."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)


@dataclass(frozen=True)
class Result:
    """What a disturbed year came to."""

    seed: int
    killed: Counter[str]
    starts: int
    minutes: float
    mails: int
    copies: int
    wrong: tuple[str, ...]
    commit: str


def disturbed(folder: Path, seed: int, kills: int, wanted: dict[str, Any]) -> Result:
    """Play a year with so many kills, and compare it with what an undisturbed one came to."""
    began, settings = time.monotonic(), _settings(folder)
    world = prepare(settings)
    serve, over = Installation(settings), threading.Event()
    adversary = Adversary(random.Random(seed), kills)
    shadow = threading.Thread(target=adversary.haunt, args=(lambda: serve.process, serve.ready, over), daemon=True)
    shadow.start()
    try:
        with _engine(settings):
            _play(world, serve)
    finally:
        over.set()
        shadow.join()
    serve.up()
    mails = _settle(world, settings)
    serve.down()
    wrong = [f"{name}: not as undisturbed" for name, found in outcome(world).items() if found != wanted[name]]
    wrong += chain.verify(world.session) + _left_over(world, mails)
    minutes = (time.monotonic() - began) / 60
    return Result(seed, adversary.killed, serve.starts, minutes, len(mails), _copies(folder), tuple(wrong), _commit())


def undisturbed(folder: Path) -> dict[str, Any]:
    """What the same year comes to when nothing happens."""
    world = make_world(folder)
    run_year(world, until="intake")
    crowd.hand_in(world)
    run_year(world)
    return outcome(world)


def outcome(world: World) -> dict[str, Any]:
    """The awards to the fen, the lists with their digests, the payments, and whom was told what."""
    session = world.session
    session.rollback()
    entries = session.exec(select(AwardListEntry).order_by(col(AwardListEntry.list_id), col(AwardListEntry.number)))
    told = select(Message).where(col(Message.kind).not_in(_BY_CLOCK))
    return {
        "awards": [(each.list_id, each.number, each.uscc, each.outcome, each.amount_fen) for each in entries],
        "lists": [(each.version, each.total_fen, each.digest) for each in session.exec(select(AwardList))],
        "payments": [
            (each.number, each.bearer, each.amount_fen, each.status)
            for each in session.exec(select(Payment).order_by(col(Payment.number)))
        ],
        "notices": sorted(
            {
                (each.kind, each.recipient, "" if each.kind == "review_request" else each.about_digest)
                for each in session.exec(told)
            }
        ),
    }


def _play(world: World, serve: Installation) -> None:
    """Act at every gate until the year has ended, whatever happens to the parts."""
    since, stage = time.monotonic(), ""
    while not cycles.position(world.session, world.plan, world.cycle_id).finished:
        serve.up()
        if world.cycle.stage != stage:
            since, stage = time.monotonic(), world.cycle.stage
        assert time.monotonic() - since < _STUCK, f"stuck at {stage}"
        if not _held(world):
            with suppress(EngineError, ServiceError, OSError):
                _look(world)
        time.sleep(0.5)


def _look(world: World) -> None:
    """What a person, or the schedule, does about a year at which nobody is working."""
    state = control.run_state(world.settings, world.cycle_id)
    if state in (RunState.NONE, RunState.COMPLETED, RunState.CANCELLED):
        control.start(world.settings, world.cycle.policy_id, world.cycle.year)
    elif state in _GONE:
        control.trigger(world.settings, "watchdog")
        _give_time(world)
    elif state == RunState.SUSPENDED:
        if world.cycle.stage == "intake":
            crowd.hand_in(world)
        act(world)
        if (moment := deadline(world)) is not None:
            world.clock.set(moment)
        control.wake(world.settings, world.cycle_id)


def _give_time(world: World) -> None:
    """Let a watchdog do its work: called again and again before it has begun, they would only starve each other."""
    until = time.monotonic() + _WATCHDOG
    while time.monotonic() < until and control.run_state(world.settings, world.cycle_id) in _GONE:
        time.sleep(1)


def _settle(world: World, settings: Settings) -> list[str]:
    """Have all that waits sent, also what was in doubt when its deliverer died. The Message-IDs in the mailbox."""
    until = time.monotonic() + 300
    while (waiting := _unsent(world.session)) and time.monotonic() < until:
        later = FixedClock(SystemClock().now() + 2 * CLAIM)
        deliver_due(engine_of(settings), settings, world.clock, later)
        time.sleep(1)
    assert not waiting, f"{waiting} mails are not sent"
    folder = settings.data_dir / "mailbox"
    return sorted(message_from_bytes(path.read_bytes())["Message-ID"] for path in folder.glob("*.eml"))


def _left_over(world: World, mails: list[str]) -> list[str]:
    found = []
    if mails != sorted(world.session.exec(select(Message.message_id))):
        found.append("the mailbox does not hold each notice once")
    if _held(world):
        found.append("somebody still holds the lease")
    return found


def _held(world: World) -> bool:
    world.session.rollback()
    return lease.holder(world.session, SystemClock(), world.cycle_id) is not None


def _unsent(session: Session) -> int:
    session.rollback()
    return session.exec(select(func.count()).where(Message.status != MessageStatus.SENT)).one()


def _copies(folder: Path) -> int:
    log = folder / "mailbox" / "copies.jsonl"
    return len(log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0


def _settings(folder: Path) -> Settings:
    return Settings(
        _env_file=None,
        data_dir=folder,
        clock_file=folder / "clock",
        smtp_port=free_port(),
        engine_port=free_port(),
        console_port=free_port(),
        mail_hours="",
        lease_seconds=8,
        chunk_size=20,
    )


@contextmanager
def _engine(settings: Settings) -> Iterator[None]:
    """This process talks to that installation's engine."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{settings.engine_port}/api"}):
        yield


def main(kills: int) -> int:
    """Years until so many kills were made, those of earlier runs counted; prints and writes what they came to.

    Returns how many were wrong.
    """
    results = _earlier()
    with TemporaryDirectory() as folder:
        wanted = undisturbed(Path(folder) / "undisturbed")
        while (made := sum(each.killed.total() for each in results)) < kills:
            seed = 1 + max((each.seed for each in results), default=0)
            place = Path(folder) / str(seed)
            place.mkdir()
            results.append(disturbed(place, seed, min(A_YEAR, kills - made), wanted))
            print(results[-1], flush=True)
            _keep(results[-1])
            reliability.write("随机时刻", "make faults", _section(results))
    return sum(bool(each.wrong) for each in results)


def _earlier() -> list[Result]:
    if not KEPT.exists():
        return []
    rows = [json.loads(line) for line in KEPT.read_text(encoding="utf-8").splitlines()]
    return [Result(**row | {"killed": Counter(row["killed"]), "wrong": tuple(row["wrong"])}) for row in rows]


def _keep(result: Result) -> None:
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    with KEPT.open("a", encoding="utf-8") as file:
        row = asdict(result) | {"killed": dict(result.killed)}  # asdict makes something else of a Counter
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


@cache
def _commit() -> str:
    """The code that is run, as this process was started."""
    asked = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def _section(results: list[Result]) -> list[str]:
    killed: Counter[str] = sum((each.killed for each in results), Counter())
    return [
        "| 项目 | 结果 |",
        "|---|---|",
        f"| 走完的年度 | {len(results)}，种子 {results[0].seed}—{results[-1].seed} |",
        f"| 程序版本 | {'、'.join(dict.fromkeys(each.commit for each in results))} |",
        f"| 强行结束 | {killed.total()} 次：{'、'.join(f'{name} {count}' for name, count in killed.most_common())} |",
        f"| 重新启动全部部件 | {sum(each.starts for each in results) - len(results)} 次 |",
        f"| 信箱里的邮件 | {sum(each.mails for each in results)} 封，"
        f"另有重发而被认出的 {sum(each.copies for each in results)} 封 |",
        f"| 与未受干扰的年度不同的年度 | {sum(bool(each.wrong) for each in results)} |",
        f"| 用时 | {sum(each.minutes for each in results):.0f} 分钟 |",
    ]


if __name__ == "__main__":
    sys.exit(1 if main(int(sys.argv[1]) if sys.argv[1:] else KILLS) else 0)
