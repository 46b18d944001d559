"""A province with nine cities in one process: each desk has its own record, and no cache or door leads to another's."""

import ast
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email import policy as mail_policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlmodel import select

from config.settings import ROOT, Settings
from models import Application, Award, AwardList, Document, Role, User
from services import documents
from services.access import interface
from services.access.actors import actor_of
from services.access.interface import Scope
from services.award import computation, lists
from services.clock import FileClock, FixedClock, SystemClock
from services.cycle import cycles
from services.errors import StateError
from services.money import yuan
from services.notices import opting_out
from services.notices.delivery import deliver_due
from services.notices.signing import signer_of
from services.record.sealing import Keyring, KeysError, keyring
from tests.desk import OPENED, POLICY, Desk, desk_of
from tests.services.notices.support import Script, scripted
from tests.web.conftest import PASSWORD, House, equip, send
from tests.web.test_enterprise import wanted
from web.app import create_app

pytestmark = pytest.mark.xdist_group("cities")  # the nine are made once
NAMES = ("jia", "yi", "bing", "ding", "wu", "ji", "geng", "xin", "ren")
CHINESE = "甲乙丙丁戊己庚辛壬"
OTHER_POLICY = "shili-ai-2025"
RATE = 31  # percent of a purchase in the first city; one more in each that follows
FEE_FEN = 200_000_00
RECIPIENT = "yunfan@example.invalid"  # applies in every city, for the same thing


@dataclass
class City:
    """One city's desk, its console, and what nobody else has."""

    desk: Desk
    house: House
    rate: int
    policy_id: str

    @property
    def settings(self) -> Settings:
        """Its settings."""
        return self.desk.settings

    @property
    def organisation(self) -> str:
        """Its bureau."""
        return self.settings.organisation


def _policy(folder: Path, policy_id: str, rate: int) -> None:
    """A city's own copy of the sample's policy: another rate, and maybe another id."""
    shutil.copytree(ROOT / "config" / "policies" / POLICY, folder / policy_id)
    path = folder / policy_id / "policy.yaml"
    text = path.read_text("utf-8").replace(f"id: {POLICY}", f"id: {policy_id}", 1)
    path.write_text(text.replace("{key: 1, value: 50%}", f"{{key: 1, value: {rate}%}}", 1), "utf-8")


def _settings(base: Path, place: int, smtp_port: int) -> Settings:
    """As deploy/systemd/city.env has them; the mail domain is the same everywhere on purpose."""
    city, folder = NAMES[place], base / NAMES[place]
    (folder / "templates" / "mail").mkdir(parents=True)
    return Settings(
        _env_file=None,
        city=city,
        data_dir=folder,
        clock_file=folder / "clock",
        policies_dir=folder / "policies",
        calendar_dir=ROOT / "config" / "calendar",
        templates_dir=folder / "templates",
        organisation=f"示例{CHINESE[place]}市工业和信息化局",
        contact=f"{CHINESE[place]}市科室，电话 0000-000000{place}",
        console_url=f"http://{city}.example.invalid",
        mail_from=f"noreply@{city}.example.invalid",
        smtp_port=smtp_port,
        mail_hours="",
        engine_port=9,
    )


def _city(settings: Settings, place: int) -> City:
    policy_id, rate = POLICY if place < 7 else OTHER_POLICY, RATE + place
    _policy(settings.policies_dir, policy_id, rate)
    desk = desk_of(settings, policy_id)
    desk.open_intake()
    desk.submit()
    desk.to_matching()
    computation.compute(*desk.at, desk.system, cycle_id=desk.cycle_id)
    lists.freeze(*desk.at, desk.system, cycle_id=desk.cycle_id)
    equip(desk.session)
    for user in desk.session.exec(select(User).where(User.role == Role.AUDITOR)):
        user.login = f"auditor-{settings.city}"
    desk.session.commit()
    clock = FileClock(settings.data_dir / "clock")
    clock.set(desk.clock.now())
    return City(desk, House(settings, clock, create_app(settings)), rate, policy_id)


@pytest.fixture(scope="module")
def post() -> Iterator[tuple[Script, int]]:
    """One mail server for the province."""
    script = Script()
    with scripted(script) as port:
        yield script, port


@pytest.fixture(scope="module")
def cities(tmp_path_factory: pytest.TempPathFactory, post: tuple[Script, int]) -> Iterator[list[City]]:
    """All nine, side by side: one application in each computed and on a list."""
    base = tmp_path_factory.mktemp("province")
    made = [_city(_settings(base, place, post[1]), place) for place in range(len(NAMES))]
    yield made
    for each in made:
        each.desk.session.close()


def _others(cities: list[City], city: City) -> list[City]:
    return [each for each in cities if each is not city]


def test_the_same_policy_and_year_compute_with_each_citys_own_parameters(cities: list[City]) -> None:
    assert [city.policy_id for city in cities].count(POLICY) == 7
    for city in cities:
        (award,) = city.desk.session.exec(select(Award)).all()
        assert award.amount_fen == FEE_FEN * city.rate // 100, city.settings.city
        (frozen,) = city.desk.session.exec(select(AwardList)).all()
        assert frozen.total_fen == award.amount_fen
    digests = {city.desk.session.exec(select(AwardList.digest)).one() for city in cities}
    assert len(digests) == len(cities)


def test_pages_show_the_own_award_and_nobody_elses(cities: list[City]) -> None:
    amounts = {yuan(FEE_FEN * city.rate // 100) for city in cities}
    for city in cities:
        page = city.house.signed_in("operator").get("/lists").text
        assert {each for each in amounts if each in page} == {yuan(FEE_FEN * city.rate // 100)}
        assert city.organisation in page and not [each for each in _others(cities, city) if each.organisation in page]


def test_a_session_a_token_and_an_account_of_one_city_open_no_other(cities: list[City]) -> None:
    for place, city in enumerate(cities):
        browser = city.house.signed_in(f"auditor-{city.settings.city}")
        assert browser.get("/audit").status_code == 200
        bearer = _token(city)
        assert _api(city, bearer) == 200
        for other in (cities[place - 1], cities[place - 4]):
            stranger = other.house.browser()
            stranger.cookies.update(browser.cookies)
            answer = stranger.get("/audit")
            assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/signin")
            assert _api(other, bearer) == 401
        if place < 3:  # an unknown login takes as long as a wrong password
            neighbour = cities[place + 1].house.browser()
            neighbour.get("/signin")
            refused = send(neighbour, "/signin", login=f"auditor-{city.settings.city}", password=PASSWORD)
            assert refused.status_code != 303 and "密码不对" in refused.text


def _token(city: City) -> str:
    with city.house.session() as session:
        issuer = session.exec(select(User).where(User.role == Role.ADMINISTRATOR)).one()
        scopes = (Scope.READ_APPLICATIONS,)
        return interface.issue(
            session, SystemClock(), actor_of(issuer), login="operator", name="省平台", scopes=scopes, days=30
        )


def _api(city: City, bearer: str) -> int:
    headers = {"Authorization": f"Bearer {bearer}"}
    return int(city.house.browser().get("/api/v1/cycles/1/applications", headers=headers).status_code)


def test_a_link_that_one_city_mailed_is_refused_by_every_other(cities: list[City], post: tuple[Script, int]) -> None:
    first, *others = cities
    browser = first.house.browser()
    browser.get("/register")
    assert send(browser, "/register", **wanted()).status_code == 200
    mail = _read(post[0].taken[-1])
    words = str(mail.get_body(("plain",)).get_content()).split()  # type: ignore[union-attr]
    confirm = next(word for word in words if "/confirm/" in word).partition(first.settings.console_url)[2]
    refuse = opting_out.link(first.settings, RECIPIENT).removeprefix(first.settings.console_url)
    for other in others:
        assert other.house.browser().get(confirm).status_code == 404
        assert other.house.browser().get(refuse).status_code == 404
    assert first.house.browser().get(confirm).status_code == 200
    assert first.house.browser().get(refuse).status_code == 200


def test_a_citys_mails_carry_its_own_sender_words_links_and_ids(cities: list[City], post: tuple[Script, int]) -> None:
    (cities[0].settings.templates_dir / "mail" / "receipt.j2").write_text(
        "{% extends layout %}{% block subject %}甲市自己的回执{% endblock %}{% block opening %}甲市写法{% endblock %}",
        "utf-8",
    )
    ids = set()
    for city in cities:
        post[0].taken.clear()
        assert deliver_due(city.desk.engine, city.settings, city.desk.clock, SystemClock()).sent
        mails = [_read(each) for each in post[0].taken]
        (receipt,) = (each for each in mails if each["To"].endswith(f"<{RECIPIENT}>"))
        assert ("甲市自己的回执" in receipt["Subject"]) == (city is cities[0])
        for mail in mails:
            text = str(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]
            assert city.settings.mail_from in mail["From"] and city.organisation in mail["From"]
            assert city.settings.console_url in text and city.organisation in text and city.settings.contact in text
            for other in _others(cities, city):
                told = f"{mail['From']} {mail['Subject']} {text}"
                assert not [each for each in (other.organisation, other.settings.console_url) if each in told]
        ids |= {receipt["Message-ID"]}
    assert len(ids) == len(cities), "a mailbox that drops copies must not drop another city's mail"


def _read(mail: bytes) -> EmailMessage:
    return message_from_bytes(mail, policy=mail_policy.default)  # type: ignore[return-value]


def test_what_is_sealed_in_one_city_is_read_there_only(cities: list[City]) -> None:
    sealed = []
    for city in cities:
        assert city.desk.session.exec(select(Application.contact_phone)).one() == "13000000001"
        with city.desk.engine.connect() as connection:
            sealed.append(connection.exec_driver_sql("SELECT contact_phone FROM application").scalar_one())
    for place, city in enumerate(cities):
        ring = keyring(city.desk.engine)
        assert ring.unseal(sealed[place], "application.contact_phone") == "13000000001"
        with pytest.raises(KeysError, match="没有编号为"):
            ring.unseal(sealed[place - 1], "application.contact_phone")
    assert len({Keyring(city.settings.keys_file).newest for city in cities}) == len(cities)


def test_documents_are_written_from_the_own_record_into_the_own_folder(cities: list[City]) -> None:
    for city in cities[:3]:
        at, cycle = (city.desk.session, city.desk.clock, city.desk.system, city.settings), city.desk.cycle
        written = documents.write(*at, cycle, "calculation")
        assert all((city.settings.output_dir / row.path).is_file() for row in written)
    for city in cities:
        named = {row.path for row in city.desk.session.exec(select(Document))}
        lying = [path for path in city.settings.output_dir.rglob("*") if path.is_file()]
        assert {path.relative_to(city.settings.output_dir).as_posix() for path in lying} == named


def test_two_cities_sign_with_their_own_keys_under_the_same_names(cities: list[City]) -> None:
    signed = set()
    for city in cities[:2]:
        key = rsa.generate_private_key(65537, 2048)
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path = city.settings.data_dir / "dkim.pem"
        path.write_bytes(key.private_bytes(*form))
        signer = signer_of(city.settings.model_copy(update={"dkim_key_file": path, "dkim_domain": "example.invalid"}))
        assert signer is not None
        signed.add(signer.sign(b"From: x@example.invalid\r\n\r\n\r\n"))
    assert len(signed) == 2


def test_several_policies_and_years_of_one_city_are_kept_apart_by_their_cycle(cities: list[City]) -> None:
    desk = cities[0].desk
    _policy(cities[0].settings.policies_dir, OTHER_POLICY, 77)
    own: dict[int, tuple[int | None, str]] = {desk.cycle_id: (FEE_FEN * RATE // 100, "示例算力")}
    for policy_id, year, project in ((OTHER_POLICY, 2025, "别的政策"), (POLICY, 2026, "别的年度")):
        desk.clock = FixedClock(OPENED)
        opening: dict[str, Any] = {"settings": desk.settings, "plan": desk.plan, "policy_id": policy_id, "year": year}
        desk.cycle_id = cycles.open_cycle(*desk.at, desk.operator, **opening).id or 0
        desk.open_intake()
        declared = {"service_fee": "100000.00", "item_date": f"{year}-06-30", "province_refused": "否"}
        desk.submit(project=project, invoices=f"2535200000000000{year}", declared=declared)
        own[desk.cycle_id] = (100_000 * 77 if year == 2025 else None, project)
        desk.to_matching()
    computation.compute(*desk.at, desk.system, cycle_id=2)
    with pytest.raises(StateError, match="2025 年度还没有下达资金"):  # the year before of the same policy
        computation.compute(*desk.at, desk.system, cycle_id=3)
    browser = cities[0].house.signed_in("operator")
    for cycle_id, (amount_fen, project) in own.items():
        (filed,) = desk.session.exec(select(Application).where(Application.cycle_id == cycle_id)).all()
        assert filed.project == project
        page = browser.get(f"/applications?cycle_id={cycle_id}").text
        assert project in page and not [other for _, other in own.values() if other != project and other in page]
        awards = desk.session.exec(select(Award).where(Award.application_id == filed.id)).all()
        assert [award.amount_fen for award in awards] == ([amount_fen] if amount_fen else [])
    desk.cycle_id = 1
    assert computation.compute(*desk.at, desk.system, cycle_id=1).id == 1, "the others' applications are no input of it"
    for other in cities[1:]:
        assert len(other.desk.session.exec(select(Application.cycle_id)).all()) == 1


# Every cache of the product lives as long as its process. What tells one city's value from another's:
CACHES = {
    "matching/normalise.py": {"_folding", "_simplified", "_reading", "_place", "_either"},  # the home that is asked for
    "policy/compiling.py": {"whole"},  # a number
    "services/cycle/extensions.py": {"later"},  # of one call
    "services/after_payment/form.py": {"_load"},  # the file's path
    "services/record/audit.py": {"_withheld"},  # a table of the program
    "services/documents/render/charts.py": {"font"},  # a size
    "services/documents/render/fonts.py": {"installed", "_present"},  # of the machine
    "services/documents/render/reference.py": {"reference"},  # of the program
    "services/application/file_kinds.py": {"_passed"},  # the file's digest and the scanner; keeps that it passed
    "services/record/fitting.py": {"_limits"},  # a table of the program
    "services/record/rows.py": {"_defaults"},  # a table of the program
    "services/award/inputs.py": {"code_version"},  # of the program
    "services/notices/building.py": {"_encoded"},  # the whole text
    "services/notices/opting_out.py": {"_key"},  # the data folder
    "services/notices/privacy.py": {"blot"},  # the whole text
    "services/notices/rendering.py": {"_environment", "when"},  # the folders with the state of all files; the moment
    "services/notices/signing.py": {"_load"},  # the key's path, domain and selector
    "services/grants/overlaps.py": {"_rules"},  # of the program
    "services/access/passwords.py": {"nobodys"},  # of the program
    "services/law/policies.py": {"_parsed"},  # the whole text and the policy's id
    "services/law/policy_shelf.py": {"_checked"},  # the folder and its digest
    "services/record/schema.py": {"newest_schema", "revisions"},  # of the program
    "services/cycle/stages.py": {"load_plan"},  # the file's path
    "flows/control.py": {"_read"},  # the file's path and time
    "tasks/context.py": {"context"},  # the process: a run's is one city's
    "web/rendering.py": {"asset"},  # of the program
}


def test_every_cache_is_known_with_what_tells_cities_apart() -> None:
    found: dict[str, set[str]] = {}
    for package in ("policy", "matching", "models", "config", "services", "tasks", "flows", "web"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text("utf-8")
            for node in ast.walk(ast.parse(text)) if "cache" in text else ():
                if isinstance(node, ast.FunctionDef) and any(_caches(each) for each in node.decorator_list):
                    found.setdefault(path.relative_to(ROOT).as_posix(), set()).add(node.name)
    assert found == CACHES


def _caches(decorator: ast.expr) -> bool:
    name = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(name).rpartition(".")[2] in ("cache", "lru_cache")
