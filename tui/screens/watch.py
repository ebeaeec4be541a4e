"""Screens of the Box itself: health, alerts, deliveries. Each reads what it shows, says what this token may not see, and draws."""

from collections.abc import Awaitable
from typing import Any

from textual.app import ComposeResult

from opsmantik_box.domain.work import read_when
from opsmantik_box.errors import BoxError
from tui.desk import Desk
from tui.model.watch import Alert, Delivery, DeliveryPage, Job, JobList, Lane, Tracker, TrackerList
from tui.net.client import Refused, Unreachable
from tui.paint import Line, wrap
from tui.screens.bottom import Typing
from tui.screens.host import Host
from tui.screens.pages import Page
from tui.speech import Speech
from tui.views import alerts as alert_view
from tui.views import deliveries as delivery_view
from tui.views import health as health_view
from tui.widgets.canvas import Canvas
from tui.widgets.menu import Question
from tui.widgets.rows import RowList

MOST_DELIVERIES = 100
SILENCES = ("1h", "4h", "tomorrow 10:00")
FORBIDDEN = 403


class HealthPage(Page):
    """How the Box is, and what of it this token sees."""

    name_of = "health"
    reads_again = True

    def __init__(self, desk: Desk, speech: Speech) -> None:
        super().__init__(desk, speech)
        self._jobs: list[Job] | None = None
        self._next_month = ""
        self._trackers: dict[str, Tracker] = {}

    def compose(self) -> ComposeResult:
        yield Canvas(id="health-lines", classes="text")

    async def _read(self) -> None:
        client, told = self._desk.client, await self._desk.ask_health()
        trackers = await client.get("/api/v1/trackers", TrackerList)
        self._trackers = {one.site_id: one for one in trackers.trackers}
        if told.box is not None:
            jobs = await client.get("/api/v1/jobs", JobList)
            self._jobs, self._next_month = jobs.jobs, jobs.next_month

    @property
    def health(self) -> health_view.Health:
        desk = self._desk
        return health_view.Health(
            link=desk.link, told=desk.health, read=desk.read_health, read_at=desk.read_health_at, why=desk.alerts.degrading(),
            jobs=self._jobs,
            rates=[rate for _, rate in desk.rates.told], next_month=self._next_month, trackers=self._trackers,
        )  # fmt: skip

    def redraw(self) -> None:
        canvas = self.query_one(Canvas)
        here = health_view.Here(self._desk.now(), self.zone, self._desk.store.sites, self.speech, self.app.size.width)
        canvas.show([*self.problem_lines(), *health_view.health_lines(self.health, here)])

    def move(self, lines: int) -> None:
        self.query_one(Canvas).scroll_lines(lines)


class AlertsPage(Page):
    """What is wrong, kept up by the stream; what was wrong is read when the page is opened. The one under the cursor stands below."""

    name_of = "alerts"

    def __init__(self, desk: Desk, speech: Speech, host: Host) -> None:
        super().__init__(desk, speech)
        self._host = host

    def compose(self) -> ComposeResult:
        yield Canvas(id="alerts-heads")
        yield RowList(self._row, id="alerts-rows")
        yield Canvas(id="alerts-detail")

    async def _read(self) -> None:
        await self._desk.ask_alerts()

    @property
    def chosen(self) -> Alert | None:
        number = self.query_one(RowList).chosen
        return None if number is None else self._desk.alerts.get(number)

    def redraw(self) -> None:
        width, now, say = self.app.size.width, self._desk.now(), self.speech
        self.query_one("#alerts-heads", Canvas).show([*self.problem_lines(), alert_view.heads(width, say)][:1])
        rows = self.query_one(RowList)
        rows.set_rows([one.id for one in self._desk.alerts.shown()])
        rows.repaint()
        lines = alert_view.detail_lines(self.chosen, self._desk.store.sites, now, self.zone, width, say)
        self.query_one("#alerts-detail", Canvas).show(lines)

    def _row(self, number: int, width: int) -> Line:
        alert = self._desk.alerts.get(number)
        if alert is None:
            return ()
        return alert_view.row(alert, self._desk.store.sites, self._desk.now(), self.zone, width, self.speech)

    def move(self, lines: int) -> None:
        self.query_one(RowList).move(lines)
        self.redraw()

    # --- what keys do -------------------------------------------------------------------------------------------------------------

    def care(self, what: str) -> None:
        """Acknowledge or silence the one under the cursor."""
        alert = self.chosen
        if alert is None or alert.state == "resolved":
            self._host.say("alerts.nothing_to_do")
        elif what == "acknowledge":
            self._host.start(self._change(self._desk.alert("acknowledge", alert.id), "alerts.acknowledged"))
        elif what == "silence":
            self._ask_until(alert)

    def _ask_until(self, alert: Alert) -> None:
        say = self.speech
        answers = [(str(number), say.word("when", text)) for number, text in enumerate(SILENCES, 1)]
        answers.append(("4", say("work.other_time")))
        if alert.is_silent(self._desk.now()):
            answers.append(("0", say("alerts.speak")))
        self._host.ask(Question(say("alerts.until"), tuple(answers), lambda key: self._answered(alert, key)))

    def _answered(self, alert: Alert, key: str) -> None:
        if key == "4":
            self._host.type(Typing(self.speech("work.when"), lambda text: self._typed(alert, text)))
        elif key == "0":
            self._silence(alert, None)
        else:
            self._typed(alert, SILENCES[int(key) - 1])

    def _typed(self, alert: Alert, text: str) -> str:
        """What is wrong with a time that was typed; '' when it is taken."""
        try:
            self._silence(alert, read_when(text, self._desk.now(), self.zone))
        except BoxError as problem:
            return str(problem)
        return ""

    def _silence(self, alert: Alert, until: int | None) -> None:
        said = "alerts.speaks" if until is None else "alerts.silenced"
        self._host.start(self._change(self._desk.alert("silence", alert.id, until=until), said))

    async def _change(self, work: Awaitable[Alert], said: str) -> None:
        alert = await told_or_said(self._host, work)
        if alert is not None:
            self._host.say(said, what=alert_view.alert_words(alert, self.speech))
        self.redraw()


class DeliveriesPage(Page):
    """What is told outside, for who sees the Box."""

    name_of = "deliveries"
    reads_again = True

    def __init__(self, desk: Desk, speech: Speech, host: Host) -> None:
        super().__init__(desk, speech)
        self._host, self._is_forbidden = host, False
        self._lanes: list[Lane] = []
        self._deliveries: dict[int, Delivery] = {}

    def compose(self) -> ComposeResult:
        yield Canvas(id="deliveries-lanes")
        yield Canvas(id="deliveries-heads")
        yield RowList(self._row, id="deliveries-rows")

    async def _read(self) -> None:
        try:
            told = await self._desk.client.get("/api/v1/deliveries", DeliveryPage, limit=MOST_DELIVERIES)
        except Refused as problem:
            self._is_forbidden = problem.status == FORBIDDEN
            if not self._is_forbidden:
                raise
            return
        self._lanes, self._deliveries = told.lanes, {one.id: one for one in told.deliveries}

    def redraw(self) -> None:
        width, say, rows = self.app.size.width, self.speech, self.query_one(RowList)
        lines = [*self.problem_lines(), *self._lane_lines(width)]
        lanes = self.query_one("#deliveries-lanes", Canvas)
        lanes.styles.height = min(len(lines) + 1, 10)
        lanes.show(lines)
        heads = [delivery_view.heads(width, say)] if self._deliveries else self._nothing()
        self.query_one("#deliveries-heads", Canvas).show(heads)
        rows.set_rows(list(self._deliveries))
        rows.repaint()

    def _lane_lines(self, width: int) -> list[Line]:
        if self._is_forbidden:
            return [((f" {text}", "dim"),) for text in wrap(self.speech("deliveries.not_yours"), width - 2)]
        return delivery_view.lane_lines(self._lanes, self._desk.now(), self.zone, width, self.speech)

    def _nothing(self) -> list[Line]:
        return [] if self._is_forbidden else [((f" {self.speech('deliveries.none')}", "dim"),)]

    def _row(self, number: int, width: int) -> Line:
        return delivery_view.row(self._deliveries[number], self._desk.now(), self.zone, width, self.speech)

    def move(self, lines: int) -> None:
        self.query_one(RowList).move(lines)

    def care(self, what: str) -> None:
        """Send the one under the cursor again, when it was given up."""
        one = self._deliveries.get(self.query_one(RowList).chosen or 0)
        if what == "retry" and one is not None and one.state == "dead":
            self._host.start(self._retry(one))
        elif what == "retry":
            self._host.say("deliveries.nothing_to_do")

    async def _retry(self, one: Delivery) -> None:
        if await told_or_said(self._host, self._desk.retry(one)) is not None:
            self._host.say("deliveries.retried", lane=one.lane)
            await self.read()


async def told_or_said(host: Host, work: Awaitable[Any]) -> Any:
    """What the Box answers; None when it refuses or is away, which is said. It cannot be done later: nobody would know."""
    try:
        return await work
    except Unreachable:
        host.say("watch.offline")
    except Refused as problem:
        host.say("work.refused", reason=problem.detail)
    return None
