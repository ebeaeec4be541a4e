"""Fetch a page and say what its tracker is missing. Reads only; the page's text is never run and never trusted.

The address is the owner's own (an argument of the command line), anywhere; it must be http(s); its answer is cut at 2 MB.
"""

import ssl
import urllib.request
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import msgspec
from msgspec import Struct

from opsmantik_box import __version__
from opsmantik_box.domain.arrivals import GOOD_RATE, Arrivals
from opsmantik_box.errors import UsageError
from opsmantik_box.ops.findings import Finding
from opsmantik_box.scripts import integrity_of

# S310 is off where it stands: only http and https come here, check_page sees to it.
MAX_BYTES = 2 * 1024 * 1024
TIMEOUT = 15
SCRIPT = "ux-core.js"
ID_KEYS = ("data-site-id", "data-ops-site-id")
Site = Mapping[str, Any]


class Page(Struct, frozen=True):
    """A fetched page: where it ended after redirects, its policies and its script elements."""

    url: str
    policies: list[str]
    scripts: list[dict[str, str]]
    truncated: bool


class Scripts(HTMLParser):
    """Collects script elements and the policies a page declares itself."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.scripts: list[dict[str, str]] = []
        self.policies: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called for every element."""
        found = {name: value or "" for name, value in attrs}
        if tag == "script":
            self.scripts.append(found)
        elif tag == "meta" and found.get("http-equiv", "").lower() == "content-security-policy":
            self.policies.append(found.get("content", ""))


def check_page(address: str, sites: Sequence[Site], public_url: str) -> list[Finding]:
    """What is right and wrong about the tracker on a page. `sites`: those it may belong to. Raises UsageError."""
    if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).hostname:
        raise UsageError(problem=f"{address!r} is no page; write it like https://www.example.com/")
    try:
        page = fetch(address)
    except (OSError, ValueError) as error:
        return [Finding("page", "fail", f"{address} cannot be fetched: {error}.", "Is the address right, and the page public?")]
    return judge(page, sites, public_url)


def fetch(address: str) -> Page:
    """GET it as a browser would be let in. Raises OSError (also for a status of 4xx and 5xx), ValueError."""
    agent = f"Mozilla/5.0 (compatible; OpsMantikBox/{__version__}; site check)"
    request = urllib.request.Request(address, headers={"User-Agent": agent, "Accept": "text/html"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=TIMEOUT, context=ssl.create_default_context()) as answer:  # noqa: S310
        body: bytes = answer.read(MAX_BYTES + 1)
        final: str = answer.geturl()
        headers: list[str] = answer.headers.get_all("Content-Security-Policy", [])
    found = Scripts()
    found.feed(body[:MAX_BYTES].decode(errors="replace"))
    return Page(final, headers + found.policies, found.scripts, len(body) > MAX_BYTES)


def judge(page: Page, sites: Sequence[Site], public_url: str) -> list[Finding]:
    """The findings of one page."""
    trackers = [one for one in page.scripts if SCRIPT in one.get("src", "") or any(key in one for key in ID_KEYS)]
    findings = [Finding("page", "ok", f"{page.url} answers.")]
    if not trackers:
        cut = " in its first 2 MB" if page.truncated else ""
        advice = (
            "Paste the line of `opsmantik-box site snippet SITE` before </head>. "
            "A tag manager or an optimiser may add it later: then this check cannot see it."
        )
        return [*findings, Finding("snippet", "fail", f"The page has no tracker{cut}.", advice)]
    findings.append(_once(trackers))
    findings += _identity(trackers[0], page, sites)
    findings += _addresses(trackers[0], page, public_url)
    findings.append(_consent(trackers[0]))
    return findings + _policies(trackers[0], page)


def _once(trackers: list[dict[str, str]]) -> Finding:
    if len(trackers) == 1:
        return Finding("snippet", "ok", "The page has the tracker once.")
    return Finding(
        "snippet",
        "warn",
        f"The page has the tracker {len(trackers)} times.",
        "Remove all but one; the others only report themselves.",
    )


def _identity(tracker: dict[str, str], page: Page, sites: Sequence[Site]) -> list[Finding]:
    told = next((tracker[key] for key in ID_KEYS if tracker.get(key)), "")
    site = next((one for one in sites if one["public_id"] == _plain(told)), None)
    if not told:
        return [Finding("site id", "fail", "The tracker carries no data-site-id.", "Paste the snippet again, whole.")]
    if site is None:
        return [
            Finding(
                "site id",
                "fail",
                f"The tracker carries {told}, which is no site of this Box (or not the one asked for).",
                "Paste the right site's snippet.",
            )
        ]
    return [Finding("site id", "ok", f"The tracker belongs to {site['name']}."), _domain(page, site), *_arrival(site)]


def _arrival(site: Site) -> list[Finding]:
    """What the Box heard of the site's trackers in 24 hours; nothing when that is not known here."""
    if "arrivals" not in site:
        return []
    told = msgspec.convert(site["arrivals"], Arrivals)
    if told.arrival_rate is None:
        return [Finding("arrival", "ok", "No tracker reported itself in 24 hours: how much arrives is not measurable.")]
    missing = "".join(f", {reason} {n}" for reason, n in (told.lost | told.parked).items())
    sentence = f"Version {told.version}: {told.arrival_rate:.1%} of its signals arrived in 24 hours{missing}."
    if told.arrival_rate >= GOOD_RATE:
        return [Finding("arrival", "ok", sentence)]
    return [
        Finding(
            "arrival",
            "warn",
            sentence,
            "Numbers like 403 are refusals of this Box, words are why the browser gave up (docs/wire.md).",
        )
    ]


def _plain(public_id: str) -> str:
    text = public_id.strip().lower().replace("-", "")
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _domain(page: Page, site: Site) -> Finding:
    host = (urlsplit(page.url).hostname or "").lower()
    if any(host == domain or host.endswith(f".{domain}") for domain in site["domains"]):
        return Finding("domain", "ok", f"{host} is one of the site's domains.")
    return Finding(
        "domain",
        "fail",
        f"{host} is none of the site's domains: its signals are refused (403).",
        f"The site has {', '.join(site['domains'])}.",
    )


def _addresses(tracker: dict[str, str], page: Page, public_url: str) -> list[Finding]:
    script = urljoin(page.url, tracker.get("src", ""))
    api = urljoin(page.url, tracker.get("data-api") or urljoin(script, "/api/sync"))
    if urlsplit(page.url).scheme == "https" and "http" in (urlsplit(script).scheme, urlsplit(api).scheme):
        return [
            Finding(
                "address",
                "fail",
                "The page is https, the Box's address in the snippet is http: browsers block it.",
                "Put TLS in front of the Box and set public_url.",
            )
        ]
    if public_url and not api.startswith(f"{public_url}/"):
        return [
            Finding(
                "address",
                "warn",
                f"Signals go to {api}, this Box is {public_url}.",
                "Right if the site forwards /api/sync itself; else paste the snippet again.",
            )
        ]
    return [Finding("address", "ok", f"Signals go to {api}."), _answers(script, tracker.get("integrity", ""))]


def _answers(script: str, integrity: str) -> Finding:
    """Whether the tracker can be fetched from where the page says it is, and is the one whose hash the page names."""
    try:
        with urllib.request.urlopen(script, timeout=TIMEOUT) as answer:  # noqa: S310
            kind: str = answer.headers.get_content_type()
            body: bytes = answer.read(MAX_BYTES)
    except (OSError, ValueError) as error:
        return Finding(
            "tracker",
            "fail",
            f"{script} cannot be fetched: {error}.",
            "Is the Box reachable from outside? `opsmantik-box doctor` on its machine.",
        )
    if "javascript" not in kind:
        return Finding(
            "tracker", "fail", f"{script} is {kind}, not a script.", "Something else answers at this address; check the proxy."
        )
    if integrity and not any(integrity_of(one.partition("-")[0], body) == one for one in integrity.split() if one[:3] == "sha"):
        advice = "Print the pinned snippet again, whole: `opsmantik-box site snippet SITE --pinned`."
        return Finding("tracker", "fail", f"{script} is not the file whose hash the page names: browsers refuse it.", advice)
    return Finding("tracker", "ok", "The tracker can be fetched.")


def _consent(tracker: dict[str, str]) -> Finding:
    state = tracker.get("data-consent")
    if state is None:
        return Finding(
            "consent",
            "warn",
            "No data-consent: treated as granted, as old snippets were.",
            "Say so on purpose: paste the snippet again.",
        )
    if state == "pending":
        return Finding("consent", "ok", "Consent is pending: nothing is sent before the page's banner grants it.")
    return Finding("consent", "ok", f"Consent is {state}.")


def _policies(tracker: dict[str, str], page: Page) -> list[Finding]:
    """What a Content-Security-Policy would block: the script itself, and sending."""
    script = urljoin(page.url, tracker.get("src", ""))
    api = urljoin(page.url, tracker.get("data-api") or urljoin(script, "/api/sync"))
    needs = (("script-src", script), ("connect-src", api))
    return [
        Finding(
            "policy",
            "fail",
            f"The page's Content-Security-Policy does not name {_origin(url)} in {directive}.",
            f"Add it to {directive}.",
        )
        for directive, url in needs
        if any(not allows(policy, directive, url, page.url) for policy in page.policies)
    ]


def _origin(url: str) -> str:
    return f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"


def allows(policy: str, directive: str, url: str, page: str) -> bool:
    """Whether one policy lets `url` through, as far as hosts decide. A nonce or a hash may allow a script besides."""
    rules = {words[0].lower(): words[1:] for part in policy.split(";") if (words := part.split())}
    sources = rules.get(directive, rules.get("default-src"))
    if sources is None:
        return True
    return any(_matches(source, urlsplit(url), _origin(page)) for source in sources)


def _matches(source: str, url: Any, own: str) -> bool:
    if source == "'self'":
        return f"{url.scheme}://{url.netloc}" == own
    if source.startswith(("'nonce-", "'sha", "'strict-dynamic")) or source in ("*", f"{url.scheme}:"):
        return True
    host = urlsplit(source if "://" in source else f"//{source}").hostname or ""
    return url.hostname == host or (host.startswith("*.") and str(url.hostname).endswith(host[1:]))
