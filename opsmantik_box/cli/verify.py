"""`opsmantik-box verify`: whether everything that is stored is what it must be; and mending what is derived."""

from pathlib import Path

import click

from opsmantik_box.cli.options import data_option, json_option


@click.command()
@click.option("--site", metavar="SITE", help="Its rows only.")
@click.option("--repair", is_flag=True, help="Fold months again whose derived rows are wrong, or whose file is damaged.")
@data_option
@json_option
def verify(site: str | None, repair: bool, data: Path, as_json: bool) -> int:
    """Look at every row and file. Exit code 1 when something is wrong."""
    from opsmantik_box.cli.engine import call, engine
    from opsmantik_box.cli.jobs import follow, watch
    from opsmantik_box.cli.output import clean, print_json
    from opsmantik_box.clock import choose_clock
    from opsmantik_box.ops.box_files import find_site, list_sites
    from opsmantik_box.ops.verifying import verify as look

    found = look(data, choose_clock()(), [find_site(list_sites(data), site).id] if site else [])
    wrong = [one for one in found.audits if one.wrong]
    if as_json:
        print_json(found)
    else:
        lines = [*found.problems, *(f"site {one.site_id}: {one}" if one.site_id else str(one) for one in wrong)]
        click.echo("\n".join(map(clean, lines)) if lines else f"{len(found.audits)} audits, nothing is wrong.")
    for month in found.to_mend if repair else []:
        call(data, "rebuild_month", month=month)
        click.echo(f"{month} is folded again from the ledger.", err=True)
    if repair and any(one.kind == "summary_differs" for one in wrong):
        with engine(data) as asked:
            watch(asked, "refresh_daily_summary")  # one that runs by itself sums up what changed only
            click.echo(follow(asked, "refresh_daily_summary", {"all": True})["result"], err=True)
    if found.to_mend and not repair:
        click.echo("`opsmantik-box verify --repair` folds again what is derived from the ledger.", err=True)
    return int(bool(wrong or found.problems))
