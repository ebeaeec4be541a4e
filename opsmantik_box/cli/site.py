"""`opsmantik-box site`: add, import, list, snippet, check, token."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from opsmantik_box.cli.engine import SiteRow, call, find_site
from opsmantik_box.cli.options import Command, config_option, data_option, json_option, settings_of
from opsmantik_box.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from opsmantik_box.snippet import Form, Snippet

MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}
FORMS = {
    "pinned": "One version for ever, with its hash (SRI).",
    "csp": "What the page's Content-Security-Policy must allow.",
    "gtm": "A Custom HTML tag for Google Tag Manager.",
    "wordpress": "A must-use plug-in, a PHP file.",
    "nginx": "Addresses of the site's own, for its nginx.",
    "caddy": "The same for Caddy.",
    "amp": "amp-analytics for AMP pages: taps only.",
}
"""As in snippet.py, which is imported when the command runs."""


def form_options(command: Command) -> Command:
    """A flag for each form of the snippet; without one it is the plain lines."""
    for form, line in reversed(FORMS.items()):
        command = click.option(f"--{form}", "form", flag_value=form, help=line)(command)
    return command


@click.group()
def site() -> None:
    """Add, list and check the tracked websites.

    Everywhere a SITE is its id, public id, domain or name."""


@site.command()
@click.argument("name")
@click.option("--domain", "domains", multiple=True, required=True, help="A host; its subdomains are included. May be repeated.")
@click.option("--timezone", default="Europe/Istanbul", show_default=True, help="The zone of the site's days.")
@click.option("--region", default="TR", show_default=True, help="How phone numbers without a country code are read.")
@click.option("--currency", default="TRY", show_default=True)
@click.option("--consent", default="pending", show_default=True, help="pending, granted, denied or limit; printed in the snippet.")
@click.option("--staging-domain", "staging_domains", multiple=True, help="Visits there are internal.")
@click.option("--internal-address", "internal_addresses", multiple=True, help="The agency's own address or network.")
@click.option("--url", help="The Box's public address, for the snippet.")
@data_option
@config_option
@json_option
def add(data: Path, config: Path | None, url: str | None, as_json: bool, **fields: Any) -> None:
    """Add a site and print its snippet."""
    from opsmantik_box.domain.site_entry import read_entry

    entry = read_entry(fields)
    public_url = known_address(url, data, config)
    row: SiteRow = call(data, "add_site", **msgspec.to_builtins(entry))
    lines = make_form("plain", snippet_of(row, public_url, settings_of(data, config).failover_url)).text if public_url else None
    if as_json:
        from opsmantik_box.cli.output import print_json

        print_json({"id": row["id"], "public_id": row["public_id"], "snippet": lines, **row})
        return
    click.echo(f"Site {row['id']} {entry.name!r} added; its public id is {row['public_id']}.")
    click.echo(f"Paste this before </head>:\n\n{lines}\n" if lines else f"Next: opsmantik-box site snippet {row['id']}")


@site.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@data_option
@json_option
def import_sites(file: Path, data: Path, as_json: bool) -> None:
    """Add the sites of a CSV or JSON FILE: all, or none when one is wrong.

    CSV has a heading line: name,domain and, if wanted, timezone, region, currency, consent, staging_domains, internal_addresses."""
    from opsmantik_box.cli.output import print_json
    from opsmantik_box.ops.site_files import read_sites

    entries = read_sites(file)
    rows: list[SiteRow] = call(data, "add_sites", sites=[msgspec.to_builtins(entry) for entry in entries])
    if as_json:
        print_json(rows)
    else:
        click.echo(f"{len(rows)} sites added. `opsmantik-box site list` shows them.")


@site.command(name="list")
@data_option
@json_option
def list_sites(data: Path, as_json: bool) -> None:
    """Every site: when it was last heard of, taps in 24 hours, tracker and arrival rate."""
    from opsmantik_box.cli.output import human_ago, print_json, print_table
    from opsmantik_box.clock import choose_clock

    rows: list[SiteRow] = call(data, "list_sites")
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo("No site yet. Add one: opsmantik-box site add NAME --domain www.example.com")
        return
    now = choose_clock()()
    headings = ("id", "name", "domains", "last signal", "taps 24 h", "tracker", "arrival rate", "public id")
    print_table(headings, [_listed(row, human_ago(row.get("last_signal_at"), now)) for row in rows])


def _listed(row: SiteRow, last: str) -> tuple[object, ...]:
    """One line of the list. A tracker that does not report itself has no version, and its arrival rate cannot be measured."""
    tracker, rate = row.get("tracker_version"), row.get("arrival_rate")
    told = f"{rate:.1%}" if isinstance(rate, float) else "not measurable"
    return (row["id"], row["name"], row["domains"], last, row.get("taps_24h", 0), tracker, told, row["public_id"])


@site.command()
@click.argument("name", metavar="SITE")
@form_options
@click.option("--cmp", is_flag=True, help='Look for the page\'s consent banner (data-cmp="auto").')
@click.option(
    "--adapters", is_flag=True, help="Count forms when their plug-in says they were sent; hear chat widgets (a second file)."
)
@click.option("--url", help="The Box's public address, like https://box.example.com; default: the setting public_url.")
@data_option
@config_option
@json_option
def snippet(
    name: str, form: str | None, cmp: bool, adapters: bool, url: str | None, data: Path, config: Path | None, as_json: bool
) -> None:
    """Print what to paste into every page of SITE, or what another place needs. Where it goes is said beside it (stderr)."""
    public_url = public_address(url, data, config)
    row, chosen = find_site(data, name), form or "plain"
    made = make_form(chosen, snippet_of(row, public_url, settings_of(data, config).failover_url, cmp=cmp, adapters=adapters))
    if as_json:
        from opsmantik_box.cli.output import print_json

        print_json({"id": row["id"], "public_id": row["public_id"], "form": chosen, "snippet": made.text, "where": made.where})
        return
    click.echo(made.where, err=True)
    click.echo(made.text.rstrip("\n"))


def snippet_of(row: SiteRow, public_url: str, failover: str, *, cmp: bool = False, adapters: bool = False) -> "Snippet":
    """What the forms of a site's snippet are made of."""
    from opsmantik_box.scripts import head_stub
    from opsmantik_box.snippet import Snippet

    return Snippet(public_url, row["public_id"], row.get("consent") or "pending", failover, cmp, adapters, head_stub())


def make_form(form: str, one: "Snippet") -> "Form":
    """Raises UsageError for `pinned` while no version was released."""
    from opsmantik_box.scripts import newest_release
    from opsmantik_box.snippet import FORMS as MAKERS
    from opsmantik_box.snippet import pinned

    return pinned(one, newest_release()) if form == "pinned" else MAKERS[form](one)


@site.command()
@click.argument("name", metavar="SITE")
@click.option("--add-domain", "add_domains", multiple=True, help="Another host of the site. May be repeated.")
@click.option("--trusted-proxy", "trusted_proxies", multiple=True, metavar="CIDR", help="All proxies of the site's own.")
@click.option("--no-trusted-proxy", "no_proxies", is_flag=True, help="The site has no proxy of its own any longer.")
@click.option("--consent", help="pending, granted, denied or limit; for snippets printed from now on.")
@data_option
@json_option
def change(
    name: str,
    add_domains: tuple[str, ...],
    trusted_proxies: tuple[str, ...],
    no_proxies: bool,
    consent: str | None,
    data: Path,
    as_json: bool,
) -> None:
    """Change a SITE: hosts it has besides, proxies whose word on visitors' addresses is believed, its consent."""
    from opsmantik_box.cli.output import print_json

    if not (add_domains or trusted_proxies or no_proxies or consent):
        raise UsageError(problem="Say what to change: --add-domain, --trusted-proxy, --no-trusted-proxy or --consent.")
    if trusted_proxies and no_proxies:
        raise UsageError(problem="Either --trusted-proxy or --no-trusted-proxy.")
    news = {"add_domains": add_domains, "trusted_proxies": trusted_proxies, "no_proxies": no_proxies, "consent": consent}
    row: SiteRow = call(data, "change_site", site=name, **news)
    if as_json:
        print_json(row)
    else:
        click.echo(f"{row['name']} is changed: {', '.join(row['domains'])}; consent {row['consent']}.")


@site.command()
@click.argument("address", metavar="URL")
@click.option("--site", "name", metavar="SITE", help="Expect this site's snippet; default: the one whose domain the URL has.")
@data_option
@config_option
@json_option
def check(address: str, name: str | None, data: Path, config: Path | None, as_json: bool) -> int:
    """Fetch a page and say what its tracker is missing. Exit code 1 when something is."""
    from opsmantik_box.cli.output import clean, print_json
    from opsmantik_box.ops.site_check import check_page

    wanted = find_site(data, name)["id"] if name else None
    rows: list[SiteRow] = [row for row in call(data, "list_sites") if wanted in (None, row["id"])]
    findings = check_page(address, rows, settings_of(data, config).public_url)
    if as_json:
        print_json(findings)
    else:
        for one in findings:
            click.echo(clean(f"{MARKS[one.state]}  {one.name}: {one.sentence}"))
            if one.advice:
                click.echo(clean(f"      -> {one.advice}"))
    return int(any(one.state == "fail" for one in findings))


@site.command()
@click.argument("name", metavar="SITE")
@click.option("--name", "label", default="relay", show_default=True, help="What the token is for.")
@data_option
@json_option
def token(name: str, label: str, data: Path, as_json: bool) -> None:
    """Make a token with which a server may send signals of SITE: no origin is asked for and no rate limit holds. Shown once."""
    from opsmantik_box.cli.output import print_json

    row: dict[str, Any] = call(data, "create_token", site=name, rights="send", name=label)
    if as_json:
        print_json(row)
    else:
        click.echo(row["token"])
        click.echo("Send it as `Authorization: Bearer …`. It is shown this once; only its hash is kept.", err=True)


def known_address(url: str | None, data: Path, config: Path | None) -> str:
    """The Box's public address from --url or the settings, or ''. Raises UsageError, ConfigError."""
    from opsmantik_box.config import public_address as parsed

    try:
        return parsed(url) if url else settings_of(data, config).public_url
    except ConfigError:
        raise
    except ValueError as error:
        raise UsageError(problem=f"--url: {error}") from None


def public_address(url: str | None, data: Path, config: Path | None) -> str:
    """The Box's public address; asked for on a terminal when it is not known. Raises UsageError saying how to set it."""
    known = known_address(url, data, config)
    if known:
        return known
    if not sys.stdin.isatty():
        todo = 'add `public_url = "https://box.example.com"` to box.toml in the data folder, or give --url https://box.example.com'
        raise UsageError(problem=f"The public address of this Box is not known, and the snippet needs it: {todo}.")
    asked = click.prompt("Public address of this Box (like https://box.example.com)", err=True)
    return known_address(asked, data, config)
