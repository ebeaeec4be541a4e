"""Who is no visitor: crawlers, headless browsers, scripts. By what a user agent says of itself. Pure; agents.py caches.

In doubt a visitor is a visitor: a crawler counted as one costs a line in a report, a visitor called a crawler costs a lead. So lists
of robots are not taken over whole: they name in-app browsers, phone brands (CUBOT) and Android builds that people really have.
How the rules were chosen, with recall and false alarms beside other libraries: docs/user-agents.md.
"""

import re

NO_AGENT = "no user agent"
HEADLESS = "headless"
NO_BROWSER = "no browser"

_BROWSER = re.compile(r"Mozilla/5\.0 \((?!compatible(?!; MSIE [5-9]\.|; MSIE 10\.))|Mozilla/4\.0 \(compatible; MSIE |Opera/\d")
"""What every browser that can run a tracker begins with: anything else is a program that names itself."""

_HEADLESS = re.compile(r"headless|phantomjs|slimerjs|playwright|selenium|webdriver|puppeteer|cypress/|electron/[\d.]+ .*pingdom|splash version",
                       re.IGNORECASE)  # fmt: skip

_NAMED = re.compile(
    r"(?<![a-z])(?!cubot)([\w.-]*bots?(?![a-z])[\w.-]*)"  # Googlebot/2.1, bingbot, robot, Bot; not CUBOT's phones, not `bottle`
    r"|([\w.-]*(?:crawl|spider|slurp|scrap(?:er|y)|validator|favicon|sitemap|screenshot|lighthouse|pagespeed|synthetic|inspect(?:or|ion)"
    r"|transcoder|prerender|archiv(?:er|e\.org|eteam)|externalhit|externalagent|mediapartners|apis-google|httrack|onebox|linkcheck"
    r"|link ?tiger|webcapture|wappalyzer|uripreview|bingpreview|web preview|httpclient|httpagent|nikto|outbrain|google-(?!chrome)|google(?:agent|imageproxy|association|producer|other)|-google)[\w.-]*)"
    r"|\b((?:\w+[ _-])?(?:monitor(?:ing)?|checker|fetcher|scanner|analy[sz]er|auditor|resolver|watcher|optimi[sz]er|matcher|retriever|verify))\b"
    r"|(https?:)//|(\(java\)|sitemonitor|monitorss|contentscan|sqwatcher|watchagent|hotjar)|(\+?www\.)|(@)[\w-]+\.|(\[at\]|\(at\))",
    re.IGNORECASE,
)
"""Words a robot calls itself by, and the address of its owner: no browser of a visitor has one."""

_DISGUISED = re.compile(
    r"\b(ips-agent|PTST|DareBoost|Datanyze|GTmetrix|Pingdom\w*|AppInsights|ThousandEyes|Hardenize|Silktide|Foregenix|Siteimprove|Rigor|Scope3"
    r"|Collapsify|Sindup|adbeat|feeder|abuse|watchTowr|CookieHub\w*|SecurityHeaders|TestLocally|PrintFriendly|Miniature|MarketGoo|Ghost Inspector"
    r"|Manus-User|newsai|Impact\.com Agent|PS_Daily|YLT|GeedoShop\w*|TSM-turingos|evc-batch|Criticalcss|Nitro-Optimizer\w*|PlayStore-Google"
    r"|Dlc/|Readable/|BW/|compatible; [A-Z][\w-]+(?:/[\d.]+)?\))",
)
"""Programs that pass for a browser but for one word."""


def bot_reason(user_agent: str) -> str:
    """Why this is no visitor: 'no user agent', 'headless', 'no browser', or 'crawler' and what it calls itself; '' for a visitor."""
    if not user_agent.strip():
        return NO_AGENT
    if _HEADLESS.search(user_agent):
        return HEADLESS
    found = _NAMED.search(user_agent) or _DISGUISED.search(user_agent)
    if found:
        return f"crawler {_name(found)}".rstrip()
    return "" if _BROWSER.match(user_agent) else NO_BROWSER


def _name(found: re.Match[str]) -> str:
    """Lower case, without version; '' when only an address gave it away."""
    word = next((group for group in found.groups() if group), "").lower().partition("/")[0]
    name = re.sub(r"[^a-z0-9. _-]", "", word).strip(" .-_")[:32]
    return "" if name in ("http", "https", "www", "at") else name
