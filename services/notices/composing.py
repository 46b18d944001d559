"""From a message of the outbox to the mail as it goes out."""

from datetime import datetime

from config.settings import Settings
from models import Message
from services.clock import CHINA
from services.errors import InputError
from services.notices import opting_out
from services.notices.addresses import trouble_with
from services.notices.building import build
from services.notices.claims import Claimed
from services.notices.deadline_entry import entry
from services.notices.kinds import kind_of
from services.notices.rendering import Letters
from services.notices.signing import signer_of


class Composer:
    """Makes mails by the settings of an installation."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.letters = Letters(settings)

    def check(self, kinds: list[str]) -> None:
        """Try what mails of these kinds need. Raises TemplateProblemError, and InputError for a setting."""
        own = self._settings
        self.letters.check(kinds)
        addresses = {"MAIL_FROM（发件人地址）": own.mail_from}
        if own.mail_reply_to:
            addresses["MAIL_REPLY_TO（回复地址）"] = own.mail_reply_to
        if own.mail_bounce_to:
            addresses["MAIL_BOUNCE_TO（退信地址）"] = own.mail_bounce_to
        for name, address in addresses.items():
            if trouble := trouble_with(address):
                raise InputError(f"设置 DUIXIAN_{name}有误：{trouble}")
        signer_of(own)

    def mail(self, message: Claimed | Message, at: datetime) -> bytes:
        """The mail of a message, dated `at`. Raises TemplateProblemError."""
        kind, on = kind_of(message.kind), at.astimezone(CHINA).date()
        refusal = opting_out.link(self._settings, message.recipient) if message.optional else ""
        return build(
            self.letters.render(kind.id, message.context, message.recipient_name, on, opt_out=refusal),
            self._settings,
            recipient=message.recipient,
            recipient_name=message.recipient_name,
            message_id=message.message_id,
            at=at,
            entry=entry(kind, message.context, self._settings, at),
            opt_out=refusal,
        )
