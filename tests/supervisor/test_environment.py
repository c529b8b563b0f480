"""What `make run` gives its processes: a secret that is made once, the sandbox unless an account is named."""

import stat

import pytest

from reminder_site.config import BadSetting, Settings
from reminder_site.supervisor import environment

SECRET = "Zk3-9fQ_w7Lr2Yt8Vb5Nc1Xm6Hd4Gs0Pa"
REAL = {
    "SECRET_KEY": SECRET,
    "PUBLIC_BASE_URL": "https://remind.example",
    "TWILIO_ACCOUNT_SID": "AC" + "0b" * 16,
    "TWILIO_AUTH_TOKEN": "0c" * 16,
    "TWILIO_MESSAGING_SERVICE_SID": "MG" + "0d" * 16,
}


@pytest.fixture
def env_file(tmp_path):
    return tmp_path / ".env"


def test_a_missing_secret_is_made_once_and_kept(env_file):
    first = environment({}, env_file)["SECRET_KEY"]
    assert len(first) >= 32
    assert environment({}, env_file)["SECRET_KEY"] == first
    assert env_file.read_text().count("SECRET_KEY=") == 1


def test_the_file_with_the_secret_is_for_its_owner_alone(env_file):
    environment({}, env_file)
    assert stat.S_IMODE(env_file.stat().st_mode) == 0o600


def test_what_stands_in_the_file_is_kept_when_the_secret_is_added(env_file):
    env_file.write_text("PORT=9000\nSECRET_KEY=")
    env = environment({}, env_file)
    assert env["PORT"] == "9000"
    assert len(env["SECRET_KEY"]) >= 32


def test_a_given_secret_needs_no_file(env_file):
    assert environment({"SECRET_KEY": SECRET}, env_file)["SECRET_KEY"] == SECRET
    assert not env_file.exists()


def test_the_environment_wins_over_the_file(env_file):
    env_file.write_text("PORT=9000\n")
    assert environment({"SECRET_KEY": SECRET, "PORT": "9001"}, env_file)["PORT"] == "9001"


def test_without_an_account_everything_goes_to_the_sandbox(env_file):
    settings = Settings.from_env(environment({"SANDBOX_PORT": "9101"}, env_file))
    assert settings.uses_sandbox
    assert settings.twilio_base_url == "http://127.0.0.1:9101"
    assert settings.webhook_tokens


def test_a_stray_api_key_never_reaches_the_sandbox(env_file):
    env = environment({"SECRET_KEY": SECRET, "TWILIO_API_KEY": "SK1", "TWILIO_API_SECRET": "real"}, env_file)
    assert env["TWILIO_API_KEY"] == env["TWILIO_API_SECRET"] == ""


def test_with_an_account_there_is_no_sandbox(env_file):
    settings = Settings.from_env(environment(REAL, env_file))
    assert not settings.uses_sandbox
    assert settings.twilio_auth_token == REAL["TWILIO_AUTH_TOKEN"]


def test_an_account_together_with_the_sandbox_is_refused(env_file):
    with pytest.raises(BadSetting, match="TWILIO_BASE_URL"):
        Settings.from_env(environment({**REAL, "TWILIO_BASE_URL": "http://127.0.0.1:8001"}, env_file))


def test_the_public_address_follows_the_port(env_file):
    assert environment({"PORT": "9002"}, env_file)["PUBLIC_BASE_URL"] == "http://127.0.0.1:9002"
    named = {"PORT": "9002", "PUBLIC_BASE_URL": "https://remind.example"}
    assert environment(named, env_file)["PUBLIC_BASE_URL"] == "https://remind.example"


def test_processes_run_in_utc_and_keep_their_compiled_code(env_file):
    env = environment({"TZ": "America/Vancouver", "PYTHONDONTWRITEBYTECODE": "1"}, env_file)
    assert env["TZ"] == "UTC"
    assert "PYTHONDONTWRITEBYTECODE" not in env


def test_every_key_before_is_still_known_and_has_to_be_a_good_one():
    oldest, older = SECRET[::-1], SECRET.swapcase()
    settings = Settings.from_env({**REAL, "SECRET_KEY_PREVIOUS": f"{older}, {oldest}"})
    one_by_one = [Settings.from_env({**REAL, "SECRET_KEY": key}).keys("audit")[0] for key in (SECRET, older, oldest)]
    assert list(settings.keys("audit")) == one_by_one
    with pytest.raises(BadSetting, match="SECRET_KEY_PREVIOUS"):
        Settings.from_env({**REAL, "SECRET_KEY_PREVIOUS": f"{older},short"})
