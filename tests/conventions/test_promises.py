"""Every promise in README.md names tests and campaigns that there are."""

import re
from pathlib import Path

from tests.campaigns.__main__ import LONG

ROOT = Path(__file__).parents[2]


def rows():
    """Return the promises, each as (its words, its tests, its campaigns)."""
    chapter = (ROOT / "README.md").read_text().partition("## What it promises")[2].partition("\n## ")[0]
    lines = [line for line in chapter.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_promise_is_proved_by_something_that_exists():
    named = [(re.findall(r"`([^`]+)`", tests), re.findall(r"`([^`]+)`", trials)) for _, tests, trials in rows()]
    assert len(named) == 23
    assert all(tests for tests, _ in named)
    assert [path for tests, _ in named for path in tests if not (ROOT / path).exists()] == []
    assert {trial for _, trials in named for trial in trials} <= set(LONG)


def test_every_campaign_serves_a_promise_or_is_the_same_on_the_other_database():
    named = {trial for _, _, trials in rows() for trial in re.findall(r"`([^`]+)`", trials)}
    assert {name.removesuffix("-postgresql") for name in LONG} <= {name.removesuffix("-postgresql") for name in named}
