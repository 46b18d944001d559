"""What the program talks to: mail server, mailbox of bounces, virus scanner, sign-in service, its own console."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx

from config.settings import Settings
from services.clock import Clock
from services.doctor.told import Told, bad, good, look, one_line
from services.files import scanning
from services.notices import bounce_intake, mail_trial
from services.notices.mailer import UnreachableError

_WITHIN = 5.0  # seconds
_OLD = timedelta(days=7)  # signatures are published daily
_SIGNED_ON = re.compile(r"ClamAV (?P<version>[^/]+)/(?P<number>\d+)/(?P<day>.+)")
_DAY = "%a %b %d %H:%M:%S %Y"
_LOGIN = re.compile(r"\(?53[0458]\b")
_WHY = (
    (re.compile("CERTIFICATE_VERIFY_FAILED"), "证书不受信任：用单位内部证书的，请设置 DUIXIAN_SMTP_CA_FILE。"),
    (re.compile("不接受发件人"), "请让 DUIXIAN_MAIL_FROM、DUIXIAN_MAIL_BOUNCE_TO 与登录的账号一致。"),
    (_LOGIN, "请核对 DUIXIAN_SMTP_USERNAME、DUIXIAN_SMTP_PASSWORD；许多邮箱要用授权码，不是网页登录的密码。"),
    (re.compile("STARTTLS|SSL|TLS"), "请核对 DUIXIAN_SMTP_PORT 与 DUIXIAN_SMTP_TLS、DUIXIAN_SMTP_STARTTLS 是否相配。"),
)


def mail(settings: Settings) -> Iterator[Told]:
    """Whether the mail server takes us; nothing is sent."""
    where = f"{settings.smtp_host}:{settings.smtp_port}"
    if settings.smtp_port == 0:
        yield look("发信端口是 0，由 duixian serve 自选，这里查不了", "正式使用请设置 DUIXIAN_SMTP_PORT。")
        return
    try:
        offers_tls = mail_trial.greet(settings)
    except UnreachableError as error:
        yield bad(str(error), _remedy(settings, str(error)))
        return
    if settings.mail_stays_here:
        remedy = "要往外发信，请设置 DUIXIAN_SMTP_HOST；不要的不用管。"
        yield look(f"{where} 在本机：邮件存成文件，不会发到外面", remedy)
        return
    encrypted = settings.smtp_tls or settings.smtp_starttls
    if offers_tls and not encrypted:
        yield look(f"{where} 能加密，现在没有用", "请设置 DUIXIAN_SMTP_STARTTLS=true。")
    login = f"以 {settings.smtp_username} 登录" if settings.smtp_username else "不登录"
    yield good(f"{where} 接受发件人 {settings.envelope_sender}，{login}，{'加密' if encrypted else '没有加密'}")


def _remedy(settings: Settings, trouble: str) -> str:
    for pattern, remedy in _WHY:
        if pattern.search(trouble):
            return remedy
    if settings.mail_stays_here:
        return "请运行 duixian serve（收信服务随它启动），或设置 DUIXIAN_SMTP_HOST。"
    return "请核对 DUIXIAN_SMTP_HOST、DUIXIAN_SMTP_PORT，并让网络管理员放行这个端口。"


def bounces(settings: Settings) -> Iterator[Told]:
    """Whether the mailbox of bounces can be read, and whether there are mails that nobody understood."""
    if unclear := bounce_intake.unclear(settings):
        folder = settings.bounces_dir / "unclear"
        yield look(f"{unclear} 封退信没有认出是哪封通知的", f"请打开 {folder} 里的文件看一看，处理完的删去。")
    if settings.bounce_imap_host:
        waiting = bounce_intake.unread(settings)
        yield good(f"{settings.bounce_imap_host}:{settings.bounce_imap_port}，未读 {waiting} 封")
    else:
        yield good(f"没有设邮箱，只读 {settings.bounces_dir} 里的文件")


def scanner(settings: Settings, wall: Clock) -> Iterator[Told]:
    """Whether the virus scanner takes files, and knows the viruses of these days."""
    if not settings.clamd:
        yield good("没有设，上传的文件不查毒")
        return
    try:
        version = scanning.version(settings)
        scanning.scan(settings, "doctor", b"duixian doctor")
    except (OSError, ValueError) as error:
        seen = f"杀毒服务 {settings.clamd} 没有应答（{one_line(error)}），现在什么文件都收不了"
        yield bad(seen, "请启动 clamd（systemctl start clamav-daemon），并核对 DUIXIAN_CLAMD。")
        return
    found = _SIGNED_ON.fullmatch(version)
    signed = datetime.strptime(found["day"].strip(), _DAY).replace(tzinfo=UTC) if found else None
    if signed is not None and wall.now() - signed > _OLD:
        seen = f"病毒库是 {signed:%Y-%m-%d} 的，{(wall.now() - signed).days} 天没有更新"
        yield look(seen, "请检查 freshclam，不能上网的从内网的镜像更新。")
    yield good(f"{settings.clamd}，{version}")


def directory(settings: Settings) -> Iterator[Told]:
    """Whether the sign-in service of the city answers, and is the one that is meant."""
    if not settings.oidc_issuer:
        yield good("没有启用")
        return
    issuer = settings.oidc_issuer.rstrip("/")
    try:
        answer = httpx.get(f"{issuer}/.well-known/openid-configuration", timeout=_WITHIN).raise_for_status()
        named = str(answer.json().get("issuer", "")).rstrip("/")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, AttributeError) as error:
        seen = f"{settings.oidc_name} {issuer} 没有应答：{one_line(error) or type(error).__name__}"
        yield bad(seen, "请核对 DUIXIAN_OIDC_ISSUER 和网络；修好以前用户可以用密码登录。")
        return
    if named != issuer:
        yield bad(f"{issuer} 自称是 {named[:200]}，登录会被拒绝", "请把 DUIXIAN_OIDC_ISSUER 写得与它一字不差。")
        return
    yield good(issuer)


def console(settings: Settings) -> Iterator[Told]:
    """Whether the console answers, here and where people open it."""
    here = f"http://{'127.0.0.1' if settings.console_host == '0.0.0.0' else settings.console_host}"  # noqa: S104
    here = f"{here}:{settings.console_port}"
    if trouble := _trouble(here):
        yield bad(
            f"工作台 {here} 没有应答：{trouble}", "请运行 duixian serve；已经运行的，看数据目录 logs 里的 console.log。"
        )
        return
    outside = settings.console_url.rstrip("/")
    if outside != here and (trouble := _trouble(outside)):
        remedy = "请检查反向代理、证书和 DUIXIAN_CONSOLE_URL；只有外面打得开、本机打不开的，不用管。"
        yield look(f"工作台在本机正常，{outside} 打不开：{trouble}", remedy)
        return
    yield good(outside if outside == here else f"{here}，对外 {outside}")


def _trouble(address: str) -> str:
    try:
        httpx.get(f"{address}/healthz", timeout=_WITHIN).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return one_line(error) or type(error).__name__
    return ""
