"""Each form of the snippet is what its place takes: asked of PHP, nginx and Caddy themselves, and of a Box."""

import json
import re
import shutil
import signal
import subprocess
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import pytest

from opsmantik_box.ops.site_check import allows
from opsmantik_box.scripts import Script, integrity_of
from opsmantik_box.snippet import FORMS, Snippet, amp, caddy, csp, gtm, nginx, pinned, plain, wordpress
from tests.harness import ROOT, Box, environment, fetch, free_port, wait_until
from tests.tracker import PHONE

ID = "9d7f3a52-4c1e-4b0a-8f63-0c2b1d9e7a55"
STUB = "(()=>{window.a='it\\'s \\\\ here';window.b=`<\\/b>`})()"
ONE = Snippet("https://box.example.com", ID, "pending", failover="https://relay.example.com", cmp=True, adapters=True, stub=STUB)
PAGE = "https://www.antika.example/tablo?gclid=EAIaIQobChMI_test"


class Elements(HTMLParser):
    """Script elements as a browser sees them: attributes and content."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag == "script":
            self.found.append((dict(attrs), ""))

    def handle_data(self, data):
        if self.found and data.strip():
            self.found[-1] = (self.found[-1][0], data)


def need(program, package):
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if not found:
        pytest.skip(f"{program} is not installed (apt install {package}): what is printed for it is NOT CHECKED")
    return found


def test_a_page_gets_the_stub_and_the_tracker_with_what_optimisers_respect():
    (stub, content), (tracker, _) = Elements(plain(ONE).text).found
    assert content == STUB
    assert tracker["src"] == "https://box.example.com/ux-core.js"
    assert (tracker["data-site-id"], tracker["data-api"]) == (ID, "https://box.example.com/api/sync")
    assert (tracker["data-consent"], tracker["data-cmp"], tracker["data-adapters"]) == ("pending", "auto", "on")
    assert tracker["data-failover"] == "https://relay.example.com/api/sync"
    assert "async" in tracker
    assert "integrity" not in tracker
    for element in (stub, tracker):
        assert element["data-cfasync"] == "false"
        assert {"data-no-optimize", "data-no-defer", "data-no-minify", "nowprocket"} <= set(element)


def test_a_pinned_page_names_version_and_hash():
    release = Script("ux-core.2.1.0.js", "2.1.0", b"body")
    tracker = Elements(pinned(ONE, release).text).found[-1][0]
    assert tracker["src"] == "https://box.example.com/ux-core.2.1.0.js"
    assert (tracker["integrity"], tracker["crossorigin"]) == (release.integrity, "anonymous")
    assert "2.1.0" in pinned(ONE, release).where


def test_a_policy_with_these_sources_lets_tracker_and_signals_through():
    policy = csp(ONE).text
    assert allows(policy, "script-src", "https://box.example.com/ux-core.js", PAGE)
    assert allows(policy, "connect-src", "https://box.example.com/api/sync", PAGE)
    assert allows(policy, "connect-src", "https://relay.example.com/api/sync", PAGE)
    assert not allows(policy, "connect-src", "https://evil.example/api/sync", PAGE)
    assert integrity_of("sha256", STUB.encode()) in policy


def test_a_tag_makes_the_element_that_tag_manager_would_strip():
    ((_, script),) = Elements(gtm(ONE).text).found
    config, named = (json.loads(found) for found in re.findall(r"= (\{.*?\});", script))
    assert config == {
        "siteId": ID, "apiUrl": "https://box.example.com/api/sync", "consent": "pending",
        "failoverApiUrl": "https://relay.example.com/api/sync",
    }  # fmt: skip
    in_page = Elements(plain(ONE).text).found[-1][0]
    assert named == {name: in_page[name] for name in named}
    assert {"src", "data-site-id", "data-api", "data-consent", "data-failover", "data-cmp", "data-adapters"} == set(named)


def test_the_tag_runs_and_puts_the_element_into_the_page(tmp_path):
    node = need("node", "nodejs")
    ((_, script),) = Elements(gtm(ONE).text).found
    page = (
        "const set = {}; globalThis.window = globalThis; globalThis.document = {"
        "createElement: () => ({ setAttribute: (name, value) => { set[name] = value; } }),"
        "head: { appendChild: () => console.log(JSON.stringify([set, window.opmantikConfig])) } };"
    )
    said = subprocess.run([node, "-e", page + script], capture_output=True, text=True, check=True).stdout
    named, config = json.loads(said)
    assert (named["data-site-id"], config["siteId"]) == (ID, ID)


def test_the_plug_in_is_php_and_prints_the_lines_of_the_page(tmp_path):
    php = need("php", "php-cli")
    file = tmp_path / "opsmantik-box.php"
    file.write_text(wordpress(ONE).text)
    checked = subprocess.run([php, "-l", str(file)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    wordpress_itself = (
        "define('ABSPATH', '/'); function is_preview() { return false; } function is_customize_preview() { return false; }"
        "function add_action($hook, $run, $order) { if ($hook === 'wp_head') $run(); }"
    )
    run = [php, "-r", f"{wordpress_itself} include '{file}';"]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout == plain(ONE).text + "\n"
    outside = subprocess.run([php, str(file)], capture_output=True, text=True, check=True)
    assert outside.stdout == ""


@pytest.mark.parametrize("form", sorted(FORMS))
def test_nothing_a_value_holds_can_leave_its_place(form):
    """Nobody can give a site such values; each form escapes them all the same."""
    nasty = """"'><script>alert(1)</script>\\'?>"""
    text = FORMS[form](Snippet("https://box.example.com", nasty, nasty)).text
    if form not in ("nginx", "caddy"):  # made of addresses only, but for their comments
        assert "<script>alert" not in text
    else:
        assert all("alert" not in line or line.startswith("#") for line in text.splitlines())


# --- proxies ----------------------------------------------------------------------------------------------------------------------


def serving(command, url, log, path="/om"):
    """A proxy that answers."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment(HOME=str(log.parent)))
    wait_until(lambda: fetch(f"{url}{path}/ux-core.js")[0] == 200, "the proxy does not serve", process, log)
    return process


def assert_is_first_party(url, box, site):
    """The tracker and its signals go through, from the visitor's own address; nothing else of the Box does."""
    assert fetch(f"{url}/om/ux-core.js")[2] == fetch(f"{box.url}/ux-core.js")[2]
    told = {"Origin": "https://antika.example", "User-Agent": PHONE, "X-Forwarded-For": "203.0.113.9"}
    signal_sent = {"s": site, "u": "https://antika.example/", "sid": "5a8e1d4e-58a0-4f0e-9a3b-3a0f5d0c6a11"}
    status, headers, body = fetch(f"{url}/om/api/sync", signal_sent, told)
    assert (status, json.loads(body)["status"]) == (200, "synced")
    assert headers["access-control-allow-origin"] == "https://antika.example"
    assert fetch(f"{url}/om/api/v1/sites")[0] == 404
    assert fetch(f"{url}/om/healthz")[0] == 404
    box.wait_projected()
    (session,) = box.get(f"/api/v1/sites/{site}/sessions", box.token("antika"))["sessions"]
    assert session["ip_address"] == "127.0.0.0", "the proxy's own word, not what the visitor said of himself"


@pytest.fixture
def box(tmp_path):
    with Box(tmp_path / "data") as running:
        yield running


def test_nginx_takes_its_form_and_serves_the_box_under_the_sites_name(box, tmp_path):
    program, port = need("nginx", "nginx-light"), free_port()
    site = box.add_site("antika", "antika.example")["public_id"]
    form = nginx(Snippet(box.url, site, "granted", stub=STUB)).text
    logs = f"error_log {tmp_path}/error.log; pid {tmp_path}/nginx.pid;"
    places = " ".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    file = tmp_path / "nginx.conf"
    server = f"server {{ listen 127.0.0.1:{port}; location / {{ return 404; }}\n{form}\n}}"
    file.write_text(f"daemon off; {logs} events {{}} http {{ access_log off; {places} {server} }}")
    tested = subprocess.run([program, "-t", "-c", str(file)], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr
    process = serving([program, "-c", str(file)], f"http://127.0.0.1:{port}", tmp_path / "nginx.out")
    try:
        assert_is_first_party(f"http://127.0.0.1:{port}", box, site)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def test_caddy_takes_its_form_and_serves_the_box_under_the_sites_name(box, tmp_path):
    program, port = need("caddy", "caddy"), free_port()
    site = box.add_site("antika", "antika.example")["public_id"]
    form = caddy(Snippet(box.url, site, "granted", stub=STUB)).text
    file = tmp_path / "Caddyfile"
    file.write_text(f"{{\n\tadmin off\n\tauto_https off\n}}\nhttp://127.0.0.1:{port} {{\n{form}\n}}\n")
    options = ["--config", str(file), "--adapter", "caddyfile"]
    tested = subprocess.run(
        [program, "validate", *options], capture_output=True, text=True, check=False, env=environment(HOME=str(tmp_path))
    )
    assert tested.returncode == 0, tested.stderr
    process = serving([program, "run", *options], f"http://127.0.0.1:{port}", tmp_path / "caddy.out")
    try:
        assert_is_first_party(f"http://127.0.0.1:{port}", box, site)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def test_the_boxs_own_caddy_passes_on_the_whole_chain_of_addresses(box, tmp_path):
    """In front of it stands a site's proxy (this test, on loopback, which the Box believes): the visitor is who that one names."""
    program, port = need("caddy", "caddy"), free_port()
    shipped = (ROOT / "systemd" / "Caddyfile").read_text()
    file = tmp_path / "Caddyfile"
    mine = shipped.replace("box.example.com", f"http://127.0.0.1:{port}").replace("127.0.0.1:8787", box.url.removeprefix("http://"))
    file.write_text(f"{{\n\tadmin off\n\tauto_https off\n}}\n{mine}")
    process = serving(
        [program, "run", "--config", str(file), "--adapter", "caddyfile"], f"http://127.0.0.1:{port}", tmp_path / "out", ""
    )
    try:
        site = box.add_site("antika", "antika.example")["public_id"]
        told = {"Origin": "https://antika.example", "User-Agent": PHONE, "X-Forwarded-For": "198.51.100.7"}
        assert fetch(f"http://127.0.0.1:{port}/api/sync", {"s": site, "u": "https://antika.example/"}, told)[0] == 200
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
    box.wait_projected()
    (session,) = box.get(f"/api/v1/sites/{site}/sessions", box.token("antika"))["sessions"]
    assert session["ip_address"] == "198.51.100.0"


# --- AMP --------------------------------------------------------------------------------------------------------------------------


def amp_request(html, trigger, link, page, count):
    """What amp-analytics sends for a tap on a link: `extraUrlParams` of the configuration, those of the trigger over them, each text
    expanded, as the JSON of the body (amphtml, extensions/amp-analytics/0.1/requests.js and transport-serializer.js)."""
    config = json.loads(Elements(html).found[-1][1])
    chosen = config["triggers"][trigger]
    known = {
        "sourceUrl": page, "documentReferrer": "https://www.google.com/", "pageViewId64": "d3J0aGd0", "requestCount": count,
        "clientId(opsmantik)": "amp-5WmQ", "queryParam(gclid)": parse_qs(urlsplit(page).query).get("gclid", [""])[0], **link,
    }  # fmt: skip

    def expand(value):
        if isinstance(value, dict):
            return {name: expand(inner) for name, inner in value.items()}
        if isinstance(value, str):
            return re.sub(r"\$\{([^}]*)\}", lambda found: known.get(found[1], ""), value)
        return value

    assert config["transport"]["useBody"]
    return config["requests"][chosen["request"]], json.dumps(expand(config["extraUrlParams"] | chosen["extraUrlParams"])).encode()


def test_taps_on_an_amp_page_are_intents(box):
    """Also of a link that does not say its address again."""
    site = box.add_site("antika", "antika.example")["public_id"]
    html = amp(Snippet(box.url, site, "granted")).text
    told = {"Origin": "https://antika.example", "User-Agent": PHONE, "Content-Type": "text/plain"}
    taps = (("phone", {"target": "tel:+902125550142"}), ("whatsapp", {"target": "https://wa.me/905325550143"}), ("phone", {}))
    for number, (trigger, link) in enumerate(taps):
        url, body = amp_request(html, trigger, link, PAGE, str(number))
        status, _, answer = fetch(url, body, told)
        assert (status, json.loads(answer)["status"]) == (200, "synced"), answer
    intents = box.get(f"/api/v1/sites/{site}/intents", box.token("antika"))["intents"]
    assert {row["intent_target"] for row in intents} == {"tel:+902125550142", "wa:+905325550143", "tel:unknown"}
    assert {row["attribution_at_tap"] for row in intents} == {"First Click (Paid)"}


def test_an_amp_page_waits_for_consent_where_it_is_asked_for():
    assert "data-block-on-consent" in amp(ONE).text
    assert "data-block-on-consent" not in amp(Snippet("https://box.example.com", ID, "granted")).text


def test_an_amp_page_of_a_site_without_consent_sends_no_id():
    for consent in ("limit", "denied"):
        assert "clientId" not in amp(Snippet("https://box.example.com", ID, consent)).text
