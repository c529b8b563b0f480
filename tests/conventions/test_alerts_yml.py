"""docs/alerts.yml holds the same rules for Prometheus as the site judges by itself, with the same thresholds."""

import re

import pytest
import yaml

from reminder_site.domain.alerts import RULES
from tests.conventions.source import ROOT

COMPARED = re.compile(r"(>=|<=|==|>|<)\s*([\d.]+)")
SPANS = {"s": 1, "m": 60, "h": 3_600}
LEVELS = {(rule.key, level.severity, level.measure): (rule, level) for rule in RULES for level in rule.levels}
# Prometheus knows whether texts are stopped, not since when: there the threshold is how long that has to last.
LASTS = {"stopped_seconds"}


def written():
    """Read the file's alerts by rule, severity and measure."""
    groups = yaml.safe_load((ROOT / "docs" / "alerts.yml").read_text())["groups"]
    alerts = [alert for group in groups for alert in group["rules"] if alert["labels"]["severity"] != "none"]
    keys = [(one["labels"]["rule"], one["labels"]["severity"], one["annotations"]["measure"]) for one in alerts]
    assert len(set(keys)) == len(keys)
    return dict(zip(keys, alerts, strict=True))


def for_seconds(alert):
    span = alert.get("for", "0s")
    return int(span[:-1]) * SPANS[span[-1]]


def test_every_level_of_every_rule_stands_there_and_nothing_else():
    assert set(written()) == set(LEVELS)


@pytest.mark.parametrize("key", LEVELS, ids=" ".join)
def test_names_and_thresholds_are_the_same(key):
    (rule, level), alert = LEVELS[key], written()[key]
    assert alert["annotations"]["summary"] == rule.name
    compared = {(sign, float(number)) for sign, number in COMPARED.findall(alert["expr"])}
    if level.measure in LASTS:
        assert for_seconds(alert) == level.threshold
        return
    assert (level.sign, level.threshold) in compared
    assert not level.least or (">=", level.least) in compared
    assert for_seconds(alert) == level.for_seconds
