"""Receipts that overtake the answer to their own create, as Twilio's do now and then: adopted, once."""

from tests.campaigns.world import World


def run(folder, *, seed=1, messages=100, share=0.6, store="sqlite", **world):
    """Let so many texts race, a share of them with the receipts first; return the figures."""
    with World(folder, seed=seed, store=store, **world) as trial:
        lost_answer = [{"kind": kind, "probability": 0.15} for kind in ("reset_after", "no_sid_201")]
        trial.faults(rules=lost_answer, callbacks={"early": share, "doubled": 0.3})
        trial.seed_texts(messages, {"now": 1})
        trial.settle()
        figures = trial.verdict()
        figures.more = {"early": trial.tell("GET", "/_sandbox/faults")["fired"].get("callback_early", 0)}
        return figures
