"""One-time codes of an authenticator (RFC 6238): secrets, their addresses, and which time step a code belongs to."""

import re
from datetime import datetime

import pyotp


def new_secret() -> str:
    """A secret for an authenticator (base32), not yet in force."""
    return pyotp.random_base32()


def is_secret(text: str) -> bool:
    """Whether it looks like one of ours."""
    return re.fullmatch("[A-Z2-7]{32}", text) is not None


def address_of(secret: str, login: str, issuer: str) -> str:
    """The otpauth:// address that an authenticator reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=issuer)


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """The time step that the code belongs to: this one or a neighbour, for clocks that differ a little."""
    totp = pyotp.TOTP(secret)
    current = totp.timecode(now)
    return next((step for step in (current, current - 1, current + 1) if totp.generate_otp(step) == code.strip()), None)
