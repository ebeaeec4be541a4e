from pathlib import Path

import pytest

from opsmantik_box.config import SECRETS, Settings, assemble, load, read_sources, setting_types, variable
from opsmantik_box.errors import ConfigError

ROOT = Path(__file__).parents[2]


def written(folder: Path, text: str) -> Path:
    (folder / "box.toml").write_text(text)
    return folder


def refusal(data: Path, environment: dict[str, str] | None = None, chosen: Path | None = None) -> str:
    with pytest.raises(ConfigError) as error:
        load(data, chosen, environment or {})
    assert error.value.exit_code == 2
    return str(error.value)


def test_without_a_file_and_without_variables_the_defaults_hold(tmp_path):
    assert load(tmp_path, None, {}) == Settings()


def test_the_file_the_environment_and_the_credentials_win_in_this_order(tmp_path):
    written(tmp_path, 'public_url = "https://file.example"\nport = 1000\ncron_secret = "from the file, long enough"\n')
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "cron_secret").write_text("from a credential, long enough\n")
    environment = {
        "OPSMANTIK_PORT": "2000",
        "OPSMANTIK_CRON_SECRET": "from the environment",
        "CREDENTIALS_DIRECTORY": str(credentials),
    }
    sourced = {one.key: one for one in read_sources(tmp_path, None, environment)}
    assert sourced["public_url"].source == str(tmp_path / "box.toml")
    assert (sourced["port"].value, sourced["port"].source) == (2000, "environment OPSMANTIK_PORT")
    assert sourced["cron_secret"].value == "from a credential, long enough"
    assert sourced["cron_secret"].source == "credential cron_secret"
    assert sourced["workers"].source == "default"


def test_every_setting_can_be_given_in_the_environment():
    names = {variable(key) for key in setting_types()}
    assert len(names) == len(setting_types())
    assert "OPSMANTIK_RATES_SESSION_PER_MINUTE" in names


def test_lists_in_the_environment_are_separated_by_commas(tmp_path):
    environment = {"OPSMANTIK_ALLOWED_ORIGINS": "A.example, b.example", "OPSMANTIK_TRUSTED_PROXIES": "10.0.0.0/8,192.0.2.7"}
    settings = load(tmp_path, None, environment)
    assert settings.allowed_origins == ("a.example", "b.example")
    assert settings.trusted_proxies == ("10.0.0.0/8", "192.0.2.7/32")


def test_an_unknown_key_is_refused_with_its_file_line_and_a_guess(tmp_path):
    said = refusal(written(tmp_path, "port = 8787\n\nprot = 1\n"))
    assert str(tmp_path / "box.toml") in said
    assert "prot (line 3)" in said
    assert "port" in said.split("did you mean")[1]


def test_an_unknown_key_in_a_table_is_named_with_its_table(tmp_path):
    assert "rates.session_per_hour (line 2)" in refusal(written(tmp_path, "[rates]\nsession_per_hour = 1\n"))


def test_an_unknown_table_is_refused(tmp_path):
    assert "limits (line 1)" in refusal(written(tmp_path, "[limits]\nx = 1\n"))


@pytest.mark.parametrize("text", ["port = \n", "port = 1\nport = 2\n", "= 3\n", 'public_url = "x\n'])
def test_broken_toml_is_refused_with_its_line(tmp_path, text):
    said = refusal(written(tmp_path, "# a comment\n" + text))
    assert "box.toml: line " in said


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('port = "8787"', "port (line 1)"),
        ("port = 70000", "port (line 1)"),
        ("workers = 0", "workers (line 1)"),
        ('walls = "paper"', "walls (line 1)"),
        ('public_url = "box.example.com"', "public_url (line 1)"),
        ('public_url = "https://box.example.com/path"', "public_url (line 1)"),
        ('public_url = "ftp://box.example.com"', "public_url (line 1)"),
        ('allowed_origins = ["https://a.example"]', "allowed_origins (line 1)"),
        ('allowed_origins = ["*.a.example"]', "allowed_origins (line 1)"),
        ('trusted_proxies = ["10.0.0.1/8"]', "trusted_proxies (line 1)"),
        ('cron_secret = "short"', "cron_secret (line 1)"),
        ("rates.session_per_minute = 0", "rates.session_per_minute"),
        ("rates = 3", "rates (line 1)"),
    ],
)
def test_a_wrong_value_is_refused_with_file_and_key(tmp_path, text, key):
    said = refusal(written(tmp_path, text + "\n"))
    assert said.startswith(f"{tmp_path / 'box.toml'}: {key}")


def test_a_wrong_variable_is_named(tmp_path):
    assert refusal(tmp_path, {"OPSMANTIK_WORKERS": "many"}).startswith("environment: OPSMANTIK_WORKERS: ")
    assert "OPSMANTIK_PORT" in refusal(tmp_path, {"OPSMANTIK_PROT": "1"}).split("did you mean")[1]


def test_variables_of_tests_and_of_places_are_no_settings(tmp_path):
    environment = {"OPSMANTIK_DATA": "/somewhere", "OPSMANTIK_TEST_CLOCK": "/tmp/x", "HOME": "/"}
    assert load(tmp_path, None, environment) == Settings()


def test_a_file_that_was_asked_for_must_exist(tmp_path):
    assert "does not exist" in refusal(tmp_path, chosen=tmp_path / "other.toml")
    assert "does not exist" in refusal(tmp_path, {"OPSMANTIK_CONFIG": str(tmp_path / "other.toml")})


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "box.toml").write_bytes(b"\xff\xfe")
    assert "cannot be read" in refusal(tmp_path)


def test_a_secret_is_never_shown(tmp_path):
    secret = "correct horse battery staple"
    key = "5e" * 32
    address = f"https://hc-ping.example/{key}"
    told = {"OPSMANTIK_CRON_SECRET": secret, "OPSMANTIK_BACKUP_S3_SECRET_KEY": secret, "OPSMANTIK_BACKUP_KEY": key}
    told |= {"TELEGRAM_BOT_TOKEN": secret, "OPSMANTIK_EMAIL_PASSWORD": secret, "OPSMANTIK_NOTIFY_DEADMAN_URL": address}
    sourced = read_sources(tmp_path, None, told)
    assert all(key not in str(one.shown()) for one in sourced)
    assert all(secret not in str(one.shown()) for one in sourced)
    assert secret not in repr(assemble(sourced))
    assert {one.key for one in sourced if one.shown() == "(set)"} == SECRETS


def test_a_secret_that_is_refused_is_not_repeated(tmp_path):
    assert "hunter2" not in refusal(tmp_path, {"OPSMANTIK_CRON_SECRET": "hunter2"})


def test_what_others_call_some_settings_counts_and_our_own_name_before_it(tmp_path):
    """In the environment, and as systemd's credentials."""
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "telegram_bot_token").write_text("123:from a credential\n")
    told = {"TELEGRAM_CHAT_ID": "-1", "CRON_SECRET": "theirs, long enough", "OPSMANTIK_CRON_SECRET": "ours, and long enough"}
    settings = load(tmp_path, None, told | {"CREDENTIALS_DIRECTORY": str(credentials)})
    assert (settings.telegram.chat_id, settings.telegram.bot_token) == ("-1", "123:from a credential")
    assert settings.cron_secret == "ours, and long enough"


def test_an_address_loses_its_slash_at_the_end(tmp_path):
    assert load(tmp_path, None, {"OPSMANTIK_PUBLIC_URL": "https://Box.Example.com/"}).public_url == "https://box.example.com"


def test_settings_cannot_be_changed():
    with pytest.raises(AttributeError):
        Settings().port = 1  # type: ignore[misc]


def test_every_setting_is_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    missing = [key for key in setting_types() if f"`{key.split('.')[-1]}`" not in readme]
    assert not missing
