"""Every setting has its line in README.md and in .env.example, and nothing stands there that the site does not read."""

import re
from dataclasses import fields

import pytest
from dotenv import dotenv_values

from reminder_site.config import BadSetting, Settings
from tests.conventions.source import ROOT

NAMES = {field.name.upper() for field in fields(Settings)}
EXAMPLE = ROOT / ".env.example"
CELL_NAME = re.compile(r"`([A-Z][A-Z0-9_]+)`")


def readme_names():
    """Name the settings in the first column of the README's settings table."""
    chapter = (ROOT / "README.md").read_text().partition("## Settings")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in chapter.splitlines() if line.startswith("|")]
    return {name for cell in rows for name in CELL_NAME.findall(cell)}


def test_the_readme_lists_exactly_the_settings():
    if not (ROOT / "README.md").exists():
        pytest.skip("README.md is not written yet")
    assert readme_names() == NAMES


def test_the_example_file_lists_exactly_the_settings():
    written = set(re.findall(r"^#?\s?([A-Z][A-Z0-9_]+)=", EXAMPLE.read_text(), flags=re.MULTILINE))
    assert written == NAMES


def test_every_line_of_the_example_file_is_explained():
    lines = EXAMPLE.read_text().splitlines()
    setting = re.compile(r"#?\s?[A-Z][A-Z0-9_]+=")
    groups = "\n".join(lines).split("\n\n")
    assert all(group.startswith("# ") and not setting.match(group) for group in groups)


def test_the_example_key_is_refused():
    with pytest.raises(BadSetting, match="SECRET_KEY"):
        Settings.from_env(dotenv_values(EXAMPLE))
