"""The reference pages that come from the code: docs/commands.md and docs/settings.md. Write: python -m cli.pages."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from cli.main import root
from config.settings import ROOT, Settings

COMMANDS = ROOT / "docs" / "commands.md"
SETTINGS = ROOT / "docs" / "settings.md"

_ABOUT_COMMANDS = """# 命令

`duixian` 的全部命令。本页由命令自己的帮助生成（`python -m cli.pages`），与程序一致由测试保证。

- `--help` 显示任何命令的帮助；有结果的命令都可以加 `--json`，输出给程序读的 JSON。
- 退出码：0 办成；1 输入或状态有问题（错误输出里有一句话说明问题在哪里、看到的值、怎样改）；2 用法有误。
- `--as 登录名` 写明谁在办理，能不能办由他的角色决定（见 [operators.md](operators.md)），办理记录记在他名下。
- `--cycle 编号` 指明年度流程；只有一个进行中的年度时不用写。
"""
_ABOUT_SETTINGS = """# 设置

每项设置是一个环境变量，也可以写在运行目录的 `.env` 文件里（一行一个 `名称=值`）。不写时用默认值。
默认的路径从安装目录算起，自己写的相对路径从运行时所在的目录算起。
本页由程序生成（`python -m cli.pages`），与程序一致由测试保证。

| 环境变量 | 含义 | 默认值 |
|---|---|---|
"""


_PARTS = """
## 哪个部件读哪些

各部件分开启动的（见 [deployment.md](deployment.md)），全部 `DUIXIAN_*` 设置给每个部件同样的一份即可，用不着的不会去读：

- 只有工作台读：`DUIXIAN_CONSOLE_HOST`、`DUIXIAN_CONSOLE_PORT`、`DUIXIAN_TRUSTED_PROXIES`、`DUIXIAN_IDLE_MINUTES`、
  `DUIXIAN_UPLOAD_MEGABYTES`、`DUIXIAN_CLAMD`、`DUIXIAN_METRICS_TOKEN`、`DUIXIAN_OIDC_*`
- 执行器和命令发信、收退信、盖时间戳时读：`DUIXIAN_SMTP_*`、`DUIXIAN_MAIL_*`、`DUIXIAN_DKIM_*`、`DUIXIAN_BOUNCE_*`、
  `DUIXIAN_GROUP_*`、`DUIXIAN_TSA_*`
- 调度服务只读下面的 `PREFECT_*`；其余设置工作台、执行器和命令都读，必须一样，尤其是 `DUIXIAN_DATABASE_URL`、
  `DUIXIAN_DATA_DIR`（几台机器的，是同一个共享目录）和 `DUIXIAN_DATA_KEYS_FILE`

## 调度引擎（Prefect）自己的设置

`duixian serve` 会自己设好，不用写。各部件分开启动时，不随安装而变的在 `deploy/prefect.env` 里，其余按表填写。

| 环境变量 | 哪个部件 | 含义 |
|---|---|---|
"""
ENGINE_SETTINGS = (
    ("PREFECT_API_URL", "工作台、执行器、命令", "调度服务的地址，以 `/api` 结尾；几个调度服务的，写均衡的那个地址"),
    ("PREFECT_API_AUTH_STRING", "工作台、执行器、命令", "调度服务的口令，`用户名:口令`，与下一项相同"),
    ("PREFECT_SERVER_API_AUTH_STRING", "调度服务", "设了就要求口令"),
    (
        "PREFECT_API_DATABASE_CONNECTION_URL",
        "调度服务、后台任务",
        "它自己的数据库，`postgresql+asyncpg://…`，与本系统的分开",
    ),
    ("PREFECT_API_DATABASE_MIGRATE_ON_START", "调度服务", "`false`：几个同时启动时不各自升级，由 duixian-migrate 升级"),
    ("PREFECT_API_BLOCKS_REGISTER_ON_START", "调度服务", "`false`：几个同时启动时不抢着登记；本系统不用它登记的东西"),
    ("PREFECT_MESSAGING_BROKER", "调度服务、后台任务", "`prefect_redis.messaging`：几个调度服务之间经 Redis 传递事件"),
    ("PREFECT_MESSAGING_CACHE", "调度服务、后台任务", "`prefect_redis.messaging`，同上"),
    ("PREFECT_SERVER_EVENTS_CAUSAL_ORDERING", "调度服务、后台任务", "`prefect_redis.ordering`：事件的先后"),
    ("PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE", "调度服务、后台任务", "`prefect_redis.lease_storage`：并发名额"),
    ("PREFECT_REDIS_MESSAGING_URL", "调度服务、后台任务", "Redis 的地址，`redis://:口令@主机:6379/0`"),
    ("PREFECT_SERVER_DOCKET_URL", "调度服务、后台任务", "后台任务协调用的 Redis，另一个库号，`…/1`"),
    (
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED",
        "后台任务",
        "`events,flow_runs`：清理旧的事件和已经结束的运行（连同它们的日志），默认不清理运行，一个市一年约四十七万次；"
        "没有结束的不清理，挂起几个月的年度也不会",
    ),
    (
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD",
        "后台任务",
        "`31536000`：运行结束多少秒以后清理，这里是一年；年度的记录在本系统的数据库里，不受影响",
    ),
    ("PREFECT_SERVER_ANALYTICS_ENABLED", "调度服务", "`false`：不向外报告使用情况"),
    ("PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT", "调度服务", "`false`：看板不显示推广"),
    ("PREFECT_UI_API_URL", "调度服务", "看板从浏览器访问接口的地址；写 `/api` 即与看板同一地址"),
    (
        "PREFECT_API_SSL_CERT_FILE",
        "工作台、执行器、命令",
        "调度服务的地址是 https、证书由单位自己的机构签发的：那个机构的根证书（PEM）；不写时用下一项",
    ),
    (
        "SSL_CERT_FILE",
        "各部件",
        "各处访问 https（统一登录、办公群、时间戳、工作台自查）信任的根证书；单位自己的根证书装进系统以后，Debian 上写 "
        "`/etc/ssl/certs/ca-certificates.crt`；不写时只信公开的机构",
    ),
    ("PREFECT_HOME", "各部件", "它放临时文件的文件夹，运行账号可写"),
    ("PREFECT_WORKER_WEBSERVER_HOST", "执行器", "健康检查监听的地址，`127.0.0.1`"),
    ("PREFECT_WORKER_WEBSERVER_PORT", "执行器", "健康检查的端口；一台机器上每个执行器一个"),
    ("PREFECT_CLI_PROMPT", "各部件", "`false`：命令不提问"),
    ("PREFECT_CLI_COLORS", "各部件", "`false`：日志没有颜色符号"),
)


def commands_page() -> str:
    """Every command with its arguments and options."""
    parts = [_ABOUT_COMMANDS]
    for path, command in leaves():
        parts.append(f"## duixian {path}\n\n{_help(command)}\n")
        rows = [_row(parameter) for parameter in command.params if "--help" not in parameter.opts]
        if rows:
            parts.append("| 参数或选项 | 必填 | 说明 |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def settings_page() -> str:
    """Every setting with its meaning and default."""
    rows = [
        f"| `DUIXIAN_{name.upper()}` | {_cell(field.description or '')} | {_default(field.default)} |"
        for name, field in Settings.model_fields.items()
    ]
    engine = [f"| `{name}` | {part} | {_cell(meaning)} |" for name, part, meaning in ENGINE_SETTINGS]
    return _ABOUT_SETTINGS + "\n".join(rows) + "\n" + _PARTS + "\n".join(engine) + "\n"


def leaves() -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its path: "cycle open"."""
    top = root()
    context = typer.Context(top)
    for name in top.list_commands(context):
        yield from _below(name, top.get_command(context, name))


def _below(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
        return
    for name, each in below.items():
        yield from _below(f"{path} {name}", each)


def _help(command: Any) -> str:
    return "\n".join(line.strip() for line in (command.help or "").splitlines()).replace("<", "&lt;")


def _row(parameter: Any) -> str:
    value = "" if getattr(parameter, "is_flag", False) else f" {parameter.metavar or '值'}"
    names = [*parameter.opts, *parameter.secondary_opts]
    option = parameter.param_type_name == "option"
    shown = f"{'、'.join(names)}{value}" if option else str(parameter.metavar or parameter.name)
    return f"| `{shown}` | {'是' if parameter.required else ''} | {_cell(getattr(parameter, 'help', '') or '')} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _default(value: object) -> str:
    match value:
        case None | "":
            return "（无）"
        case bool():
            return "true" if value else "false"
        case Path():
            return f"`{value.relative_to(ROOT)}`"
        case _:
            return f"`{value}`"


def main() -> None:
    """Write both pages."""
    COMMANDS.write_text(commands_page(), encoding="utf-8")
    SETTINGS.write_text(settings_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
