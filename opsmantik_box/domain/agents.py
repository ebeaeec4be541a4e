"""Device and browser from a user agent. Pure and cached; own rules, measured against parsers in docs/user-agents.md.

Only what a report groups by: kind of device and family of browser, no versions, no models.
"""

import re
from functools import lru_cache

from msgspec import Struct

from opsmantik_box.domain.crawlers import bot_reason

MAX_AGENT = 512
CACHED = 4_096

_TABLET = re.compile(
    r"iPad|Tablet|PlayBook|Kindle|Silk/(?!.*Mobile)|\bKF[A-Z]{2,5}\b|Nexus (?:7|9|10)\b|\bSM-[TPX]\d{3}"
    r"|Lenovo (?:TB|YT)-|MediaPad|Xiaomi Pad|Redmi Pad"
)
_SCREEN = re.compile(
    r"SMART-?TV|SmartHub|Web0S|NetCast|BRAVIA|GoogleTV|Android TV|AppleTV|\bAFT[A-Z]|CrKey|HbbTV|PlayStation|Xbox|Nintendo"
    r"|Tizen(?!.*Mobile)"
)
_MOBILE = re.compile(r"Mobile|iPhone|iPod|Windows Phone|IEMobile|BlackBerry|BB10|Opera Mini|Opera Mobi|webOS/|KAIOS")
_DESKTOP = re.compile(r"Windows NT|Macintosh|X11|CrOS|Linux|FreeBSD|Windows (?:9|2000|XP)")

_BROWSERS = (
    ("Instagram", "Instagram"),
    ("Facebook", r"FBAN|FBAV|FB_IAB|MetaIAB"),
    ("TikTok", r"musical_ly|BytedanceWebview|TikTok|trill_"),
    ("Snapchat", "Snapchat"),
    ("Pinterest", r"Pinterest/"),
    ("LinkedIn", "LinkedInApp"),
    ("X", r"Twitter(?:Android| for )"),
    ("Line", r" Line/"),
    ("WeChat", "MicroMessenger"),
    ("Google app", r"GSA/"),
    ("Samsung Internet", "SamsungBrowser"),
    ("Yandex", r"YaBrowser|YaApp|YaSearch"),
    ("Opera", r"OPR/|OPiOS|OPT/|OPX/|Opera"),
    ("Edge", r"Edg(?:A|iOS|e)?/"),
    ("Vivaldi", "Vivaldi"),
    ("DuckDuckGo", r"DuckDuckGo|Ddg/"),
    ("Brave", r"Brave"),
    ("Huawei", r"HuaweiBrowser|HBPC/"),
    ("MIUI", r"MiuiBrowser"),
    ("UC", r"UCBrowser|UCWEB|UBrowser"),
    ("Silk", r"Silk/"),
    ("Vivo", r"VivoBrowser"),
    ("Oppo", r"HeyTapBrowser"),
    ("Firefox", r"Firefox|FxiOS|Focus/"),
    ("Chrome", "CriOS"),
    ("WebView", r"; wv\)"),
    ("Chrome", r"Chrom(?:e|ium)/"),
    ("Internet Explorer", r"MSIE |Trident/"),
    ("Android", r"Android .*Version/"),
    ("Safari", r"Version/[\d.]+ .*Safari/|(?:iPhone|iPad|iPod|Macintosh).*Safari/"),
    ("WebView", r"(?:iPhone|iPad|iPod).*AppleWebKit"),
)
_FAMILIES = tuple((name, re.compile(pattern)) for name, pattern in _BROWSERS)


class Agent(Struct, frozen=True, gc=False):
    """`device`: mobile, desktop, tablet, bot, or '' (a television, a console, unreadable); `browser`: its family or '';
    `bot_reason`: why it is no visitor, '' for one."""

    device: str
    browser: str
    bot_reason: str


def read_agent(user_agent: str) -> Agent:
    """What a user agent says. An empty one is a bot: every browser sends one."""
    return _read_agent(user_agent[:MAX_AGENT])


@lru_cache(maxsize=CACHED)
def _read_agent(user_agent: str) -> Agent:
    reason = bot_reason(user_agent)
    return Agent("bot" if reason else read_device(user_agent), read_browser(user_agent), reason)


def read_device(user_agent: str) -> str:
    """An iPad says Mobile as well, an Android tablet does not: that is how they are told from telephones. (An iPad that asks for
    desktop pages calls itself a Macintosh and cannot be told.)"""
    if _SCREEN.search(user_agent):
        return ""
    if _TABLET.search(user_agent):
        return "tablet"
    if _MOBILE.search(user_agent):
        return "mobile"
    if "Android" in user_agent:
        return "tablet"
    return "desktop" if _DESKTOP.search(user_agent) else ""


def read_browser(user_agent: str) -> str:
    """The family; an app's own window counts as the app (Instagram, Facebook): that is where the visitor was."""
    return next((name for name, pattern in _FAMILIES if pattern.search(user_agent)), "")
