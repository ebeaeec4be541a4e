"""Google Ads' own exports, as they are downloaded in English and Turkish."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsmantik_box.domain.ads_export import AdRow, assign_sites, read_export
from opsmantik_box.domain.dates import find_dates, read_date
from opsmantik_box.errors import UsageError
from tests.harness import ROOT

ADS = ROOT / "tests" / "data" / "ads"
ANTIKA, KLINIK, NAKLIYAT = ("Antika Ltd", "877-953-6058"), ("Diş Klinik", "197-084-2746"), ("Nakliyat", "777-162-9164")


def sample(name: str) -> list[AdRow]:
    return read_export((ADS / name).read_bytes())


def lines(*told: str, above: str = "Campaign report\n2026-02-10 - 2026-02-10\n") -> bytes:
    return (above + "\n".join(told)).encode()


def test_a_campaign_report_in_english():
    assert sample("campaigns_en.csv") == [
        AdRow("", "", "Search, antiques", "2026-02-09", 1204, 12.5, 1_204_050, "TRY", None),
        AdRow("", "", "Search, antiques", "2026-02-10", 98, 4.0, 98_000, "TRY", None),
        AdRow("", "", "Brand", "2026-02-10", 32, 1.0, 8_025, "TRY", None),
        AdRow("", "", "Old", "2026-02-10", 0, 0.0, 0, "TRY", None),
    ]


def test_a_campaign_report_of_one_day_in_turkish():
    assert sample("kampanyalar_tr.csv") == [
        AdRow("", "", "Antika İstanbul", "2026-02-10", 98, 4.0, 198_050, "TRY", None),
        AdRow("", "", "Gümüş", "2026-02-10", 32, 1.0, 8_025, "TRY", None),
        AdRow("", "", "Plak", "2026-02-10", 0, 0.0, 0, "TRY", None),
    ]


def test_a_report_of_many_accounts_by_click_type_in_utf_16():
    """Rows by click type are added up, calls straight from the ad told apart, each currency has its own smallest unit."""
    assert sample("accounts_excel_en.csv") == [
        AdRow(*ANTIKA, "Search", "2026-02-10", 130, 5.0, 206_075, "TRY", 40),
        AdRow(*ANTIKA, "Search", "2026-02-11", 7, 0.0, 7_000, "TRY", 0),
        AdRow(*KLINIK, "Search", "2026-02-10", 34, 3.0, 10_000, "EUR", 0),
        AdRow(*NAKLIYAT, "Search", "2026-02-10", 5, 0.0, 1_234, "JPY", 0),
    ]


def test_a_report_of_accounts_in_turkish():
    assert sample("hesaplar_excel_tr.csv") == [
        AdRow(*ANTIKA, "", "2026-02-10", 130, 5.0, 206_075, "TRY", None),
        AdRow(*ANTIKA, "", "2026-02-11", 1204, 12.5, 1_204_050, "TRY", None),
        AdRow(*KLINIK, "", "2026-02-10", 34, 3.0, 10_000, "EUR", None),
    ]


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_the_same_report_in_every_coding_and_with_every_delimiter(coding: str, delimiter: str):
    table = [["Kampanya", "Gün", "Tıklamalar"], ["Gümüş", "2026-02-10", "7"], ["Toplam: Hesap", "--", "7"]]
    text = "Kampanya raporu\n1 Şubat 2026 - 28 Şubat 2026\n" + "".join(delimiter.join(row) + "\r\n" for row in table)
    data = ("\ufeff" + text).encode(coding) if coding == "utf-16-le" else text.encode(coding)
    assert read_export(data) == [AdRow("", "", "Gümüş", "2026-02-10", 7, None, None, "", None)]


def test_a_report_without_a_column_of_days_is_of_the_one_day_above_it():
    for above in ('Campaign report\n"February 10, 2026 - February 10, 2026"\n', "Kampanya raporu\n10 Şubat 2026\n"):
        assert read_export(lines("Campaign,Clicks", "a,1", above=above))[0].day == "2026-02-10"


def test_headings_are_read_in_capitals_and_with_spaces():
    assert read_export(lines("KAMPANYA, TIKLAMALAR ,DÖNÜŞÜMLER", "a,1,2"))[0].conversions == 2.0


def test_a_campaign_that_begins_like_a_total_is_a_campaign():
    assert [
        row.campaign for row in read_export(lines("Campaign,Clicks", "Total War,1", "Toplam kalite,2", "Total: Account,3"))
    ] == [
        "Total War",
        "Toplam kalite",
    ]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no line of headings with Clicks"),
        (b"\xff\xfe\x00", "UTF-8 or UTF-16"),
        (b"\x93Campaign\x94,Clicks\na,1\n", "UTF-8 or UTF-16"),
        (lines("Campaign,Impr.", "a,1"), "no line of headings with Clicks"),
        (lines("Campaign,Clicks"), "there is no row"),
        (lines("Campaign,Clicks", "Total: Account,3"), "there is no row"),
        (lines("Campaign,Clicks", "a,1", "b,x"), "line 5: clicks: 'x' is no number"),
        (lines("Campaign,Clicks", "a,1", "", "b,1.5"), "line 6: clicks: '1.5' is no whole number"),
        (lines("Campaign,Clicks,Conversions", "a,1,1e3"), "line 4: conversions: '1e3'"),
        (lines("Campaign,Clicks", "a,-1"), "line 4: clicks: '-1'"),
        (lines("Campaign,Day,Clicks", "a,02/10/2026,1"), "line 4: day: '02/10/2026' is no day"),
        (lines("Campaign,Day,Clicks", "a,2026-02-30,1"), "line 4: day: '2026-02-30'"),
        (lines("Campaign,Clicks,Cost", "a,1,2"), "line 4: the cost has no currency; add the column Currency code"),
        (lines("Campaign,Clicks,Cost,Currency", "a,1,2.345.6,TRY"), "line 4: '2.345.6' is no amount in TRY"),
        (lines("Campaign,Clicks,Cost,Currency", "a,1,2,lira"), "line 4: currency: 'lira'"),
        (
            lines("Campaign,Clicks", "a,1", above="Campaign report\nAll time\n"),
            "line 3: there is no column Day (Gün), and no date range",
        ),
        (
            lines("Campaign,Clicks", "a,1", above='Campaign report\n"July 1, 2026 - July 31, 2026"\n'),
            "the report covers 2026-07-01 to 2026-07-31; download it for one day, or with the segment Time → Day",
        ),
        (lines("Arama terimi,Tıklamalar", "antika,1"), "line 3: a report of search terms leaves clicks out"),
        (lines("Campaign,Clicks", 'a,"1' + "\n" * 3 + "x" * 140_000), "line "),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_what_to_do(data: bytes, said: str):
    with pytest.raises(UsageError) as refused:
        read_export(data)
    assert said in str(refused.value)


def test_a_cost_without_a_currency_takes_the_one_that_is_told():
    assert read_export(lines("Campaign,Clicks,Cost", "a,1,2.50"), "eur")[0].cost == 250


@given(st.integers(0, 10**9), st.sampled_from([",", "."]))
def test_counts_are_read_as_either_language_writes_them(number: int, grouping: str):
    written = f"{number:,}".replace(",", grouping)
    assert read_export(lines("Campaign;Clicks", f"a;{written}"))[0].clicks == number


@given(st.integers(0, 10**9), st.sampled_from([(",", "."), (".", ",")]))
def test_conversions_and_costs_are_read_as_either_language_writes_them(hundredths: int, marks: tuple[str, str]):
    written = f"{hundredths / 100:,.2f}".translate(str.maketrans(",.", "".join(marks)))
    row = read_export(lines("Campaign;Clicks;Conversions;Cost;Currency", f"a;1;{written};{written};TRY"))[0]
    assert (row.conversions, row.cost) == (hundredths / 100, hundredths)


# --- whose numbers ----------------------------------------------------------------------------------------------------------------


def sites_of(told: list[tuple[str, AdRow]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for site, row in told:
        sums[site] = sums.get(site, 0) + row.clicks
    return sums


def test_one_account_is_the_site_that_is_told():
    assert sites_of(assign_sites(sample("kampanyalar_tr.csv"), "antika", {})) == {"antika": 130}


def test_accounts_go_to_sites_by_name_or_customer_id_and_some_are_left_out():
    rows = sample("accounts_excel_en.csv")
    told = assign_sites(rows, None, {"Antika Ltd (877-953-6058)": "a.example", "197-084-2746": "b.example", "NAKLİYAT": ""})
    assert sites_of(told) == {"a.example": 137, "b.example": 34}


@pytest.mark.parametrize(
    ("site", "accounts", "said"),
    [
        (None, {}, '--account "Antika Ltd (877-953-6058)=SITE"\n  --account "Diş Klinik (197-084-2746)=SITE"'),
        ("a", {}, "these accounts are in it"),
        (None, {"Antika Ltd": "a", "Nakliyat": "c"}, "say whose numbers these are"),
        (None, {"Antika Ltd": "a", "Diş Klinik": "b", "Nakliyat": "c", "Nobody": "d"}, "there is no account 'Nobody' in it"),
    ],
)
def test_accounts_without_a_site_are_named(site: str | None, accounts: dict[str, str], said: str):
    with pytest.raises(UsageError) as refused:
        assign_sites(sample("accounts_excel_en.csv"), site, accounts)
    assert said in str(refused.value)


# --- days -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    ["2026-02-10", "10.02.2026", "10.2.2026", "Feb 10, 2026", "February 10, 2026", "10 Şub 2026", "10 Şubat 2026", "10 ŞUBAT 2026",
     "Tue, Feb 10, 2026", "10 Feb 2026"],
)  # fmt: skip
def test_a_day_is_read_as_people_write_it(written: str):
    assert read_date(written) == "2026-02-10"


def test_a_range_is_two_days():
    assert find_dates("20 Eylül 2025 - 19 Ekim 2025") == ["2025-09-20", "2025-10-19"]
    assert find_dates("July 1, 2026 – July 31, 2026") == ["2026-07-01", "2026-07-31"]
    assert find_dates("Tüm zamanlar") == []
