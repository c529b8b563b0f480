"""What a fresh machine relies on: exact versions, the promised commands, one version number."""

import os
import re
import tomllib

import pytest

from tests.conventions.source import ROOT, modules

PIN = re.compile(r"[a-z0-9-]+(\[[a-z,]+\])?==[0-9][0-9a-z.]*")
COMMANDS = {"run", "worker", "test", "lint", "bench", "campaign", "bootstrap", "clean"}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-scale.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_exactly(name):
    lines = [line.strip() for line in (ROOT / name).read_text().splitlines()]
    assert not [line for line in lines if line and not line.startswith(("#", "-r ")) and not PIN.fullmatch(line)]


def test_every_promised_command_is_made_and_explained():
    explained = set(re.findall(r"^([a-z]+):.*## \S", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert explained >= COMMANDS


def test_the_ci_script_can_be_run():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_version_is_the_same_everywhere():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)[1] == version
    assert f"image: reminder-site:{version}\n" in (ROOT / "compose.yaml").read_text()


def test_secrets_and_databases_stay_out_of_the_repository_and_the_image():
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {".env", "instance/"} <= set(ignored)
    assert (ROOT / ".dockerignore").read_text().startswith("*\n")


def test_there_is_something_to_check():
    assert len(modules("reminder_site")) > 20


def test_every_test_the_readme_names_as_a_proof_is_there():
    named = set(re.findall(r"`(tests/[\w/]+(?:\.py|/))`", (ROOT / "README.md").read_text()))
    assert named
    assert not {name for name in named if not (ROOT / name).exists()}
