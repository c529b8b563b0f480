"""What operators copy: units, proxies and containers that keep what docs/operating.md promises."""

import configparser
import re

import pytest

from tests.conventions.source import ROOT

UNITS = ROOT / "deploy" / "systemd"
MANUAL = (ROOT / "docs" / "operating.md").read_text()


def unit(name):
    """Read one unit; of a name that stands twice, the last counts."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read_string((UNITS / name).read_text())
    return parser["Service"]


@pytest.mark.parametrize(("name", "command", "seconds"), [("web", "web", 30), ("worker", "worker", 120)])
def test_a_service_is_started_anew_but_not_on_a_bad_setting_and_may_write_one_folder(name, command, seconds):
    service = unit(f"reminder-site-{name}.service")
    assert service["ExecStart"].endswith(f"flask --app wsgi {command}")
    assert (service["Restart"], service["RestartPreventExitStatus"]) == ("always", "2")
    assert service["TimeoutStopSec"] == str(seconds)
    assert (service["ProtectSystem"], service["StateDirectory"], service["UMask"]) == (
        "strict",
        "reminder-site",
        "0077",
    )


def test_the_worker_in_a_container_has_time_to_end_and_volumes_have_names():
    text = (ROOT / "compose.yaml").read_text()
    worker = text.partition("\n  worker:\n")[2].partition("\n\n")[0]
    assert "stop_grace_period: 120s" in worker
    volumes = text.partition("\nvolumes:\n")[2]
    assert re.findall(r"^    name: \S+$", volumes, flags=re.MULTILINE) and volumes.count("name:") == 3
    assert "POSTGRES_PASSWORD" not in re.search(r"DATABASE_URL: (.*)", text)[1]


def test_what_is_not_in_a_container_listens_on_loopback_only():
    assert "0.0.0.0" not in (ROOT / "Procfile").read_text()
    assert all("--host" not in path.read_text() for path in UNITS.iterdir())


@pytest.mark.parametrize("name", ["nginx.conf", "Caddyfile"])
def test_proxies_keep_secret_links_out_of_their_logs(name):
    text = (ROOT / "deploy" / name).read_text()
    assert "/m/" in text and "/sign-in/link/" in text
    assert f"deploy/{name}" in MANUAL
