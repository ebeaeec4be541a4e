"""What the owner can set: one frozen `Settings`, read once by the command line and passed on.

Order, the later wins: the built-in default, the TOML file (DATA/box.toml or --config), the environment (OPSMANTIK_…), systemd
credentials ($CREDENTIALS_DIRECTORY). A value that cannot be read names the file, the key, the line and what to do. Never imported
by engine, gateway or domain; never writes; a secret is never printed.
"""

import difflib
import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_type_hints
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from opsmantik_box.domain.backups import Backup
from opsmantik_box.errors import ConfigError, UsageError

PREFIX = "OPSMANTIK_"
FILE_NAME = "box.toml"
SECRETS = frozenset({
    "cron_secret", "backup.key", "backup.s3_secret_key", "telegram.bot_token", "email.password", "notify.deadman_url",
})  # fmt: skip
ALSO = {"TELEGRAM_BOT_TOKEN": "telegram.bot_token", "TELEGRAM_CHAT_ID": "telegram.chat_id", "CRON_SECRET": "cron_secret"}
"""Names that some settings have in the environment besides their own, as others know them."""
NOT_SETTINGS = ("OPSMANTIK_DATA", "OPSMANTIK_CONFIG")
"""Names that begin like a setting and are none: where the folder and the file are."""
TEST_PREFIX = "OPSMANTIK_TEST_"

Count = Annotated[int, Meta(ge=1, le=10_000_000)]


class Rates(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of `/api/sync`, a minute. Source: wire.md, "Rate limit"."""

    session_per_minute: Count = 100
    address_per_minute: Count = 1000
    signals_per_minute: Count = 600


class Lag(Struct, frozen=True, forbid_unknown_fields=True):
    """How far the month files may be behind the ledger before new signals are asked to come later (503 + Retry-After)."""

    signals: Count = 20_000
    queue_signals: Count = 20_000
    queue_bytes: Annotated[int, Meta(ge=1_048_576, le=1_073_741_824)] = 32 * 1024 * 1024


class Notify(Struct, frozen=True, forbid_unknown_fields=True):
    """What is told to people on every lane of messages. `level`: from which on alerts are; `hot_score`: from which on intents are (0:
    none); `daily_hour`: when the day before is summed up (-1: never); times are by the clocks of `timezone`; `personal`: messages may
    hold pages."""

    level: Literal["info", "warning", "alarm"] = "alarm"
    hot_score: Annotated[int, Meta(ge=0, le=100)] = 0
    daily_hour: Annotated[int, Meta(ge=-1, le=23)] = -1
    timezone: str = "Europe/Istanbul"
    personal: bool = False
    deadman_url: str = ""
    allowed_networks: tuple[str, ...] = ()


class Telegram(Struct, frozen=True, forbid_unknown_fields=True):
    """A bot and the chat it writes to."""

    bot_token: str = ""
    chat_id: str = ""
    api_url: str = "https://api.telegram.org"


class Email(Struct, frozen=True, forbid_unknown_fields=True):
    """Where mail is handed in, from whom and to whom. Without a host there is no mail."""

    host: str = ""
    port: Annotated[int, Meta(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: str = ""
    sender: str = ""
    recipients: tuple[str, ...] = ()


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that can be set. An empty `public_url` means: not told yet. Hosts are lower case, networks in CIDR notation."""

    public_url: str = ""
    failover_url: str = ""
    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8787
    workers: Annotated[int, Meta(ge=1, le=64)] = 1
    allowed_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    walls: Literal["auto", "landlock", "uid", "none"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    cron_secret: str = ""
    rates: Rates = Rates()
    lag: Lag = Lag()
    backup: Backup = Backup()
    notify: Notify = Notify()
    telegram: Telegram = Telegram()
    email: Email = Email()

    def __repr__(self) -> str:
        """Without values: settings hold a secret, and a log line may hold settings."""
        return "Settings(…)"


class Sourced(Struct, frozen=True):
    """One setting: `key` with dots, its value and the place that decided it."""

    key: str
    value: object
    source: str

    def shown(self) -> object:
        """The value as it may be printed."""
        if self.key not in SECRETS:
            return self.value
        return "(set)" if self.value else "(not set)"


class Raw(Struct, frozen=True):
    """A value before it was checked. `file` and `place` are what an error names: the file, and key and line, or the variable."""

    value: object
    file: str
    place: str
    source: str
    strict: bool = True


def setting_types() -> dict[str, Any]:
    """Type of each setting by its dotted key, in the order of declaration."""
    found: dict[str, Any] = {}
    for name, kind in get_type_hints(Settings, include_extras=True).items():
        if isinstance(kind, type) and issubclass(kind, Struct):
            inner = get_type_hints(kind, include_extras=True)
            found.update({f"{name}.{key}": inner[key] for key in kind.__struct_fields__})
        else:
            found[name] = kind
    return found


def variable(key: str) -> str:
    """The environment's name of a setting: `rates.session_per_minute` is OPSMANTIK_RATES_SESSION_PER_MINUTE."""
    return PREFIX + key.upper().replace(".", "_")


def config_file(data: Path, chosen: Path | None, environment: Mapping[str, str]) -> Path:
    """Where the settings are read from: --config, else $OPSMANTIK_CONFIG, else DATA/box.toml (which need not exist)."""
    told = environment.get("OPSMANTIK_CONFIG")
    return chosen or (Path(told) if told else data / FILE_NAME)


def load(data: Path, chosen: Path | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings in force. Raises ConfigError for the first value that cannot be used."""
    return assemble(read_sources(data, chosen, environment))


def read_sources(data: Path, chosen: Path | None, environment: Mapping[str, str]) -> list[Sourced]:
    """Every setting with its value and where it came from. Raises ConfigError."""
    file = config_file(data, chosen, environment)
    must_exist = chosen is not None or "OPSMANTIK_CONFIG" in environment
    raw = from_toml(file, must_exist) | from_environment(environment) | from_credentials(environment)
    defaults = Settings()
    return [
        Sourced(key, checked(key, kind, raw[key]), raw[key].source) if key in raw else Sourced(key, pick(defaults, key), "default")
        for key, kind in setting_types().items()
    ]


def assemble(sourced: list[Sourced]) -> Settings:
    """One Settings from its checked values."""
    tree: dict[str, Any] = {}
    for one in sourced:
        *above, name = one.key.split(".")
        (tree.setdefault(above[0], {}) if above else tree)[name] = one.value
    return msgspec.convert(tree, Settings)


def pick(settings: Settings, key: str) -> object:
    """The value behind a dotted key."""
    value: object = settings
    for name in key.split("."):
        value = getattr(value, name)
    return value


# --- the three places -------------------------------------------------------------------------------------------------------------


def from_toml(file: Path, must_exist: bool) -> dict[str, Raw]:
    """The file's values by dotted key. Raises ConfigError for an unreadable file, broken syntax and unknown keys."""
    text = read_text(file, must_exist)
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"line (\d+)", str(error))
        line = f"line {where[1]}" if where else "the last line"
        raise ConfigError(file=file, key=line, problem=f"this is not TOML ({error}). Correct the line and start again.") from None
    return {key: Raw(value, str(file), at_line(text, key), str(file)) for key, value in flatten(tree, file, text).items()}


def read_text(file: Path, must_exist: bool) -> str:
    """The file, or '' when there is none and none was asked for."""
    try:
        return file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        if not must_exist:
            return ""
        raise ConfigError(
            file=file, key="(the file)", problem="it does not exist. Correct the path, or leave --config out."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            file=file, key="(the file)", problem=f"it cannot be read ({error}). Make it a readable UTF-8 file."
        ) from None


def flatten(tree: dict[str, Any], file: Path, text: str) -> dict[str, object]:
    """Tables of one level to dotted keys. Raises ConfigError for a key that is no setting."""
    known = setting_types()
    flat: dict[str, object] = {}
    for name, value in tree.items():
        inside = (
            {f"{name}.{key}": one for key, one in cast("dict[str, Any]", value).items()} if is_table(name, value) else {name: value}
        )
        for key, one in inside.items():
            if key not in known:
                problem = f"there is no such setting{nearest(key, known)}. `opsmantik-box config show` lists all."
                raise ConfigError(file=file, key=at_line(text, key), problem=problem)
            flat[key] = one
    return flat


def is_table(name: str, value: object) -> bool:
    """Whether the file gives a table where the settings have one."""
    return isinstance(value, dict) and any(key.startswith(f"{name}.") for key in setting_types())


def nearest(name: str, known: Mapping[str, object]) -> str:
    """A guess at what was meant, in brackets."""
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def at_line(text: str, key: str) -> str:
    """`key (line N)` when the key stands at the beginning of a line, as it usually does."""
    pattern = re.compile(rf"\s*[\"']?{re.escape(key.rpartition('.')[2])}[\"']?\s*=|\s*\[{re.escape(key)}\]")
    line = next((n for n, one in enumerate(text.splitlines(), 1) if pattern.match(one)), None)
    return f"{key} (line {line})" if line else key


def from_environment(environment: Mapping[str, str]) -> dict[str, Raw]:
    """Values of OPSMANTIK_… variables and of those in ALSO; lists are separated by commas. Raises ConfigError for a variable that is no
    setting."""
    names = {variable(key): key for key in setting_types()} | ALSO
    found: dict[str, Raw] = {}
    for name, text in sorted(environment.items(), key=lambda one: one[0].startswith(PREFIX)):  # the last one counts: ours
        if name in NOT_SETTINGS or name.startswith(TEST_PREFIX) or not (name.startswith(PREFIX) or name in ALSO):
            continue
        if name not in names:
            problem = f"there is no such setting{nearest(name, names)}. Unset it."
            raise ConfigError(file="environment", key=name, problem=problem)
        found[names[name]] = Raw(as_value(names[name], text), "environment", name, f"environment {name}", strict=False)
    return found


def from_credentials(environment: Mapping[str, str]) -> dict[str, Raw]:
    """Settings that systemd hands over as files named like the key (LoadCredential=cron_secret:…) or as in ALSO. Others are not ours."""
    folder = environment.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return {}
    names = {key: key for key in setting_types()} | ALSO | {name.lower(): key for name, key in ALSO.items()}
    files = {key: Path(folder) / name for name, key in names.items() if (Path(folder) / name).is_file()}
    return {
        key: Raw(as_value(key, read_text(file, must_exist=True).strip()), str(file), key, f"credential {key}", strict=False)
        for key, file in files.items()
    }


def as_value(key: str, text: str) -> object:
    """A text as the setting wants it: a list is separated by commas."""
    if not isinstance(pick(Settings(), key), tuple):
        return text
    return [part.strip() for part in text.split(",") if part.strip()]


# --- what a value must be ---------------------------------------------------------------------------------------------------------


def checked(key: str, kind: Any, raw: Raw) -> object:
    """The value in the setting's type and canonical form. Raises ConfigError."""
    try:
        value = msgspec.convert(raw.value, kind, strict=raw.strict)
        return RULES[key](value) if key in RULES else value
    except (msgspec.ValidationError, ValueError) as error:
        # the value itself is left out for secrets; msgspec's message never holds it
        raise ConfigError(file=raw.file, key=raw.place, problem=f"{error}. Correct it, or remove it to have the default.") from None


def public_address(text: str) -> str:
    """Scheme and host of the address under which browsers reach the Box (or a relay), without a slash at the end. Raises ValueError."""
    if not text:
        return ""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{text!r} is no address; write it like https://box.example.com")
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise ValueError(f"{text!r} must be scheme and host only, like https://box.example.com")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def bare_host(text: str) -> str:
    """A host without scheme, port or path. Raises ValueError."""
    host = text.strip().lower().rstrip(".")
    if not host or re.search(r"[/:@\s*]", host):
        raise ValueError(f"{text!r} is no host; write it like www.example.com, its subdomains are included")
    return host


def hosts(names: tuple[str, ...]) -> tuple[str, ...]:
    """Every one a bare host. Raises ValueError."""
    return tuple(bare_host(name) for name in names)


def networks(names: tuple[str, ...]) -> tuple[str, ...]:
    """Every one a network in CIDR notation. Raises ValueError."""
    try:
        return tuple(str(ipaddress.ip_network(name)) for name in names)
    except ValueError as error:
        raise ValueError(f"{error}; write networks like 10.0.0.0/8 or 192.0.2.7/32") from None


def known_zone(name: str) -> str:
    """A time zone there is. Raises ValueError."""
    from opsmantik_box.domain.days import zone

    zone(name)
    return name


def outside_address(text: str) -> str:
    """An address of the outside world, in full. Raises ValueError, which does not quote it: it may hold a secret."""
    from opsmantik_box.domain.outside import read_place

    try:
        if text:
            read_place(text)
    except UsageError as error:
        raise ValueError(str(error)) from None
    return text


def long_enough(secret: str) -> str:
    """A secret that cannot be guessed. Raises ValueError."""
    if secret and len(secret) < 16:
        raise ValueError("a secret needs at least 16 characters (`openssl rand -hex 24` makes one)")
    return secret


def a_key(text: str) -> str:
    """32 bytes in hexadecimal. Raises ValueError."""
    if text and not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise ValueError("a key has 64 hexadecimal digits (`openssl rand -hex 32` makes one)")
    return text.lower()


def an_account(text: str) -> str:
    """user@host:path. Raises ValueError."""
    if text and not re.fullmatch(r"[^\s:@/-][^\s:@/]*@[^\s:@/-][^\s:@/]*:[^\s]+", text):
        raise ValueError(f"{text!r} is no account; write it like box@backup.example.com:backups/box")
    return text


def an_endpoint(text: str) -> str:
    """Scheme and host of an S3 service. Raises ValueError."""
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query):
        raise ValueError(f"{text!r} is no address; write it like https://s3.eu-central-1.amazonaws.com")
    return text.rstrip("/")


RULES: dict[str, Any] = {
    "public_url": public_address,
    "failover_url": public_address,
    "allowed_origins": hosts,
    "trusted_proxies": networks,
    "cron_secret": long_enough,
    "backup.key": a_key,
    "backup.ssh": an_account,
    "backup.s3_url": an_endpoint,
    "notify.timezone": known_zone,
    "notify.deadman_url": outside_address,
    "notify.allowed_networks": networks,
    "telegram.api_url": outside_address,
}
"""What a setting must be beyond its type."""
