"""Time stamps by a time-stamping authority (RFC 3161): who else knew a text, and since when."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import httpx
from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from config.settings import Settings
from services.errors import InputError, TransientError

_WITHIN = 30.0  # seconds
_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"


@dataclass(frozen=True)
class Stamp:
    """A checked time stamp: the authority's whole answer in base64, and the moment that it names."""

    authority: str
    token: str
    at: datetime


def ask(settings: Settings, text: str) -> Stamp:
    """Have a text stamped; only its SHA-256 leaves the house.

    Raises TransientError when the authority cannot be reached or refuses, InputError when its answer does not hold
    or its certificate is not to be used.
    """
    request = TimestampRequestBuilder(hash_algorithm=HashAlgorithm.SHA256).data(text.encode()).build()
    host = urlsplit(settings.tsa_url).netloc[:300]
    try:
        answer = httpx.post(
            settings.tsa_url, content=request.as_bytes(), headers={"Content-Type": _QUERY}, timeout=_WITHIN
        )
        answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TransientError(f"时间戳服务 {host} 没有应答（{type(error).__name__}）；稍后再试。") from error
    if answer.headers.get("content-type", "").partition(";")[0].strip() != _REPLY:
        raise TransientError(f"时间戳服务 {host} 的应答不是时间戳；请核对 DUIXIAN_TSA_URL。")
    token = base64.b64encode(answer.content).decode()
    if _decoded(token).status != PKIStatus.GRANTED:
        raise TransientError(f"时间戳服务 {host} 拒绝加盖；请向服务的提供者查明原因。")
    return Stamp(host, token, check(roots(settings), token, text, nonce=request.nonce))


def check(trusted: list[x509.Certificate], token: str, text: str, *, nonce: int | None = None) -> datetime:
    """The moment at which an authority under these roots signed this very text. Raises InputError when none did."""
    response = _decoded(token)
    builder = VerifierBuilder(roots=trusted, nonce=nonce)
    try:
        builder.build().verify(response, hashlib.sha256(text.encode()).digest())
    except VerificationError as error:
        raise InputError(
            f"时间戳不能证明这个校验值（{error}）；请核对时间戳服务的证书（DUIXIAN_TSA_CA_FILE）。"
        ) from error
    return response.tst_info.gen_time


def roots(settings: Settings) -> list[x509.Certificate]:
    """The certificates that stamps are checked with. Raises InputError when there are none to be read."""
    path = settings.tsa_ca_file
    if path is None:
        raise InputError("没有写明时间戳服务的根证书；请设置 DUIXIAN_TSA_CA_FILE（PEM）。")
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"读不出时间戳服务的根证书 {path}；请换成 PEM 格式的证书文件。") from error


def _decoded(token: str) -> TimeStampResponse:
    try:
        return decode_timestamp_response(base64.b64decode(token, validate=True))
    except ValueError as error:
        raise InputError("时间戳已损坏，读不出来。") from error
