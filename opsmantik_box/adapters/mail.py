"""E-mail by SMTP, with the standard library's client in a thread. The mailbox's address is looked up and judged as every other, and the
connection goes to the address that was judged; TLS is checked against the name. Never logs whom it writes to."""

import asyncio
import smtplib
import socket
import ssl
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any

from opsmantik_box.adapters.http import Unreachable, resolve
from opsmantik_box.domain.addresses import Networks
from opsmantik_box.domain.outside import Place
from opsmantik_box.errors import UsageError
from opsmantik_box.link.courier import Carried, Mailbox, SendEmail

STEPS = 3
"""A conversation may take so many times what each step of it may."""


class _Smtp(smtplib.SMTP):
    """Connects to `address`, whatever the name stands for by now; TLS is checked against the name. `at_once`: TLS from the first byte."""

    def __init__(self, name: str, address: str, patience: float, *, at_once: bool) -> None:
        super().__init__(timeout=patience)
        self._host, self._address = name, address
        self._context, self._at_once = ssl.create_default_context(), at_once

    def _get_socket(self, host: str, port: int, timeout: Any) -> socket.socket:
        raw = socket.create_connection((self._address, port), timeout)
        return self._context.wrap_socket(raw, server_hostname=host) if self._at_once else raw

    def start_tls(self) -> None:
        """Raises smtplib.SMTPException when the server cannot."""
        self.starttls(context=self._context)


async def send_email(errand: SendEmail, allowed: Networks, patience: float) -> Carried:
    """The answer's `rid` is 0."""
    box = errand.mailbox
    try:
        address = await resolve(Place("https" if box.security != "none" else "http", box.host, box.port, ""), allowed)
        async with asyncio.timeout(STEPS * patience):
            await asyncio.to_thread(_hand_in, box, address, message_of(errand), patience)
    except (UsageError, Unreachable) as error:
        return Carried(0, "again", str(error))
    except smtplib.SMTPResponseException as error:
        return Carried(0, "again", f"{error.smtp_code} {_text(error.smtp_error)[:200]}")
    except (OSError, smtplib.SMTPException, TimeoutError) as error:
        return Carried(0, "again", type(error).__name__)
    return Carried(0, "delivered")


def message_of(errand: SendEmail) -> EmailMessage:
    """Plain text. Its id is the delivery's: two copies are one to who reads."""
    mail = EmailMessage()
    mail["From"], mail["To"] = errand.mailbox.sender, ", ".join(errand.mailbox.recipients)
    mail["Subject"], mail["Date"], mail["Message-ID"] = (
        " ".join(errand.subject.split()),
        formatdate(errand.at / 1000),
        errand.message_id,
    )
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(errand.text)
    return mail


def _hand_in(box: Mailbox, address: str, mail: EmailMessage, patience: float) -> None:
    with _Smtp(box.host, address, patience, at_once=box.security == "tls") as client:
        client.connect(box.host, box.port)
        if box.security == "starttls":
            client.start_tls()
        if box.user:
            client.login(box.user, box.password)
        client.send_message(mail)


def _text(told: bytes | str) -> str:
    return told.decode("utf-8", "replace") if isinstance(told, bytes) else told
