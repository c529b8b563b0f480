"""`python -m tests.campaigns`: the long forms, one after the other, and the report of what came of them."""

import argparse
import json
import platform
import sys
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from tests.campaigns import (
    audit_tampering,
    chains,
    clerks,
    dawdlers,
    desks,
    early,
    faults,
    full_disk,
    hints,
    kills,
    missed,
    named_points,
    outage,
    pauses,
    restores,
    sender,
    signatures,
    silence,
    stops,
    storms,
    tellings,
)  # fmt: skip
from tests.campaigns.figures import Figures

REPORT = Path(__file__).parents[2] / "docs" / "campaigns.md"
HEAD = """# Failure campaigns

What `make campaign` found when it was last run. The sandbox is the only source of truth: it is never killed, and at the
end of each campaign what it holds is compared, text by text, with what the site's ledger says. Every figure under
"must be nothing" has to be 0. A campaign is replayed with `python -m tests.campaigns NAME --seed SEED`.

"""
LONG = {
    "kills-sqlite": partial(kills.run, kills=1000, messages=10_000),
    "kills-postgresql": partial(kills.run, kills=1000, messages=10_000, store="postgresql"),
    "pauses": partial(pauses.run, pauses=60, messages=1200),
    "pauses-postgresql": partial(pauses.run, pauses=60, messages=1200, store="postgresql"),
    "named-points": partial(named_points.run, rounds=20),
    "faults": partial(faults.run, each=200),
    "faults-postgresql": partial(faults.run, each=200, store="postgresql"),
    "outage": partial(outage.run, messages=10_000, speed=20),
    "sender": partial(sender.run),
    "sender-postgresql": partial(sender.run, store="postgresql"),
    "restores": partial(restores.run, restores=20, messages=2000),
    "hints-lost": partial(hints.none_arrive, messages=600, seconds=120),
    "redis-emptied": partial(hints.emptied, messages=2000, times=20),
    "receipts": partial(storms.run, messages=100_000, events=1_000_000, at_once=1),
    "receipts-postgresql": partial(storms.run, messages=10_000, events=100_000, at_once=4, store="postgresql"),
    "receipts-lost": partial(silence.run, messages=1500),
    "early-receipts": partial(early.run, messages=1000, share=1.0),
    "signatures": partial(signatures.run, mutations=100_000),
    "audit": partial(audit_tampering.run, entries=10_000),
    "edits": partial(clerks.edits, pairs=200),
    "edits-postgresql": partial(clerks.edits, pairs=200, store="postgresql"),
    "submits": partial(clerks.submits, forms=100),
    "submits-postgresql": partial(clerks.submits, forms=100, store="postgresql"),
    "writers": partial(clerks.writers, seconds=60),
    "stops": partial(stops.run, patients=1000),
    "inbound": partial(missed.run, texts=10_000),
    "inbound-postgresql": partial(missed.run, texts=2000, store="postgresql"),
    "full-disk": partial(full_disk.run, points=50, messages=500),
    "chains": partial(chains.run, chains=2000),
    "chains-postgresql": partial(chains.run, chains=500, store="postgresql"),
    "tellings": partial(tellings.run, runs=300),
    "tellings-postgresql": partial(tellings.run, runs=100, store="postgresql"),
    "desks": partial(desks.run, seconds=600),
    "dawdlers": dawdlers.run,
}
MUST_BE_NOTHING = (
    "lost", "duplicated", "cancelled_but_live", "untrue", "strangers", "wrong", "accepted", "refused", "errors",
    "doubled", "ghosts", "unrecorded_creates", "decided_after_stop", "still_scheduled", "never_reached",
    "spared", "missed", "given_up", "untold", "still_paused", "too_fast", "too_late",
)  # fmt: skip
SHOWN_ELSEWHERE = {"seed", "store", "seconds", "integrity", "examples", "more", "states"}


def main():
    """Run the campaigns that were named, or all; keep the report; exit 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(LONG)}; all when none is named")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000, help="replays a campaign")
    parser.add_argument("--report", type=Path, default=REPORT)
    given = parser.parse_args()
    if unknown := set(given.names) - set(LONG):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    kept = [_run(name, given.seed, given.report) for name in given.names or LONG]
    sys.exit(0 if all(kept) else 1)


def _run(name, seed, report):
    print(f"{name}: seed {seed}", flush=True)  # noqa: T201
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="campaign-") as folder:
        try:
            found = LONG[name](Path(folder), seed=seed)
        except (AssertionError, RuntimeError) as error:
            found = {"seed": seed, "errors": [str(error)]}
    told = _flat(found) | {"seconds": round(time.monotonic() - began)}
    print(f"  {json.dumps(told, default=str)}", flush=True)  # noqa: T201
    _keep(report, name, told)
    return not _broken(told)


def _flat(found):
    """Return the figures as one plain level."""
    if isinstance(found, Figures):
        return found.as_dict() | found.more
    return dict(found)


def _broken(told):
    return [name for name in MUST_BE_NOTHING if told.get(name)] + ["integrity"] * (told.get("integrity", "ok") != "ok")


def _keep(report, name, told):
    """Put a campaign's latest figures in the report, which holds one section for each."""
    sections = _sections(report)
    zero = [
        f"{key} {len(told[key]) if isinstance(told[key], list) else told[key]}"
        for key in MUST_BE_NOTHING
        if key in told
    ]
    rest = {k: v for k, v in told.items() if k not in SHOWN_ELSEWHERE and k not in MUST_BE_NOTHING}
    store, today = told.get("store", "sqlite"), datetime.now(UTC).date()
    sections[name] = "\n".join([
        f"- {'KEPT' if not _broken(told) else 'BROKEN: ' + ', '.join(_broken(told))}",
        f"- must be nothing: {', '.join(zero)}; integrity {told.get('integrity', 'ok')}",
        f"- figures: {'; '.join(f'{key} {_plain(value)}' for key, value in rest.items())}",
        f"- seed {told['seed']}, {store}, {told['seconds']} s, Python {platform.python_version()}, {today}",
    ])  # fmt: skip
    order = [known for known in LONG if known in sections]
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(HEAD + "\n\n".join(f"## {known}\n\n{sections[known]}" for known in order) + "\n")


def _sections(report):
    if not report.exists():
        return {}
    parts = report.read_text().split("\n## ")[1:]
    return {part.partition("\n")[0].strip(): part.partition("\n")[2].strip() for part in parts}


def _plain(value):
    return ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value


if __name__ == "__main__":
    main()
