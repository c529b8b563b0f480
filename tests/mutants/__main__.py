"""`python -m tests.mutants`: takes guards out of the code one at a time and names those that no test missed.

A guard keeps clinics apart, or is of an opt-out, state, permission, nonce, fence, audit entry, limit or row.
"""

import argparse
import random
import sys

from tests.mutants import equivalent, scope
from tests.mutants.measuring import measured
from tests.mutants.running import try_all
from tests.mutants.seen import Seen

ENOUGH_PERCENT = 97


def main():
    """Try all changes, or those that were asked for; exit 1 when too many went unnoticed, 2 when the list is stale."""
    given = _asked()
    mutations, equal, stale = equivalent.apart(scope.all_mutations(), equivalent.known())
    for entry in stale:
        say(f"STALE: equivalent.toml names what is not there any more: {entry.file}: {entry.function}: {entry.before}")
    if stale:
        sys.exit(2)
    wanted = set(scope.files(given.files))
    mutations = [m for m in mutations if m.file in wanted and (m.concern or given.everything)]
    if given.sample:
        mutations = random.Random(given.seed).sample(mutations, min(given.sample, len(mutations)))
    known = Seen(measured(stores=given.stores, say=say))
    tried = try_all(mutations, known, stores=given.stores, most=given.most, heard=_Progress(len(mutations)))
    equal = [m for m in equal if m.file in wanted and (m.concern or given.everything)] if not given.sample else []
    sys.exit(0 if report(tried, equal) >= ENOUGH_PERCENT else 1)


def _asked():
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("files", nargs="*", metavar="FILE", help="as actions/plans.py; all when none is named")
    parser.add_argument("--sample", type=int, default=0, help="try so many of them, drawn by lot")
    parser.add_argument("--seed", type=int, default=1, help="draws the same again")
    parser.add_argument("--everything", action="store_true", help="also what no promise hangs on by its name")
    parser.add_argument("--stores", action="store_true", help="ask the tests on PostgreSQL as well")
    parser.add_argument("--most", type=int, help="ask at most so many tests of each change, the likeliest; quicker")
    return parser.parse_args()


class _Progress:
    def __init__(self, count):
        self.count, self.done = count, 0

    def __call__(self, tried):
        self.done += 1
        if not tried.noticed_by:
            say(f"[{self.done}/{self.count}] {described(tried)}")
        elif self.done % 25 == 0:
            say(f"[{self.done}/{self.count}]")


def report(tried, equal):
    """Say what came of it; return the percentage that was noticed."""
    survived = [one for one in tried if not one.noticed_by]
    noticed = len(tried) - len(survived)
    percent = 100.0 * noticed / len(tried) if tried else 100.0
    say("")
    for one in survived:
        say(described(one))
    say(f"tried {len(tried) + len(equal)}, noticed {noticed}, equivalent {len(equal)}, survived {len(survived)}: "
        f"{percent:.1f} % of those that are not equivalent were noticed")  # fmt: skip
    return percent


def described(tried):
    """Describe one change that nobody noticed."""
    m = tried.mutation
    before, after = (" ".join(text.split()) for text in (m.before, m.after))
    where = f"{m.file}:{m.line} {m.function}".strip()
    return f"SURVIVED {where} ({m.concern or m.kind}, {tried.asked} tests)\n    before: {before}\n    after:  {after}"


def say(words):
    """Speak to the terminal."""
    print(words, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
