"""Settings of an installation, from DUIXIAN_* environment variables or a .env file."""

from pathlib import Path
from typing import Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
_LOCAL = {"127.0.0.1", "localhost", "::1"}
_SQLITE = "sqlite:///"


class Settings(BaseSettings):
    """Everything that differs between installations. Descriptions are what docs/settings.md shows."""

    model_config = SettingsConfigDict(env_prefix="DUIXIAN_", env_file=".env", extra="ignore")

    city: str = Field(
        default="",
        pattern=r"^([a-z0-9]+(-[a-z0-9]+)*)?$",
        max_length=24,
        description="几个市共用一个调度服务时，本市的代号（小写字母、数字、连字符），定下就不要改；只有本单位的不写",
    )
    data_dir: Path = Field(default=ROOT / "var" / "work", description="数据目录：数据库、附件与输出文件默认放在这里")
    database_url: str = Field(
        default="", repr=False, description="数据库地址（SQLAlchemy URL）；默认是数据目录下的 SQLite"
    )
    data_keys_file: Path | None = Field(
        default=None,
        description="数据密钥文件，数据库里的银行账号、电话等用它加密；默认是数据目录下的 data.keys，请另行备份",
    )
    retention_years: int = Field(
        default=5, ge=1, le=30, description="年度归档满多少年后可以清除个人信息，见 docs/decisions/0022"
    )
    policies_dir: Path = Field(default=ROOT / "config" / "policies", description="政策目录，每个政策一个文件夹")
    calendar_dir: Path = Field(
        default=ROOT / "config" / "calendar", description="工作日历目录，放国务院放假通知的年度文件"
    )
    cycle_file: Path = Field(default=ROOT / "config" / "cycle.yaml", description="年度流程（阶段与关口）文件")
    self_assessment_file: Path = Field(
        default=ROOT / "config" / "self_assessment.yaml", description="绩效自评表（字段与期限）文件"
    )
    templates_dir: Path = Field(
        default=ROOT / "config" / "templates",
        description="本单位自己的模板：其中的 documents、mail 文件夹里有的文件，代替程序自带的",
    )
    clock_file: Path | None = Field(default=None, description="演示与测试用的时钟文件；正式使用时不要设置")
    organisation: str = Field(default="漳州市工业和信息化局", description="主办单位名称，用于文件与邮件落款")
    issuing_word: str = Field(
        default="漳工信", description="机关代字，编在发文字号最前面；信函在后面加“函”，补正、追回通知加“补”“追”"
    )
    contact: str = Field(
        default="漳州市工业和信息化局人工智能产业科，工作日 8:00—12:00、15:00—18:00",
        description="咨询与异议受理的联系方式",
    )
    console_url: str = Field(default="", description="工作台地址，邮件中的链接指向这里；默认是本机的地址和端口")
    engine_port: int = Field(default=4200, ge=1, le=65535, description="调度服务（看板）在本机的端口")
    dashboard_url: str = Field(
        default="", description="调度看板的地址，年度总览链接到这里；默认是本机的地址和调度服务的端口"
    )
    console_host: str = Field(default="127.0.0.1", description="工作台监听的地址；前面有反向代理时不用改")
    console_port: int = Field(default=8000, ge=1, le=65535, description="工作台在本机的端口")
    trusted_proxies: str = Field(
        default="127.0.0.1",
        description="反向代理的地址或网段，用逗号分开；只有它们报来的来访地址才算数，限制尝试次数和登录记录用它",
    )
    idle_minutes: int = Field(default=30, ge=5, le=480, description="工作台闲置多少分钟后须重新登录")
    upload_megabytes: int = Field(default=50, ge=1, description="工作台一次上传的上限（兆字节）")
    clamd: str = Field(
        default="",
        description="杀毒服务（ClamAV 的 clamd）的“主机:端口”或套接字文件的路径；上传的文件先查毒再收下，不写就不查",
    )
    oidc_issuer: str = Field(default="", description="统一身份认证（OpenID Connect）的签发地址；不写就不启用")
    oidc_client_id: str = Field(default="", description="在统一身份认证登记的客户端编号")
    oidc_client_secret: str = Field(default="", repr=False, description="在统一身份认证登记的客户端密钥")
    oidc_name: str = Field(default="统一身份认证", description="登录页上统一身份认证的名称")
    oidc_claim: str = Field(default="preferred_username", description="哪一项声明是本系统的登录名")
    smtp_host: str = Field(default="127.0.0.1", description="发信服务器")
    smtp_port: int = Field(default=8025, description="发信端口")
    smtp_username: str = Field(default="", description="发信账号")
    smtp_password: str = Field(default="", repr=False, description="发信密码")
    smtp_tls: bool = Field(default=False, description="是否使用 TLS 连接发信服务器")
    smtp_starttls: bool = Field(default=False, description="是否使用 STARTTLS")
    smtp_ca_file: Path | None = Field(
        default=None, description="另外信任的证书颁发者（PEM），发信服务器用单位内部的证书时填写；默认只信任系统的"
    )
    smtp_connections: int = Field(default=8, ge=1, le=32, description="同时保持的发信连接数")
    smtp_per_minute: int = Field(
        default=0, ge=0, le=60000, description="每分钟最多发几封，均匀发出，各执行器合计；0 表示不限"
    )
    mail_from: str = Field(default="noreply@duixian.invalid", description="发件人地址")
    mail_domain: str = Field(default="duixian.invalid", description="邮件编号（Message-ID）所用的域名")
    mail_reply_to: str = Field(
        default="", description="收件人回复邮件时发到的地址，写承办科室的邮箱；不写就请收件人不要回复"
    )
    mail_bounce_to: str = Field(default="", description="接收退信的地址（信封发件人）；默认与发件人地址相同")
    mail_hours: str = Field(
        default="08:00-18:00",
        description="办公时间；不急的通知只在工作日的这段时间发出。写成空的就随时发出，不看工作日",
    )
    dkim_key_file: Path | None = Field(default=None, description="DKIM 签名的私钥文件（RSA，PEM）；不写就不签名")
    dkim_selector: str = Field(default="duixian", description="DKIM 选择器，公钥在“选择器._domainkey.域名”")
    dkim_domain: str = Field(default="", description="DKIM 签名的域名；默认是发件人地址的域名")
    bounce_dir: Path | None = Field(default=None, description="放退信文件（.eml）的目录；默认是数据目录下的 bounces")
    bounce_imap_host: str = Field(default="", description="收退信的邮箱服务器（IMAP）；不写就只读退信目录")
    bounce_imap_port: int = Field(default=993, ge=1, le=65535, description="收退信的邮箱端口")
    bounce_imap_tls: bool = Field(default=True, description="是否使用 TLS 连接收退信的邮箱；只在本机测试时关闭")
    bounce_imap_username: str = Field(default="", description="收退信的邮箱账号")
    bounce_imap_password: str = Field(default="", repr=False, description="收退信的邮箱密码或授权码")
    bounce_imap_folder: str = Field(default="INBOX", description="收退信的邮箱文件夹，其中未读的邮件会被读取")
    group_webhook: str = Field(
        default="", repr=False, description="办公群机器人的地址（钉钉自定义机器人的签名方式）；不写就不发"
    )
    group_secret: str = Field(default="", repr=False, description="办公群机器人的加签密钥")
    tsa_url: str = Field(
        default="", description="时间戳服务的地址（RFC 3161），给每天的审计校验值加盖可信时间；不写就不加盖"
    )
    tsa_ca_file: Path | None = Field(
        default=None, description="时间戳服务的根证书（PEM），用来核对时间戳；换了服务，原来的根证书仍留在文件里"
    )
    backup_dir: Path | None = Field(
        default=None, description="放备份的目录，宜在另一块盘上；默认是数据目录下的 backups"
    )
    backup_days: int = Field(default=7, ge=0, description="最近一次备份超过几天就告警；0 表示不告警")
    free_megabytes: int = Field(default=1024, ge=0, description="数据目录所在的盘剩余少于多少兆字节就算没有就绪并告警")
    log_json: bool = Field(default=False, description="日志是否写成一行一条 JSON，供日志系统收集")
    metrics_token: str = Field(
        default="", repr=False, description="读取运行指标（/metrics）的令牌；不写就只有本机可以读取，写了就都要出示令牌"
    )
    chunk_size: int = Field(default=2000, ge=1, le=20_000, description="每个任务一次处理的申报数")
    workers: int = Field(
        default=1,
        ge=1,
        le=64,
        description="一个阶段的活（审查、送审、写文件）分给几个执行器同时办；1 就都由办理年度的那一个办",
    )
    lease_seconds: int = Field(default=120, ge=5, description="流程租约时长（秒）；持有者失联超过它即可被接管")

    @field_validator("*", mode="before")
    @classmethod
    def _nothing(cls, value: object, field: ValidationInfo) -> object:
        """A path that is written as empty is not set: the folder where one happens to be is meant by nobody."""
        return None if value == "" and cls.model_fields[field.field_name or ""].default is None else value

    @model_validator(mode="after")
    def _absolute(self) -> Self:
        """What is relative counts from where the command is given; the parts that it starts work elsewhere."""
        for name, value in self:
            if isinstance(value, Path) and not value.is_absolute():
                setattr(self, name, value.absolute())
        if self.database_url.startswith(_SQLITE):
            self.database_url = f"{_SQLITE}{Path(self.database_url.removeprefix(_SQLITE)).absolute()}"
        return self

    @model_validator(mode="after")
    def _derived_defaults(self) -> Self:
        if not self.database_url:
            self.database_url = f"{_SQLITE}{self.data_dir / 'duixian.db'}"
        if not self.console_url:
            self.console_url = f"http://127.0.0.1:{self.console_port}"
        if not self.dashboard_url:
            self.dashboard_url = f"http://127.0.0.1:{self.engine_port}"
        return self

    @property
    def of_city(self) -> str:
        """What the city's names on a shared Prefect server end in; nothing where the server is one bureau's alone."""
        return f"-{self.city}" if self.city else ""

    @property
    def work_pool(self) -> str:
        """The Prefect work pool whose workers have these settings."""
        return f"duixian{self.of_city}"

    @property
    def message_domain(self) -> str:
        """What Message-IDs end in: two cities with the same mail domain never give two mails one ID."""
        return f"{self.city}.{self.mail_domain}" if self.city else self.mail_domain

    @property
    def mail_stays_here(self) -> bool:
        """Whether mails go to the mailbox on this machine, and to nobody outside."""
        return self.smtp_host in _LOCAL

    @property
    def envelope_sender(self) -> str:
        """Where servers send what could not be delivered."""
        return self.mail_bounce_to or self.mail_from

    @property
    def bounces_dir(self) -> Path:
        """Where delivery reports are put to be read."""
        return self.bounce_dir or self.data_dir / "bounces"

    @property
    def backups_dir(self) -> Path:
        """Where backups are put unless somebody says otherwise."""
        return self.backup_dir or self.data_dir / "backups"

    @property
    def keys_file(self) -> Path:
        """The keys to what the database holds encrypted."""
        return self.data_keys_file or self.data_dir / "data.keys"

    @property
    def output_dir(self) -> Path:
        """Where documents and workbooks are written."""
        return self.data_dir / "output"

    @property
    def attachments_dir(self) -> Path:
        """Where evidence lies, each file under its SHA-256."""
        return self.data_dir / "attachments"
