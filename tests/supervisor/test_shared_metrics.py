"""Several web processes of one machine that share a folder answer /metrics alike, each for all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask

from reminder_site.config import BadSetting
from reminder_site.web import metrics

ROOT = Path(__file__).parents[2]
ASK = """
import sys
from reminder_site.app import create_app

client = create_app().test_client()
for _ in range(int(sys.argv[1])):
    client.get("/livez")
print(client.get("/metrics").text)
"""


def test_what_one_process_has_counted_another_tells(tmp_path):
    (tmp_path / "counts").mkdir()
    env = os.environ | {
        "SECRET_KEY": "tests-only-secret-of-more-than-thirty-two-bytes",
        "DATABASE_URL": f"sqlite:///{tmp_path}/site.db",
        "QUEUE_URL": f"sqlite:///{tmp_path}/queue.db",
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "counts"),
    }
    said = [
        subprocess.run(
            [sys.executable, "-c", ASK, times], cwd=ROOT, env=env, capture_output=True, text=True, check=True
        )
        for times in ("3", "2")
    ]
    counted = 'reminder_http_request_seconds_count{method="GET",route="health.livez",status="2xx"}'
    assert [f"{counted} {number}" in each.stdout for number, each in zip(("3.0", "5.0"), said, strict=True)] == [
        True
    ] * 2
    assert all("reminder_database_up 0.0" in each.stdout for each in said), "it has no tables, and is told as such"


def test_a_shared_folder_that_is_not_there_refuses_to_start(tmp_path, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(BadSetting, match="PROMETHEUS_MULTIPROC_DIR"):
        metrics.register(Flask("small"))
