"""Settings of an installation, from DUIXIAN_* environment variables or a .env file."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Everything that differs between installations. Descriptions are what docs/settings.md shows."""

    model_config = SettingsConfigDict(env_prefix="DUIXIAN_", env_file=".env", extra="ignore")

    data_dir: Path = Field(default=ROOT / "var" / "work", description="数据目录：数据库、附件与输出文件默认放在这里")
    database_url: str = Field(default="", description="数据库地址（SQLAlchemy URL）；默认是数据目录下的 SQLite")
    policies_dir: Path = Field(default=ROOT / "config" / "policies", description="政策目录，每个政策一个文件夹")
    calendar_dir: Path = Field(
        default=ROOT / "config" / "calendar", description="工作日历目录，放国务院放假通知的年度文件"
    )
    cycle_file: Path = Field(default=ROOT / "config" / "cycle.yaml", description="年度流程（阶段与关口）文件")
    self_assessment_file: Path = Field(
        default=ROOT / "config" / "self_assessment.yaml", description="绩效自评表（字段与期限）文件"
    )
    clock_file: Path | None = Field(default=None, description="演示与测试用的时钟文件；正式使用时不要设置")
    organisation: str = Field(default="漳州市工业和信息化局", description="主办单位名称，用于文件与邮件落款")
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
    oidc_issuer: str = Field(default="", description="统一身份认证（OpenID Connect）的签发地址；不写就不启用")
    oidc_client_id: str = Field(default="", description="在统一身份认证登记的客户端编号")
    oidc_client_secret: str = Field(default="", description="在统一身份认证登记的客户端密钥")
    oidc_name: str = Field(default="统一身份认证", description="登录页上统一身份认证的名称")
    oidc_claim: str = Field(default="preferred_username", description="哪一项声明是本系统的登录名")
    smtp_host: str = Field(default="127.0.0.1", description="发信服务器")
    smtp_port: int = Field(default=8025, description="发信端口")
    smtp_username: str = Field(default="", description="发信账号")
    smtp_password: str = Field(default="", description="发信密码")
    smtp_tls: bool = Field(default=False, description="是否使用 TLS 连接发信服务器")
    smtp_starttls: bool = Field(default=False, description="是否使用 STARTTLS")
    smtp_connections: int = Field(default=4, ge=1, le=32, description="同时保持的发信连接数")
    mail_from: str = Field(default="noreply@duixian.invalid", description="发件人地址")
    mail_domain: str = Field(default="duixian.invalid", description="邮件编号（Message-ID）所用的域名")
    chunk_size: int = Field(default=500, ge=1, description="每个任务一次处理的申报数")
    lease_seconds: int = Field(default=120, ge=5, description="流程租约时长（秒）；持有者失联超过它即可被接管")

    @model_validator(mode="after")
    def _derived_defaults(self) -> Self:
        if not self.database_url:
            self.database_url = f"sqlite:///{self.data_dir / 'duixian.db'}"
        if not self.console_url:
            self.console_url = f"http://127.0.0.1:{self.console_port}"
        if not self.dashboard_url:
            self.dashboard_url = f"http://127.0.0.1:{self.engine_port}"
        return self

    @property
    def output_dir(self) -> Path:
        """Where documents and workbooks are written."""
        return self.data_dir / "output"

    @property
    def attachments_dir(self) -> Path:
        """Where evidence lies, each file under its SHA-256."""
        return self.data_dir / "attachments"
