"""What a client's web developer pastes, in the form the place needs it: a page, a tag manager, WordPress, a proxy, AMP.

Pure text, every value escaped for where it stands: HTML, JSON inside HTML, JavaScript, PHP, a proxy's configuration. The addresses and
ids it is made of are checked before (config.public_address, UUIDs): the configurations hold nothing that would need quoting.
"""

import json
from collections.abc import Callable, Mapping
from html import escape
from urllib.parse import urlsplit

from msgspec import Struct

from opsmantik_box.scripts import Script, integrity_of

SCRIPT = "/ux-core.js"
ADAPTERS = "/ux-adapters.js"
SYNC = "/api/sync"
FIRST_PARTY = "/om"
"""Where a site's own proxy takes the tracker and its signals: a word no list of blockers knows."""

GUARDS: Mapping[str, str | None] = {
    "data-cfasync": "false", "data-no-optimize": "1", "data-no-defer": "1", "data-no-minify": "1", "nowprocket": None,
}  # fmt: skip
"""Cloudflare's Rocket Loader, LiteSpeed, WP Rocket and their like leave alone what carries these."""


class Snippet(Struct, frozen=True):
    """For one site of one Box. Addresses have no slash at the end; `failover` is a relay's; `cmp`: the page's consent banner is looked
    for; `adapters`: its form plug-ins and chat widgets are heard; `stub` stands in the page before the tracker, '' for none."""

    public_url: str
    public_id: str
    consent: str
    failover: str = ""
    cmp: bool = False
    adapters: bool = False
    stub: str = ""


class Form(Struct, frozen=True):
    """What to paste, and where."""

    text: str
    where: str


def page_lines(one: Snippet, base: str | None = None, more: Mapping[str, str] | None = None, script: str = SCRIPT) -> str:
    """The stub, if there is one, and the script element. `base`: another address (or path) than the Box's own."""
    return "\n".join([*stub_lines(one), element({**attributes(one, base, script), **(more or {}), **GUARDS})])


def stub_lines(one: Snippet) -> list[str]:
    return [element(GUARDS, one.stub)] if one.stub else []


def attributes(one: Snippet, base: str | None, script: str = SCRIPT) -> dict[str, str]:
    """Of the tracker's element, in the order in which they are read."""
    there = one.public_url if base is None else base
    found = {"src": there + script, "data-site-id": one.public_id, "data-api": there + SYNC, "data-consent": one.consent}
    if one.failover:
        found["data-failover"] = one.failover + SYNC
    if one.cmp:
        found["data-cmp"] = "auto"
    if one.adapters:
        found["data-adapters"] = "on"
    return found


def element(named: Mapping[str, str | None], content: str = "") -> str:
    """A script element: `async` when it comes from somewhere."""
    words = ["<script async" if "src" in named else "<script"]
    words += [name if value is None else f'{name}="{escape(value)}"' for name, value in named.items()]
    return f"{' '.join(words)}>{content}</script>"


def plain(one: Snippet) -> Form:
    """The newest tracker, always. No hash: pages are cached for longer than a hash would fit."""
    return Form(page_lines(one), "Into every page, as high in its <head> as can be.")


def pinned(one: Snippet, release: Script) -> Form:
    """One version for ever, whose hash the browser compares."""
    more = {"integrity": release.integrity, "crossorigin": "anonymous"}
    where = f"Into every page's <head>. It stays at version {release.version} until it is replaced by a newer one."
    return Form(page_lines(one, more=more, script=f"/{release.name}"), where)


def csp(one: Snippet) -> Form:
    """The sources a Content-Security-Policy must name."""
    stub = [f"'{integrity_of('sha256', one.stub.encode())}'"] if one.stub else []
    connect = [one.public_url, *([one.failover] if one.failover else [])]
    text = f"script-src {' '.join([one.public_url, *stub])}; connect-src {' '.join(connect)}"
    return Form(text, "Add these sources to the same directives of the page's Content-Security-Policy.")


def gtm(one: Snippet) -> Form:
    """Tag Manager drops the attributes of a script element that stands in a tag: the tag makes the element itself."""
    settings = {"siteId": one.public_id, "apiUrl": one.public_url + SYNC, "consent": one.consent}
    if one.failover:
        settings["failoverApiUrl"] = one.failover + SYNC
    text = f"""<script>
(function () {{
  window.opmantikConfig = {in_script(settings)};
  var script = document.createElement('script'), named = {in_script(attributes(one, None))};
  for (var name in named) script.setAttribute(name, named[name]);
  script.async = true;
  document.head.appendChild(script);
}})();
</script>"""
    return Form(
        text, "Tag Manager: a new tag of type Custom HTML, trigger “Initialization - All Pages”, support document.write off."
    )


def in_script(value: object, indent: int | None = None) -> str:
    """A value as JSON (and JavaScript) inside a page: nothing in it ends the element."""
    return json.dumps(value, indent=indent).replace("<", "\\u003c")


def wordpress(one: Snippet) -> Form:
    """A must-use plug-in: no theme and no update removes it."""
    text = f"""<?php
/**
 * Plugin Name: OpsMantik Box
 * Description: The visits of this site, for its agency's OpsMantik Box.
 */

defined('ABSPATH') || exit;

add_action('wp_head', static function () {{
    if (is_preview() || is_customize_preview() || (function_exists('amp_is_request') && amp_is_request())) {{
        return;
    }}
    echo {in_php(page_lines(one))}, "\\n";
}}, 1);
"""
    return Form(
        text, "Save as wp-content/mu-plugins/opsmantik-box.php (make the folder if it is not there), then empty all caches."
    )


def in_php(text: str) -> str:
    """A text between single quotes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def nginx(one: Snippet) -> Form:
    """The site's own addresses for the tracker, so that no blocker takes it for a stranger."""
    host = urlsplit(one.public_url).netloc
    to_box = f"""    proxy_set_header Host {host};
    proxy_ssl_server_name on;"""
    scripts = "\n".join(
        f"location = {FIRST_PARTY}{script} {{\n    proxy_pass {one.public_url}{script};\n{to_box}\n}}"
        for script in (SCRIPT, ADAPTERS)
    )
    text = f"""{_explained(one)}
{scripts}
location = {FIRST_PARTY}{SYNC} {{
    proxy_pass {one.public_url}{SYNC};
{to_box}
    proxy_set_header X-Forwarded-For $remote_addr;
    client_max_body_size 64k;
}}
"""
    return Form(
        text, "Inside the server block of the site's nginx; then `nginx -t`, reload, and the lines at its top into every page."
    )


def caddy(one: Snippet) -> Form:
    """The same for Caddy, which tells the visitor's address by itself."""
    text = f"""{_explained(one)}
handle_path {FIRST_PARTY}/* {{
	@others not path {SCRIPT} {ADAPTERS} {SYNC}
	respond @others 404
	reverse_proxy {one.public_url} {{
		header_up Host {{upstream_hostport}}
	}}
}}
"""
    return Form(text, "Inside the site's block of its Caddyfile; then reload, and the lines at its top into every page.")


def _explained(one: Snippet) -> str:
    lines = [
        "OpsMantik Box under the site's own name. Every page then carries, in its <head>:",
        *page_lines(one, FIRST_PARTY).splitlines(),
        "The Box must know this server's address, or all visitors have it:",
        f"opsmantik-box site change {one.public_id} --trusted-proxy ADDRESS",
    ]
    return "\n".join(f"# {line}" for line in lines)


def amp(one: Snippet) -> Form:
    """Taps only: AMP runs no script of ours. All of it goes into the body, but for the first line."""
    blocked = " data-block-on-consent" if one.consent == "pending" else ""  # then AMP sends nothing before the visitor agreed
    text = f"""<script async custom-element="amp-analytics" src="https://cdn.ampproject.org/v0/amp-analytics-0.1.js"></script>
<amp-analytics{blocked}>
<script type="application/json">
{in_script(_amp_config(one), indent=2)}
</script>
</amp-analytics>"""
    where = (
        "The first line into the AMP page's <head>, the rest into its <body>; give each phone and WhatsApp link its own address again as "
        'data-vars-target="tel:+90…". Google\'s cache sends from its own host: `opsmantik-box site change` with --add-domain, '
        "like www-example-com.cdn.ampproject.org."
    )
    return Form(text, where)


def _amp_config(one: Snippet) -> dict[str, object]:
    """What amp-analytics reads. What `${…}` stands for is AMP's business."""
    whatsapp = 'a[href^="https://wa.me/"], a[href^="https://api.whatsapp.com/"], a[href^="whatsapp:"]'
    return {
        "requests": {"tap": one.public_url + SYNC},
        "transport": {"beacon": True, "xhrpost": True, "image": False, "useBody": True},
        "extraUrlParams": {
            "s": one.public_id, "u": "${sourceUrl}", "r": "${documentReferrer}", "sid": "amp-${pageViewId64}", "ec": "conversion",
            "meta": _amp_meta(one.consent),
        },
        "triggers": {"phone": _on_tap('a[href^="tel:"]', "phone_call"), "whatsapp": _on_tap(whatsapp, "whatsapp")},
    }  # fmt: skip


def _amp_meta(consent: str) -> dict[str, str]:
    """What comes after a banner came with its yes; ids only with one."""
    told = "granted" if consent == "pending" else consent
    ids = {"fp": "${clientId(opsmantik)}", "gclid": "${queryParam(gclid)}"} if told == "granted" else {}
    return ids | {"intent_stamp": "amp-${pageViewId64}-${requestCount}", "consent": told, "via": "amp"}


def _on_tap(selector: str, action: str) -> dict[str, object]:
    return {"on": "click", "selector": selector, "request": "tap", "extraUrlParams": {"ea": action, "el": "${target}"}}


FORMS: dict[str, Callable[[Snippet], Form]] = {
    "plain": plain, "csp": csp, "gtm": gtm, "wordpress": wordpress, "nginx": nginx, "caddy": caddy, "amp": amp,
}  # fmt: skip
"""`pinned` besides, which needs to know what was released."""
