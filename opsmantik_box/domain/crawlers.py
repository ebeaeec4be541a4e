"""Who is no visitor: crawlers, headless browsers, scripts; by what a user agent says of itself. Pure; agents.py caches.

In doubt a visitor is a visitor: a crawler counted as one costs a line in a report, a visitor called a crawler costs a lead. So
lists of robots are not taken over whole: they name in-app browsers, phone brands (CUBOT) and Android builds that people have.
How the rules were chosen, with recall and false alarms beside other libraries: docs/user-agents.md.
"""

import re

NO_AGENT = "no user agent"
HEADLESS = "headless"
NO_BROWSER = "no browser"

_BROWSER = re.compile(r"Mozilla/5\.0 \((?!compatible(?!; MSIE [5-9]\.|; MSIE 10\.))|Mozilla/4\.0 \(compatible; MSIE |Opera/\d")
"""What every browser that can run a tracker begins with: anything else is a program that names itself."""

_HEADLESS = re.compile(r"headless|phantomjs|slimerjs|playwright|selenium|webdriver|puppeteer|cypress/|splash version|pingdom")

_NAMED = re.compile(
    r"(?<!cu)bots?(?![a-z])"  # Googlebot/2.1, bingbot, robots; not CUBOT's phones, not `bottle`
    r"|crawl|spider|slurp|scrap(?:er|y)|validator|favicon|sitemap|screenshot|lighthouse|pagespeed|synthetic|inspect(?:or|ion)"
    r"|transcoder|prerender|archive(?:r|\.org|team)|external(?:hit|agent)|mediapartners|apis-google|httrack|onebox|linkcheck"
    r"|link ?tiger|webcapture|wappalyzer|uripreview|bingpreview|web preview|httpclient|httpagent|nikto|outbrain|sitemonitor"
    r"|monitorss|contentscan|sqwatcher|watchagent|hotjar|-google|google(?:-(?!chrome)|agent|imageproxy|association|producer|other)"
    r"|(?:monitor(?:ing)?|checker|fetcher|scanner|analy[sz]er|auditor|resolver|watcher|optimi[sz]er|matcher|retriever|verify)\b"
)
"""Words a robot calls itself by (in lower case)."""

_OWNER = re.compile(r"https?://|www\.|@[\w-]+\.|\[at\]|\(at\)|\(java\)")
"""The address of its owner: no visitor's browser has one."""

_AROUND = re.compile(r"[\w.-]*")

_DISGUISED = re.compile(
    r"\b(ips-agent|PTST|DareBoost|Datanyze|GTmetrix|Pingdom\w*|AppInsights|ThousandEyes|Hardenize|Silktide|Foregenix"
    r"|Siteimprove|Rigor|Scope3|Collapsify|Sindup|adbeat|feeder|abuse|watchTowr|CookieHub\w*|SecurityHeaders|TestLocally"
    r"|PrintFriendly|Miniature|MarketGoo|Ghost Inspector|Manus-User|newsai|Impact\.com Agent|PS_Daily|YLT|GeedoShop\w*"
    r"|TSM-turingos|evc-batch|Criticalcss|Nitro-Optimizer\w*|PlayStore-Google|Dlc/|Readable/|BW/"
    r"|compatible; [A-Z][\w-]+(?:/[\d.]+)?\))"
)
"""Programs that pass for a browser but for one word."""


def bot_reason(user_agent: str) -> str:
    """Why this is no visitor: 'no user agent', 'headless', 'no browser', or 'crawler' and what it calls itself; '' for one."""
    if not user_agent.strip():
        return NO_AGENT
    plain = user_agent.lower()
    if _HEADLESS.search(plain):
        return HEADLESS
    found = _NAMED.search(plain)
    if found:
        return f"crawler {_name(plain, found)}".rstrip()
    if _OWNER.search(plain) or _DISGUISED.search(user_agent):
        return "crawler"
    return "" if _BROWSER.match(user_agent) else NO_BROWSER


def _name(text: str, found: re.Match[str]) -> str:
    """The word around what was found, without version: `googlebot`, `facebookexternalhit`."""
    start = found.start()
    while start > 0 and _AROUND.fullmatch(text[start - 1]):
        start -= 1
    around = _AROUND.match(text, start)
    return around[0].strip(".-_")[:32] if around else ""
