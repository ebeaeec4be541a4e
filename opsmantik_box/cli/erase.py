"""`opsmantik-box erase` and `privacy erasures`: a visitor's rows go, and a receipt stays."""

import sys
import time
from pathlib import Path
from typing import Any

import click

from opsmantik_box.cli.engine import Engine, engine
from opsmantik_box.cli.options import data_option, json_option
from opsmantik_box.errors import UsageError

LOOK_EVERY_SEC = 0.1
HANDED_OUT = "What was exported, or sent before, is not the Box's any more: whoever has it must erase it too."
GUESSED = "Not among it: {} visits that a call was matched with by the called number alone. If one is theirs, erase it by --session first."

Row = dict[str, Any]


@click.command()
@click.option("--site", metavar="SITE", help="Only there; default: on every site of the Box.")
@click.option("--fingerprint", metavar="ID", help="The visitor's id, `meta.fp`.")
@click.option("--phone", metavar="NUMBER", help="Who called from, or left, this number.")
@click.option("--session", metavar="ID", help="Whose visit this was.")
@click.option("--dry-run", is_flag=True, help="Only say what would be erased.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@data_option
@json_option
def erase(
    site: str | None,
    fingerprint: str | None,
    phone: str | None,
    session: str | None,
    dry_run: bool,
    yes: bool,
    data: Path,
    as_json: bool,
) -> None:
    """Erase one visitor everywhere the Box keeps them, and print a receipt.

    With - for the id or number it is read from standard input: nobody sees it in the list of processes."""
    told = {"fingerprint": fingerprint, "phone": phone, "session": session}
    given = [(kind, value) for kind, value in told.items() if value is not None]
    if len(given) != 1:
        raise UsageError(problem="Say who: one of --fingerprint, --phone, --session.")
    if as_json and not (yes or dry_run):
        raise UsageError(problem="--json asks nothing: add --yes or --dry-run.")
    kind, value = given[0]
    asked: Row = {"kind": kind, "value": sys.stdin.readline().strip() if value == "-" else value, "site": site}
    with engine(data) as box:
        if dry_run or not yes:
            _tell_what_would_go(_wait(box, box.call("find_visitor", asked)["id"]), asked, as_json)
        if dry_run or not (yes or click.confirm("Erase this for good?", err=True)):
            return
        _tell(_wait(box, box.call("erase_visitor", asked)["id"]), as_json)


def _wait(box: Engine, erasure_id: str) -> Row:
    """The receipt, when it is done. Says how far it is."""
    from opsmantik_box.cli.privacy import Progress

    say = Progress()
    try:
        while (told := box.call("read_erasure", {"id": erasure_id}))["receipt"]["state"] != "done":
            far = f"{told['looked']:,} of {told['signals']:,} signals looked at"
            say(far if told["receipt"]["state"] == "finding" else "erased; now it is scrubbed from the files")
            time.sleep(LOOK_EVERY_SEC)
    except KeyboardInterrupt:
        click.echo(
            "\nIf erasing had begun, the service or its next start finishes it: see `opsmantik-box privacy erasures`.", err=True
        )
        raise click.Abort from None
    return told["receipt"]


def _tell_what_would_go(receipt: Row, asked: Row, as_json: bool) -> None:
    from opsmantik_box.cli.output import print_json
    from opsmantik_box.domain.erasure import is_shared

    if as_json:
        print_json({name: receipt[name] for name in ("site", "kind", "tables", "guessed", "others")})
        return
    _tell_rows(receipt, "Nothing of this visitor is kept. (Erased all the same, it stays away from restored backups too.)")
    if is_shared(asked["kind"], asked["value"]):
        click.echo("This is an old tracker's fingerprint: identical phones share it. Others go with it.")
    if receipt["others"]:
        click.echo(f"The same sessions hold {receipt['others']} other fingerprints. The sessions go as a whole.")
    if receipt["guessed"]:
        click.echo(GUESSED.format(receipt["guessed"]))


def _tell(receipt: Row, as_json: bool) -> None:
    from opsmantik_box.cli.output import clean, human_time, print_json

    if as_json:
        print_json(receipt)
        return
    _tell_rows(receipt, "Nothing of this visitor was kept.")
    for one in receipt["rehashed"]:
        after = f"SHA-256 {one['after']}" if one["after"] else "to be sealed anew; `privacy erasures` shows its SHA-256 then"
        click.echo(f"months/{one['month']}.db: SHA-256 {one['before']}\n{'is now':>15}: {after}")
    where = f"on {receipt['site']}" if receipt["site"] else "on every site"
    click.echo(clean(f"Erased {where} at {human_time(receipt['done_at'])}, by {receipt['by']}."))
    click.echo(f"Receipt {receipt['id']}; keyed hash of what was asked for: {receipt['mark']}.")
    click.echo(HANDED_OUT)


def _tell_rows(receipt: Row, otherwise: str) -> None:
    from opsmantik_box.cli.output import print_table

    rows = [(file, table, count) for file, tables in receipt["tables"].items() for table, count in tables.items()]
    if rows:
        print_table(("file", "table", "rows"), rows)
    else:
        click.echo(otherwise)
