"""`clicks` and what `stats` makes of it, on the day of the milestone: 130 clicks → 113 sessions → 18 intents."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.harness import ROOT, Box, run_cli

TRAFFIC, ADS = ROOT / "tests" / "data" / "traffic", ROOT / "tests" / "data" / "ads"
DAY = "2026-02-10"
FUNNEL = "98 sessions with a click + 15 assisted = 113 ads sessions → 18 intents (5 phone, 13 WhatsApp) → 0 sealed so far."


@pytest.fixture(scope="module")
def box(tmp_path_factory) -> Iterator[Box]:
    """A Box that has taken the milestone's day; its clock stands at five past six that evening."""
    folder = tmp_path_factory.mktemp("box")
    evening = int(datetime(2026, 2, 10, 15, 5, tzinfo=UTC).timestamp() * 1000)
    (folder / "shift").write_text(str(evening - int(time.time() * 1000)))
    with Box(folder / "data", env={"OPSMANTIK_TEST_CLOCK": str(folder / "shift")}) as running:
        site = running.cli_json("site", "add", "Antika", "--domain", "antika.example")
        running.cli("site", "add", "Klinik", "--domain", "klinik.example", "--currency", "EUR")
        player = [sys.executable, str(TRAFFIC / "play_day.py"), "milestone", "--url", running.url, "--site", site["public_id"]]
        late = evening + 86_400_000  # the whole day has happened
        (folder / "shift").write_text(str(late - int(time.time() * 1000)))
        played = subprocess.run([*player, "--date", DAY, "--now", str(late)], capture_output=True, text=True, check=False)
        assert played.returncode == 0, played.stdout + played.stderr
        running.wait_projected()
        (folder / "shift").write_text(str(evening - int(time.time() * 1000)))
        yield running


def stats(box: Box, *words: str, site: str = "Antika", lang: str = "en") -> str:
    done = box.cli("stats", "--site", site, "--day", DAY, "--lang", lang, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def set_clicks(box: Box, *words: object, site: str = "Antika", day: str = DAY) -> "subprocess.CompletedProcess[str]":
    return box.cli("clicks", "set", "--site", site, "--day", day, *words)


def google(box: Box, day: str = DAY, site: str = "Antika") -> dict[str, object]:
    return box.cli_json("stats", "--site", site, "--day", day)["google"]


def test_the_line_is_that_of_the_product_in_english_and_turkish(box: Box):
    assert set_clicks(box, "--clicks", 120).returncode == 0
    assert set_clicks(box, "--clicks", 130, "--conversions", 5).returncode == 0
    assert stats(box, "--line") == (
        f"130 ad clicks (Google, Europe/Istanbul, as of 18:05) → {FUNNEL} All traffic: 297 sessions, 31 intents (13 phone, 18 WhatsApp). "
        "Not counted: 37 bot sessions (2 taps), 0 internal.\n"
    )
    assert stats(box, "--line", lang="tr") == (
        "130 reklam tıklaması (Google, Europe/Istanbul, 18:05 itibarıyla) → tıklamayla gelen 98 oturum + 15 destekli = "
        "113 reklam oturumu → 18 sırada (5 telefon, 13 WhatsApp) → şu ana kadar 0'ı mühürlendi. Tüm trafik: 297 oturum, "
        "31 sırada (13 telefon, 18 WhatsApp). Sayılmayan: 37 bot oturumu (2 dokunuş), 0 dahili.\n"
    )


@pytest.mark.parametrize(("lang", "said"), [("tr_TR.UTF-8", "18 sırada"), ("C.UTF-8", "18 intents")])
def test_the_language_is_that_of_the_terminal(box: Box, lang: str, said: str):
    words = ("stats", "--site", "Antika", "--day", DAY, "--line", "--data", box.data)
    assert said in run_cli(*words, env={**box.env, "LANG": lang, "LC_ALL": "", "LC_MESSAGES": ""}).stdout


def test_the_page_says_where_they_stayed_and_why_the_numbers_differ(box: Box):
    set_clicks(box, "--clicks", 130, "--conversions", 5, "--cost", "2.060,75", "--client-whatsapp", 9, "--client-phone", 7)
    said = stats(box)
    assert "Cost: 2,060.75 TRY, 114.49 an intent." in said
    assert "The client counted 9 WhatsApp, 7 phone." in said
    assert "130 Google's clicks → 98 sessions with a click: -22 bots (with a click), -10 not explained" in said
    assert "Google counts 130 clicks, 98 sessions came with one: " in said
    assert re.search("calls straight from the ad +unknown", said)
    assert re.search(r"consent denied \(all traffic\) +not counted", said)
    assert "9 the client's WhatsApp chats → 18 WhatsApp taps: +9 not explained" in said
    assert "Provisional until 2026-02-13 00:00 (Europe/Istanbul), settled after that." in said
    assert "Reklam" not in said
    assert "Sayılar neden farklı:" in stats(box, lang="tr")
    set_clicks(box, "--clicks", 130, "--calls-from-ad", 4)
    assert "-4 calls straight from the ad, -6 clicks that never reached the site" in stats(box)


def test_stats_tell_the_same_in_json_and_by_the_service(box: Box):
    told = box.cli_json("stats", "--site", "Antika", "--day", DAY)
    site = told["site_id"]
    served = box.get(f"/api/v1/sites/{site}/stats?from={DAY}&to={DAY}", box.token("Antika"))
    assert {key: value for key, value in served.items() if key != "feed"} == told
    paid = box.get(f"/api/v1/sites/{site}/stats?from={DAY}&to={DAY}&scope=other_paid", box.token("Antika"))
    assert paid["by_landing_page"] == []
    assert {one["to"] for one in told["reconciliation"]["differences"]} >= {
        "sessions_with_click",
        "ads_sessions",
        "intents",
        "sealed",
    }


@pytest.mark.parametrize("split", ["hour", "device", "source", "campaign", "keyword", "landing_page", "button"])
def test_a_split_is_a_table_of_its_own(box: Box, split: str):
    lines = stats(box, "--by", split).splitlines()
    assert len(lines) > 1
    assert len({len(line) for line in lines}) == 1


def test_the_client_s_numbers_can_be_told_one_by_one(box: Box):
    day = "2026-01-15"
    assert set_clicks(box, "--client-whatsapp", 7, "--note", "kasadan", day=day).returncode == 0
    assert set_clicks(box, "--client-phone", 3, day=day).returncode == 0
    assert box.cli_json("stats", "--site", "Antika", "--day", day)["client"] == {"whatsapp": 7, "phone": 3}
    rows = box.cli(
        "sql", "-", "--json", "--site", "Antika", stdin="select whatsapp, phone, note from client_counts where day = '2026-01-15'"
    )
    assert json.loads(rows.stdout) == [
        {"whatsapp": 7, "phone": None, "note": "kasadan"},
        {"whatsapp": None, "phone": 3, "note": ""},
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Give --clicks, --client-whatsapp or --client-phone"),
        (("--conversions", 5), "go with --clicks"),
        (("--clicks", -1), "--clicks"),
        (("--clicks", 5, "--cost", "zwölf"), "no amount in TRY"),
        (("--clicks", 5, "--calls-from-ad", 6), "more than its 5 clicks"),
        (("--clicks", 5, "--day", "2026-02-30"), "2026-02-30"),
        (("--clicks", 5, "--day", "2026-02-12"), "2026-02-12 is still to come; today is 2026-02-10"),
        (("--client-phone", 5, "--note", "x" * 501), "longer than 500"),
    ],
)
def test_what_is_wrong_with_a_number_is_said(box: Box, words: tuple[object, ...], said: str):
    before = google(box)
    done = set_clicks(box, *words)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert said in done.stderr
    assert google(box) == before


def test_a_site_that_is_not_there_is_said(box: Box):
    done = set_clicks(box, "--clicks", 1, site="nowhere")
    assert done.returncode == 1
    assert "site list" in done.stderr


def test_an_export_of_one_account_is_imported_and_what_was_entered_gives_way(box: Box):
    set_clicks(box, "--clicks", 99)
    told = box.cli_json("clicks", "import", ADS / "kampanyalar_tr.csv", "--site", "antika.example")
    assert told == [{"site": "antika.example", "from": DAY, "to": DAY, "campaigns": 3, "clicks": 130}]
    assert box.cli_json("clicks", "import", ADS / "kampanyalar_tr.csv", "--site", "antika.example") == told
    now = google(box)
    assert (now["clicks"], now["google_conversions"], now["cost"], now["currency"]) == (130, 5.0, 206_075, "TRY")
    assert now["calls_from_ad"] is None


def test_an_export_of_many_accounts_goes_to_their_sites(box: Box):
    accounts = ("--account", "Antika Ltd=Antika", "--account", "197-084-2746=klinik.example", "--account", "Nakliyat=")
    done = box.cli("clicks", "import", ADS / "accounts_excel_en.csv", *accounts)
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()[1:]] == [
        ["Antika", "2026-02-10", "2026-02-11", "1", "137"],
        ["klinik.example", "2026-02-10", "2026-02-10", "1", "34"],
    ]
    assert (google(box)["clicks"], google(box)["calls_from_ad"]) == (130, 40)
    assert (google(box, site="Klinik")["cost"], google(box, site="Klinik")["currency"]) == (10_000, "EUR")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((ADS / "accounts_excel_en.csv",), '--account "Diş Klinik (197-084-2746)=SITE"'),
        ((ADS / "accounts_excel_en.csv", "--site", "Antika"), "these accounts are in it"),
        ((ADS / "kampanyalar_tr.csv",), "--site SITE"),
        ((ADS / "kampanyalar_tr.csv", "--site", "Antika", "--account", "a=b"), "either --site, or --account"),
        ((ADS / "kampanyalar_tr.csv", "--account", "Antika"), "write it like --account"),
        ((TRAFFIC / "milestone.expected.json", "--site", "Antika"), "no line of headings with Clicks"),
        (("none.csv", "--site", "Antika"), "none.csv: it cannot be read"),
        ((ADS / "hesaplar_excel_tr.csv", "--account", "Antika Ltd=nowhere", "--account", "Diş Klinik=Klinik"), "no site 'nowhere'"),
    ],
)
def test_a_file_that_cannot_be_imported_changes_nothing_and_says_why(box: Box, words: tuple[object, ...], said: str):
    before = google(box), google(box, site="Klinik")
    done = box.cli("clicks", "import", *words)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert said in done.stderr
    assert (google(box), google(box, site="Klinik")) == before


def test_what_was_told_is_in_the_trail(box: Box):
    set_clicks(box, "--clicks", 130)
    history = box.cli(
        "sql", "-", "--json", "--site", "Antika", stdin="select count(*) as n from ad_clicks where day = '2026-02-10'"
    )
    assert json.loads(history.stdout)[0]["n"] > 3
