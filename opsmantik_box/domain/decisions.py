"""What is decided about a signal, once, at acceptance, in sequence order; stored with it, and never evaluated again. Pure."""

import msgspec
from msgspec import Struct

from opsmantik_box.domain.attribution import Rank, rank_with_past
from opsmantik_box.domain.scoring import DEFAULT_VERSION, RETURNING_AD_USER
from opsmantik_box.domain.signals import Signal


class Decision(Struct, frozen=True, array_like=True, gc=False):
    """A signal with its decision: what a month file is folded from. `month` is 'YYYY-MM'; `fired` and `rank` include what the
    visitor's past adds; `intent` is true when it became a row of `calls` (phone, WhatsApp or form)."""

    site_id: int
    month: str
    fired: int
    rank: int
    intent: bool
    weights_version: int
    signal: Signal


class Known(Struct, gc=False):
    """What the engine must know of a session to decide its next signal. `last_seq` is its newest signal: while that is not in the
    month file yet, this must not be forgotten."""

    month: str
    fired: int = 0
    rank: int = Rank.ORGANIC
    intents: int = 0
    is_bot: bool = False
    is_internal: bool = False
    last_seq: int = 0


def decide(
    site_id: int, signal: Signal, known: Known, returning: bool, intent: bool, weights_version: int = DEFAULT_VERSION
) -> Decision:
    """`returning`: this visitor had a touch in an earlier session (now, or at an earlier signal of this session)."""
    fired = signal.fired | (RETURNING_AD_USER if returning else 0)
    return Decision(site_id, known.month, fired, rank_with_past(signal.rank, returning), intent, weights_version, signal)


def learn(known: Known, decision: Decision, seq: int) -> Known:
    """What is known of the session after this decision."""
    signal = decision.signal
    return Known(
        known.month,
        known.fired | decision.fired,
        min(known.rank, decision.rank),
        known.intents + decision.intent,
        known.is_bot or bool(signal.bot_reason),
        known.is_internal or signal.internal,
        seq,
    )


encode_decision = msgspec.msgpack.Encoder().encode
decode_decision = msgspec.msgpack.Decoder(Decision).decode
