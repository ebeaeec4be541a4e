"""Verdicts and candidates as an operator writes and reads them. Pure."""

from typing import Any

from opsmantik_box.domain.amounts import read_amount, read_currency
from tui.model.urgency import clock_text
from tui.speech import Speech


def read_price(text: str, currency: str) -> dict[str, Any]:
    """'2500', '2.500,50', '40 USD': what a verdict says of it; nothing for nothing. Raises UsageError."""
    words = text.strip()
    if not words:
        return {}
    number = words.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ").strip()
    code = read_currency(words[len(number) :] or currency)
    return {"sale_amount": read_amount(number, code), "currency": code}


def candidate_words(candidate: dict[str, Any], timezone: str, say: Speech) -> str:
    """14:29 score 60, 71 %."""
    at, likelihood = candidate.get("last_event_at") or 0, candidate.get("likelihood") or 0
    return say("work.candidate", at=clock_text(at, timezone), score=candidate.get("score") or 0, percent=say.percent(likelihood))


def verdict_words(told: dict[str, Any], say: Speech) -> str:
    """sealed, 2.500 TRY."""
    amount = told.get("sale_amount")
    status = say.word("status", told.get("status") or "intent")
    return status if amount is None else f"{status}, {say.money(amount, told.get('currency'))}"
