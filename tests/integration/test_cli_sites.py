import json
import re
import uuid

import pytest

from tests.harness import run_cli


@pytest.fixture
def data(tmp_path):
    """An empty data folder: commands work on it without a running service."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def as_json(*words):
    done = run_cli(*words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refusal(code, *words):
    done = run_cli(*words)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_site_is_added_listed_and_has_a_snippet(data):
    options = ("--domain", "Antika.Example", "--domain", "www.müze.example", "--url", "https://box.example/", "--data", data)
    added = as_json("site", "add", "Antika", *options)
    assert str(uuid.UUID(added["public_id"])) == added["public_id"]
    assert uuid.UUID(added["public_id"]).version == 4
    assert (
        f'<script async src="https://box.example/ux-core.js" data-site-id="{added["public_id"]}" '
        'data-api="https://box.example/api/sync" data-consent="pending"'
    ) in added["snippet"]
    (listed,) = as_json("site", "list", "--data", data)
    assert listed["domains"] == ["antika.example", "www.xn--mze-hoa.example"]
    assert (listed["timezone"], listed["region"], listed["currency"], listed["taps_24h"]) == ("Europe/Istanbul", "TR", "TRY", 0)
    table = run_cli("site", "list", "--data", data).stdout
    assert re.search(r"Antika +antika\.example, www\S+ +never +0 ", table)


def test_a_site_is_its_id_public_id_domain_or_name(data):
    added = as_json("site", "add", "Antika", "--domain", "antika.example", "--data", data)
    as_json("site", "add", "Other", "--domain", "other.example", "--data", data)
    names = (added["id"], added["public_id"], added["public_id"].replace("-", "").upper(), "antika.example", "Antika")
    for name in names:
        assert as_json("site", "snippet", name, "--url", "https://b.example", "--data", data)["public_id"] == added["public_id"], (
            name
        )
    assert "site list" in refusal(1, "site", "snippet", "nowhere.example", "--url", "https://b.example", "--data", data)


def test_a_snippet_without_a_public_address_says_how_to_set_one(data):
    as_json("site", "add", "Antika", "--domain", "antika.example", "--data", data)
    said = refusal(2, "site", "snippet", "Antika", "--data", data)
    assert "public_url" in said
    assert "--url" in said
    assert "box.toml" in said
    (data / "box.toml").write_text('public_url = "https://from.the.file"\n')
    assert "https://from.the.file/ux-core.js" in run_cli("site", "snippet", "Antika", "--data", data).stdout


def test_a_snippet_for_an_address_that_is_none_is_refused(data):
    as_json("site", "add", "Antika", "--domain", "antika.example", "--data", data)
    assert "--url" in refusal(2, "site", "snippet", "Antika", "--url", "box.example", "--data", data)


def test_a_snippet_has_a_form_for_every_place_and_says_where_it_goes(data):
    as_json("site", "add", "Antika", "--domain", "antika.example", "--data", data)
    (data / "box.toml").write_text('public_url = "https://box.example"\nfailover_url = "https://relay.example"\n')
    texts = set()
    for form in ("", "--csp", "--gtm", "--wordpress", "--nginx", "--caddy", "--amp"):
        done = run_cli("site", "snippet", "Antika", *filter(None, [form]), "--data", data)
        told = as_json("site", "snippet", "Antika", *filter(None, [form]), "--data", data)
        assert (done.stdout.strip(), done.stderr.strip()) == (told["snippet"].strip(), told["where"])
        assert "https://box.example" in done.stdout
        assert ("https://relay.example" in done.stdout) is (form != "--amp")
        texts.add(done.stdout)
    assert len(texts) == 7


def test_a_site_can_be_changed(data):
    as_json("site", "add", "Antika", "--domain", "antika.example", "--data", data)
    change = ("site", "change", "Antika", "--data", data)
    row = as_json(*change, "--add-domain", "Antika.Com", "--trusted-proxy", "192.0.2.7", "--consent", "granted")
    assert (row["domains"], row["consent"]) == (["antika.example", "antika.com"], "granted")
    assert as_json(*change, "--consent", "limit")["trusted_proxies"] == row["trusted_proxies"] == ["192.0.2.7/32"]
    (listed,) = as_json("site", "list", "--data", data)
    assert (listed["domains"], listed["consent"]) == (["antika.example", "antika.com"], "limit")
    assert [row["action"] for row in as_json("audit", "--data", data)].count("site changed") == 2
    for wrong, told in (
        (("--trusted-proxy", "10.0.0.300"), "trusted_proxies"), (("--add-domain", "a/b"), "domains"), (("--consent", "x"), "consent"),
        ((), "--add-domain"), (("--no-trusted-proxy", "--trusted-proxy", "192.0.2.7"), "Either"),
    ):  # fmt: skip
        assert told in refusal(2, *change, *wrong)


def test_a_site_can_have_no_proxy_of_its_own_any_longer(data):
    as_json("site", "add", "Antika", "--domain", "antika.example", "--data", data)
    change = ("site", "change", "Antika", "--data", data)
    as_json(*change, "--trusted-proxy", "192.0.2.7")
    assert as_json(*change, "--no-trusted-proxy")["trusted_proxies"] == []
    (listed,) = as_json("site", "list", "--data", data)
    assert listed["trusted_proxies"] == []


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (("--domain", "https://antika.example"), "domains"),
        (("--domain", "antika.example/path"), "domains"),
        (("--domain", "a.example", "--timezone", "Mars/Olympus"), "timezone"),
        (("--domain", "a.example", "--timezone", "../../etc/passwd"), "timezone"),
        (("--domain", "a.example", "--region", "TUR"), "region"),
        (("--domain", "a.example", "--currency", "₺"), "currency"),
        (("--domain", "a.example", "--consent", "maybe"), "consent"),
        (("--domain", "a.example", "--internal-address", "10.0.0.300"), "internal_addresses"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_added(data, options, field):
    assert f"{field}: " in refusal(2, "site", "add", "Antika", *options, "--data", data)
    assert as_json("site", "list", "--data", data) == []


def test_two_sites_cannot_have_one_name(data):
    as_json("site", "add", "Antika", "--domain", "a.example", "--data", data)
    assert "Antika" in refusal(1, "site", "add", "Antika", "--domain", "b.example", "--data", data)


CSV = "name,domain,timezone\nAntika,antika.example,\nBerlin,berlin.example www.berlin.example,Europe/Berlin\n"


def test_a_csv_of_sites_is_imported(data, tmp_path):
    file = tmp_path / "sites.csv"
    file.write_text(CSV, encoding="utf-8-sig")
    assert len(as_json("site", "import", file, "--data", data)) == 2
    rows = {row["name"]: row for row in as_json("site", "list", "--data", data)}
    assert rows["Antika"]["timezone"] == "Europe/Istanbul"
    assert rows["Berlin"]["domains"] == ["berlin.example", "www.berlin.example"]
    assert rows["Berlin"]["timezone"] == "Europe/Berlin"


def test_a_csv_of_a_turkish_spreadsheet_is_imported(data, tmp_path):
    file = tmp_path / "sites.csv"
    file.write_text("Name;Domain\r\nGümüş Alanlar;gumus.example\r\n")
    assert "1 sites added" in run_cli("site", "import", file, "--data", data).stdout


def test_a_json_of_sites_is_imported(data, tmp_path):
    file = tmp_path / "sites.json"
    file.write_text(
        json.dumps([{"name": "A", "domains": ["a.example"], "consent": "granted"}, {"name": "B", "domain": "b.example"}])
    )
    assert [row["consent"] for row in as_json("site", "import", file, "--data", data)] == ["granted", "pending"]


@pytest.mark.parametrize(
    ("name", "text", "place", "what"),
    [
        ("s.csv", "name,domain\nA,a.example\nB,https://b.example\n", "line 3", "domains"),
        ("s.csv", 'name,domain\n"A\nB",a.example\n,b.example\n', "line 2", "name"),
        ("s.csv", "name,domain\nA,a.example\n\nA,b.example\n", "line 4", "line 2"),
        ("s.csv", "name,domain\nA,a.example,Europe/Istanbul\n", "line 2", "heading"),
        ("s.csv", "name,domian\nA,a.example\n", "line 2", "domian"),
        ("s.csv", 'name,domain\nA,"a.example\n', "line", "Nothing was imported"),
        ("s.csv", "name,domain\n", "no site", "Nothing was imported"),
        ("s.json", '[{"name": "A", "domain": "a.example"},\n {"name": "B", "domain": 7}]', "line 2", "domains"),
        ("s.json", '[{"name": "A",\n "domain": ]', "line 2", "JSON"),
        ("s.json", '[\n "A"]', "item 1", "object"),
    ],
)
def test_a_file_with_one_wrong_row_imports_none_and_names_the_line(data, tmp_path, name, text, place, what):
    file = tmp_path / name
    file.write_text(text)
    said = refusal(2, "site", "import", file, "--data", data)
    assert str(file) in said
    assert place in said
    assert what in said
    assert as_json("site", "list", "--data", data) == []


def test_an_import_that_meets_an_existing_name_imports_none(data, tmp_path):
    as_json("site", "add", "Berlin", "--domain", "b.example", "--data", data)
    file = tmp_path / "sites.csv"
    file.write_text(CSV)
    assert "Berlin" in refusal(1, "site", "import", file, "--data", data)
    assert [row["name"] for row in as_json("site", "list", "--data", data)] == ["Berlin"]


def test_a_file_that_is_not_there_is_a_usage_error(data, tmp_path):
    assert "none.csv" in refusal(2, "site", "import", tmp_path / "none.csv", "--data", data)


def test_a_user_gets_a_token_which_is_listed_without_itself_and_revoked(data):
    as_json("site", "add", "Antika", "--domain", "antika.example", "--data", data)
    user = as_json("user", "add", "ayse@agency.example", "--name", "Ayşe", "--site", "antika.example", "--data", data)
    assert [row["email"] for row in as_json("user", "list", "--data", data)] == ["ayse@agency.example"]
    made = as_json("token", "create", "--user", "ayse@agency.example", "--rights", "operate", "--name", "desk", "--data", data)
    listed = run_cli("token", "list", "--data", data, "--json").stdout
    assert made["token"] not in listed
    (row,) = json.loads(listed)
    assert (row["name"], row["rights"], row["revoked_at"]) == ("desk", "operate", None)
    assert run_cli("token", "revoke", row["id"], "--data", data).returncode == 0
    assert as_json("token", "list", "--data", data)[0]["revoked_at"]
    assert user["id"]


def test_a_site_token_may_send_and_nothing_else(data):
    as_json("site", "add", "Antika", "--domain", "antika.example", "--data", data)
    assert as_json("site", "token", "Antika", "--data", data)["rights"] == "send"
    assert as_json("token", "create", "--site", "Antika", "--data", data)["rights"] == "send"
    assert "--rights" in refusal(2, "token", "create", "--site", "Antika", "--rights", "admin", "--data", data)


def test_a_token_belongs_to_a_user_or_to_a_site(data):
    assert "belongs to one" in refusal(2, "token", "create", "--data", data)
    assert "belongs to one" in refusal(2, "token", "create", "--user", "a@b.example", "--site", "1", "--data", data)


def test_a_token_that_is_not_there_cannot_be_revoked(data):
    assert "token list" in refusal(1, "token", "revoke", 12, "--data", data)


def test_a_quarantine_without_signals_is_retried(data):
    done = run_cli("quarantine", "retry", "--data", data)
    assert (done.returncode, done.stdout) == (0, "0 tried, 0 stored, 0 still quarantined.\n")
