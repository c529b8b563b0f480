"""Random chains of what a desk and a patient do to one appointment while Twilio fails; each is replayed by its seed.

Plays a chain, has it judged, and at the first that breaks tries to leave events out until the shortest one is found.
"""

import time
from collections import Counter
from dataclasses import replace

from reminder_site.domain.times import moment
from tests.campaigns.chains_deeds import Deeds
from tests.campaigns.chains_events import make_chain
from tests.campaigns.chains_judge import judge
from tests.campaigns.chains_stage import Stage, kept_errors, open_site

SHRINKS_AT_MOST = 120


def run(folder, *, seed=1, chains=300, store="sqlite", stop_at_first=True):
    """Play so many chains, one seed after the other; `errors` must be nothing. Prints what broke and the way there.

    The first that breaks is shortened and ends the run, unless `stop_at_first` is False: then all are listed.
    """
    kinds, broken, figures, began = Counter(), [], Counter(), time.monotonic()
    with open_site(folder, store) as (site, sandbox):
        for number in range(seed, seed + chains):
            chain = make_chain(number)
            story, log, found = play(site, sandbox, chain)
            figures.update(chains=1, events=len(chain.events), heard=len(story.heard))
            kinds.update({rule for rule, _ in found})
            if found:
                broken.append(f"seed {number}: {found[0][1]}")
                if stop_at_first:
                    print(report(*shrunk(site, sandbox, chain, found), whole=chain), flush=True)  # noqa: T201
                    break
                print(report(chain, (story, log, found)), flush=True)  # noqa: T201
    per_minute = round(figures["chains"] * 60 / max(time.monotonic() - began, 0.001))
    return {
        "seed": seed, "store": store, **figures, "chains_per_minute": per_minute, "rules_broken": dict(kinds),
        "errors": broken,
    }  # fmt: skip


def play(site, sandbox, chain):
    """Play one chain to its end and judge it; return the story, what was done, and what broke."""
    begins = moment(chain.begins, "America/New_York", choice="first").at
    stage = Stage(site, sandbox, begins=begins, receipts_arrive=chain.receipts_arrive, seed=chain.seed)
    log = []
    try:
        with kept_errors() as errors:
            deeds = Deeds(stage, chain.families, log)
            for event in chain.events:
                deeds.do(event)
            stage.trouble([])
            stage.wait(chain.quiet_seconds)
            story = stage.finish()
            story.errors += errors
    finally:
        stage.close()
    return story, log, judge(story)


def shrunk(site, sandbox, chain, found):
    """Leave out events one by one as long as the same rule still breaks; return the shortest chain and its outcome."""
    rule, best = found[0][0], chain
    place, tries = len(chain.events) - 1, 0
    outcome = play(site, sandbox, chain)
    while place >= 0 and tries < SHRINKS_AT_MOST:
        shorter = replace(best, events=best.events[:place] + best.events[place + 1 :])
        story, log, broke = play(site, sandbox, shorter)
        tries += 1
        if any(one == rule for one, _ in broke):
            best, outcome = shorter, (story, log, broke)
        place -= 1
    return best, outcome


def report(chain, outcome, whole=None):
    """Write down a chain that broke: its seed, what was done, what was heard, and the sentences that broke."""
    story, log, found = outcome
    came = f", {len(whole.events)} events shortened to {len(chain.events)}" if whole else ""
    lines = [f"seed {chain.seed}: {chain.families or 'one patient'}{came}, quiet for {chain.quiet_seconds} s"]
    lines += [f"    done   {line}" for line in log]
    lines += [
        f"    heard  {text.at:%a %d %H:%M:%S} #{text.turn} decided #{text.decided} {'held ' if text.held else ''}"
        f"{'too late ' if text.too_late else ''}{text.phone[-2:]} {text.words[:90]}"
        for text in story.heard
    ]
    lines += [f"    row    {row.state}{'' if row.wanted else ' unwanted'}: {row.words[:80]}" for row in story.rows]
    return "\n".join(lines + [f"    BROKE  ({rule}) {words}" for rule, words in found])
