"""A change of keys goes in three steps, each only when it is its turn."""

import pytest

from reminder_site.domain.key_ring import NotNow, prepare, retire, switch

OLD, NEW, SEAL = "o" * 40, "n" * 40, "ab" * 32
BEFORE = {"SECRET_KEY": OLD, "AUDIT_KEYS_RETIRED": "cd" * 32}


def test_the_next_key_is_known_before_it_is_used_and_the_old_one_afterwards():
    known = BEFORE | prepare(BEFORE, NEW)
    assert (known["SECRET_KEY"], known["SECRET_KEY_NEXT"]) == (OLD, NEW)
    known |= switch(known)
    assert (known["SECRET_KEY"], known["SECRET_KEY_PREVIOUS"], known["SECRET_KEY_NEXT"]) == (NEW, OLD, "")
    known |= retire(known, SEAL)
    assert known["SECRET_KEY_PREVIOUS"] == "" and known["AUDIT_KEYS_RETIRED"] == "cd" * 32 + "," + SEAL


@pytest.mark.parametrize(
    ("step", "known"),
    [
        (lambda known: prepare(known, NEW), BEFORE | {"SECRET_KEY_NEXT": NEW}),
        (lambda known: prepare(known, NEW), BEFORE | {"SECRET_KEY_PREVIOUS": NEW}),
        (switch, BEFORE),
        (lambda known: retire(known, SEAL), BEFORE | {"SECRET_KEY_NEXT": NEW}),
    ],
)
def test_no_step_is_taken_before_its_turn(step, known):
    with pytest.raises(NotNow):
        step(known)
