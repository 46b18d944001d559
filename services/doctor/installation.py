"""The settings: whether they can be read, are spelled right, whole, and meant for earnest use."""

import os
import stat
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from config.settings import ROOT, Settings
from services.doctor.told import Mark, Told, bad, good, look, one_line, parted
from services.errors import InputError
from services.notices.addresses import trouble_with
from services.notices.hours import hours_of
from services.notices.signing import signer_of
from services.record.time_stamps import roots

_PREFIX = "DUIXIAN_"
_OURS = {"DUIXIAN_PARTS", "DUIXIAN_OF_CITY"}  # not settings: cli/ marks with them what it starts
_ENV = Path(".env")
_SHORTEST_TOKEN = 16
_WHOLE = (
    ("统一身份认证", ("oidc_issuer", "oidc_client_id", "oidc_client_secret")),
    ("发信的登录", ("smtp_username", "smtp_password")),
    ("收退信的邮箱", ("bounce_imap_host", "bounce_imap_username", "bounce_imap_password")),
    ("办公群机器人", ("group_webhook", "group_secret")),
    ("时间戳服务", ("tsa_url", "tsa_ca_file")),
)
_HERE = {"127.0.0.1", "localhost", "::1", "0.0.0.0"}  # noqa: S104 - compared only
_KINDS = {
    "int_parsing": "应为整数",
    "bool_parsing": "应为 true 或 false",
    "greater_than_equal": "不能小于 {ge}",
    "less_than_equal": "不能大于 {le}",
}


def read() -> tuple[Settings | None, list[Told]]:
    """The settings, or why there are none."""
    try:
        return Settings(), []
    except ValidationError as error:
        return None, [_wrong(each) for each in error.errors()]
    except (OSError, ValueError) as error:
        return None, [bad(f"设置读不出来：{one_line(error)}", f"请检查 {_ENV.absolute()} 的权限和编码（UTF-8）。")]


def _wrong(detail: ErrorDetails) -> Told:
    name = str(detail["loc"][0]) if detail["loc"] else ""
    field = Settings.model_fields.get(name)
    value = f"是“{str(detail['input'])[:60]}”，" if field is not None and field.repr else "的值有误，"
    should = _KINDS.get(detail["type"], "写法不对").format(**detail.get("ctx", {}))
    return bad(f"{setting(name)} {value}{should}", "请改正后再运行；各项设置的含义见 docs/settings.md。")


def setting(name: str) -> str:
    """How a setting is written."""
    return f"{_PREFIX}{name.upper()}"


def settings_file(settings: Settings, environ: Mapping[str, str] = os.environ) -> Iterator[Told]:
    """Where the settings come from, and what is written there that is none of them."""
    written = dotenv_values(_ENV) if _ENV.is_file() else {}
    ours = {each.upper() for each in (*written, *environ) if each.upper().startswith(_PREFIX)} - _OURS
    if not ours:
        elsewhere = f"；{ROOT / '.env'} 在别处，没有读" if (ROOT / ".env").is_file() else ""
        remedy = "请在有 .env 的文件夹里运行；还没有写设置的，按 docs/operators.md 的“第一天”写。"
        yield look(f"{Path.cwd()} 里没有 .env，环境里也没有设置，用的全是默认值{elsewhere}", remedy)
    elif not (strange := list(_strange(ours))):
        yield good(f"{len(ours)} 项{f'，写在 {_ENV.absolute()}' if written else '，来自环境变量'}")
    else:
        yield from strange
    if written and stat.S_IMODE(_ENV.stat().st_mode) & 0o077:
        yield look(f"{_ENV.absolute()} 里有密码，别的账号也能读", f"请运行 chmod 600 {_ENV.absolute()}。")
    yield from _values(settings)


def _strange(names: set[str]) -> Iterator[Told]:
    known = [setting(each) for each in Settings.model_fields]
    for name in sorted(names - set(known)):
        near = get_close_matches(name, known, 1)
        asked = f"，是否想写 {near[0]}" if near else ""
        yield look(f"没有 {name} 这项设置，写了不起作用{asked}", "请改正或删去；全部设置见 docs/settings.md。")


def _values(settings: Settings) -> Iterator[Told]:
    """What can be read by itself but cannot be used."""
    for what in (hours_of, signer_of, *((roots,) if settings.tsa_ca_file else ())):
        try:
            what(settings)
        except InputError as error:
            yield parted(Mark.BAD, str(error))
    addresses = ("mail_from", "mail_reply_to", "mail_bounce_to")
    for name in addresses:
        address = getattr(settings, name)
        if (address or name == "mail_from") and trouble_with(address):
            yield bad(f"{setting(name)} 是“{address[:60]}”，不是有效的邮箱", "请改正；用不着的删去这一行。")
    for each in filter(None, map(str.strip, settings.trusted_proxies.split(","))):
        yield from _proxy(each)


def _proxy(each: str) -> Iterator[Told]:
    remedy = "请写反向代理的地址或网段，用逗号分开。"
    if each == "*":
        yield bad(f"{setting('trusted_proxies')} 是 *，谁都可以冒充来访地址，登录的次数限制就不起作用", remedy)
        return
    try:
        ip_network(each, strict=False)
    except ValueError:
        yield look(f"{setting('trusted_proxies')} 里的“{each[:60]}”不是地址或网段", remedy)


def earnest(settings: Settings) -> Iterator[Told]:
    """The values that the program brings, which are for trying it out: wrong where mails go out."""
    mark = Mark.LOOK if settings.mail_stays_here else Mark.BAD
    found = list(_examples(settings))
    yield from (Told(mark, seen, remedy) for seen, remedy in found)
    host = urlsplit(settings.console_url)
    if host.scheme != "https" and host.hostname not in _HERE:
        yield look(
            f"工作台的地址 {settings.console_url} 没有加密，密码会在网上明着走", "请经提供 TLS 的反向代理，改成 https。"
        )
    if settings.contact == Settings.model_fields["contact"].default:
        remedy = f"请设置 {setting('contact')}，写上电话；它印在公文和邮件里。"
        yield look("咨询和异议的联系方式还是程序自带的，没有电话", remedy)
    if not found:
        yield good("没有用示例值")


def _examples(settings: Settings) -> Iterator[tuple[str, str]]:
    for name in ("mail_from", "mail_domain"):
        value = getattr(settings, name)
        if value.endswith(".invalid"):
            yield f"{setting(name)} 是示例值“{value}”，外面的服务器不收", f"请设置 {setting(name)} 为本单位真实的。"
    if urlsplit(settings.console_url).hostname in _HERE:
        seen = f"工作台的地址是 {settings.console_url}，邮件里的链接只有这台机器能打开"
        yield seen, f"请设置 {setting('console_url')} 为申报单位打开工作台的地址。"
    if settings.clock_file is not None:
        seen = f"时间取自时钟文件 {settings.clock_file}，不是真的时间"
        yield seen, f"请去掉 {setting('clock_file')}；它只供演示和测试。"


def whole(settings: Settings) -> Iterator[Told]:
    """What goes together is given together, and nothing secret goes in the clear."""
    found = [*_halves(settings), *_open(settings), *_shared(settings)]
    yield from found or [good("成对的设置都写全了")]


def _halves(settings: Settings) -> Iterator[Told]:
    for what, names in _WHOLE:
        given = [name for name in names if getattr(settings, name)]
        lacking = "、".join(setting(name) for name in names if name not in given)
        if given and lacking:
            yield bad(f"{what}：写了 {'、'.join(map(setting, given))}，没有写 {lacking}", "请补全，不用的都删去。")
    if settings.dkim_domain and settings.dkim_key_file is None:
        yield bad(
            f"写了 {setting('dkim_domain')}，没有写 {setting('dkim_key_file')}，邮件没有签名",
            "请补上私钥文件，或删去。",
        )
    if settings.dkim_key_file is not None and not _within(settings.mail_from, settings.dkim_domain):
        seen = f"DKIM 签名的域名 {settings.dkim_domain} 与发件人 {settings.mail_from} 的域名不同，对方不认"
        yield look(seen, f"请去掉 {setting('dkim_domain')}，或改成发件人的域名。")
    if settings.smtp_tls and settings.smtp_starttls:
        yield bad("smtp_tls 和 smtp_starttls 都设成了 true", "请只留一个：465 端口多用前者，587、25 端口多用后者。")
    if settings.smtp_ca_file and not settings.smtp_ca_file.is_file():
        yield bad(f"{setting('smtp_ca_file')} 所写的 {settings.smtp_ca_file} 不存在", "请放入证书文件（PEM），或删去。")


def _shared(settings: Settings) -> Iterator[Told]:
    """Cities share the program's folder: what one changes there, all have."""
    own = ("data_dir", "policies_dir", "calendar_dir", "templates_dir", "cycle_file", "self_assessment_file")
    shared = [name for name in own if settings.city and getattr(settings, name) == Settings.model_fields[name].default]
    if shared:
        seen = f"写了 {setting('city')}，没有写 {'、'.join(map(setting, shared))}，与别的市用着同一份"
        yield bad(seen, "请写上本市自己的，见 docs/deployment.md 的“一个省、多个市”。")


def _within(address: str, domain: str) -> bool:
    own = address.rpartition("@")[2].lower()
    return not domain or own == domain.lower() or own.endswith(f".{domain.lower()}")


def _open(settings: Settings) -> Iterator[Told]:
    if settings.smtp_password and not (settings.smtp_tls or settings.smtp_starttls or settings.mail_stays_here):
        remedy = f"请按服务器支持的方式设置 {setting('smtp_tls')} 或 {setting('smtp_starttls')}。"
        yield look("发信的密码不加密地发给发信服务器", remedy)
    if settings.bounce_imap_host and not settings.bounce_imap_tls and settings.bounce_imap_host not in _HERE:
        yield look("收退信的密码不加密地发给邮箱服务器", f"请去掉 {setting('bounce_imap_tls')}=false。")
    outside = urlsplit(settings.console_url).hostname not in _HERE
    if outside and not settings.metrics_token:
        seen = "没有写读取运行指标的令牌；反向代理在本机的，外面的人经它能读到 /metrics"
        yield look(seen, f"请设置 {setting('metrics_token')}，或确认代理不转发 /metrics。")
    if 0 < len(settings.metrics_token) < _SHORTEST_TOKEN:
        yield look(f"{setting('metrics_token')} 太短，容易猜出", f"请换成不少于 {_SHORTEST_TOKEN} 个随机字符。")
