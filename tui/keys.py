"""The keys: what each does, where it is shown, how help groups them. One table."""

from msgspec import Struct

from tui.speech import Speech


class Key(Struct, frozen=True):
    """`keys`: Textual's names, with commas; `shown`: as people write it. `name`: the catalogue's word (console.key.…). `where`: the views
    whose bottom line shows it, most useful first; every key works wherever it means something."""

    keys: str
    action: str
    shown: str
    name: str
    group: str
    where: tuple[str, ...] = ()


LEADS = ("leads",)
KEYS = (
    Key("c", "work('claim')", "c", "claim", "work", LEADS),
    Key("o", "work('outcome')", "o", "outcome", "work", LEADS),
    Key("s", "work('seal')", "s", "seal", "work", LEADS),
    Key("x", "work('junk')", "x", "junk", "work", LEADS),
    Key("r", "work('remind')", "r", "remind", "work", LEADS),
    Key("n", "work('note')", "n", "note", "work", LEADS),
    Key("u", "undo", "u", "undo", "work", LEADS),
    Key("q", "work('qualified')", "q", "qualified", "work", LEADS),
    Key("R,shift+r", "work('real')", "R", "real", "work", LEADS),
    Key("y", "work('copy')", "y", "copy", "work", LEADS),
    Key("p", "work('pick')", "p", "pick", "work"),
    Key("C,shift+c", "work('take_over')", "C", "take_over", "work", LEADS),
    Key("space", "mark", "space", "mark", "work", LEADS),
    Key("A,shift+a", "ads", "A", "ads", "list", ("leads", "numbers")),
    Key("t", "turn('t')", "t", "span", "numbers", ("numbers",)),
    Key("left", "turn('left')", "←", "earlier", "numbers", ("numbers",)),
    Key("right", "turn('right')", "→", "later", "numbers", ("numbers",)),
    Key("a", "care('acknowledge')", "a", "acknowledge", "watch", ("alerts",)),
    Key("z", "care('silence')", "z", "silence", "watch", ("alerts",)),
    Key("e", "care('retry')", "e", "retry", "watch", ("deliveries",)),
    Key("tab", "pane", "Tab", "pane", "list", LEADS),
    Key("ctrl+o", "jump", "^o", "jump", "move"),
    Key("slash", "search", "/", "search", "list"),
    Key("f", "filter", "f", "filter", "list"),
    Key("colon", "command", ":", "command", "list", LEADS),
    Key("enter", "enter", "Enter", "enter", "list", ("sites", "settings")),
    Key("m", "mute", "m", "mute", "list"),
    Key("j,down", "move('1')", "j ↓", "down", "move"),
    Key("k,up", "move('-1')", "k ↑", "up", "move"),
    Key("pagedown,ctrl+d", "move('page')", "PgDn", "page_down", "move", ("health", "help")),
    Key("pageup,ctrl+u", "move('-page')", "PgUp", "page_up", "move"),
    Key("g,home", "move('-end')", "g", "top", "move"),
    Key("G,shift+g,end", "move('end')", "G", "end", "move"),
    Key("escape", "back", "Esc", "back", "move", ("numbers", "health", "alerts", "sites", "deliveries", "help", "settings")),
    Key("comma", "settings", ",", "settings", "screens"),
    Key("ctrl+p", "app.command_palette", "^p", "palette", "screens"),
    Key("ctrl+q", "app.quit", "^q", "quit", "screens"),
    Key("question_mark", "help", "?", "help", "screens"),
)
DIGITS = tuple((str(number), f"screen({number})") for number in range(1, 10))
BINDINGS = (*((one.keys, one.action, one.name) for one in KEYS), *((key, action, "") for key, action in DIGITS))
GROUPS = ("work", "list", "move", "numbers", "watch", "screens")


def keys_of(view: str, say: Speech) -> list[tuple[str, str]]:
    """What the bottom line of a view shows; help is the last, and always there."""
    return [(one.shown, say(f"key.{one.name}")) for one in KEYS if view in one.where] + [("?", say("key.help"))]


def groups(say: Speech) -> list[tuple[str, list[tuple[str, str]]]]:
    """All keys, for help."""
    told = [(say(f"keys.{group}"), [(one.shown, say(f"key.{one.name}")) for one in KEYS if one.group == group]) for group in GROUPS]
    told[-1][1].insert(0, ("1-9", say("key.screens")))
    return told
