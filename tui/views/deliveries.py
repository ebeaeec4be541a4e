"""What is told outside: the lanes, and each delivery. Pure."""

from collections.abc import Sequence

from tui.model.watch import Delivery, Lane
from tui.paint import Line, columns
from tui.speech import Speech
from tui.views.amounts import when_text

LANE_COLUMNS = (("lane", 16), ("state", 16), ("waiting", -8), ("dead", -9), ("delivered", -10), ("last", 11))
LANE_LOOKS = {"ok": "good", "waiting": "", "stopped": "hot", "off": "dim"}
COLUMNS = (("at", 11), ("lane", 16), ("kind", 14), ("state", 12), ("attempts", -9))
LOOKS = {"dead": "hot", "expired": "warm", "waiting": "fresh", "delivered": ""}


def lane_lines(lanes: Sequence[Lane], now: int, timezone: str, width: int, say: Speech) -> list[Line]:
    """Each lane, and what its receiver answered last when it does not work."""
    lines: list[Line] = [columns([(say.word("column", name), wide, "head") for name, wide in LANE_COLUMNS])]
    if not lanes:
        return [*lines, ((f" {say('deliveries.none_on')}", "dim"),)]
    for lane in lanes:
        state = say("deliveries.paused", at=when_text(lane.paused_until, now, timezone)) if lane.paused_until else ""
        told = (
            lane.lane, state or say.word("lane_state", lane.state), str(lane.waiting), str(lane.dead), str(lane.delivered_24h),
            when_text(lane.last_delivered_at, now, timezone),
        )  # fmt: skip
        looks = ("strong", LANE_LOOKS.get(lane.state, ""), "", "hot" if lane.dead else "", "", "")
        lines.append(columns([(text, wide, look) for text, (_, wide), look in zip(told, LANE_COLUMNS, looks, strict=True)]))
        if lane.last_error and lane.state != "ok":
            lines.append(((f"   {lane.last_error}", "warm"),))
    return lines


def heads(width: int, say: Speech) -> Line:
    return columns(
        [*((say.word("column", name), wide, "head") for name, wide in COLUMNS), (say.word("column", "error"), _rest(width), "head")]
    )


def _rest(width: int) -> int:
    return max(8, width - sum(abs(wide) + 1 for _, wide in COLUMNS))


def row(one: Delivery, now: int, timezone: str, width: int, say: Speech) -> Line:
    """One delivery; never what it carries."""
    told = (
        when_text(one.created_at, now, timezone), one.lane, say.word("delivery_kind", one.kind), say.word("delivery_state", one.state),
        str(one.attempts),
    )  # fmt: skip
    looks = ("dim", "", "", LOOKS.get(one.state, ""), "")
    texts = [(text, wide, look) for text, (_, wide), look in zip(told, COLUMNS, looks, strict=True)]
    return columns([*texts, (one.last_error, _rest(width), "dim")])
