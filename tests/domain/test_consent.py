"""Who may be texted: each refusal by itself, and the first of several."""

import pytest

from reminder_site.domain import consent
from reminder_site.domain.consent import Standing, why_not

FINE = {"phone_e164": "+12125550142", "opted_out": False, "flag": "", "agreed": True}


def test_somebody_with_a_good_number_who_agreed_may_be_texted():
    assert why_not(Standing(**FINE)) is None


@pytest.mark.parametrize(
    ("so", "words"),
    [
        ({"phone_e164": ""}, consent.NO_NUMBER),
        ({"opted_out": True}, consent.OPTED_OUT),
        ({"flag": "unreachable"}, consent.CANNOT_BE_TEXTED),
        ({"flag": "wrong_number"}, consent.CANNOT_BE_TEXTED),
        ({"agreed": False}, consent.NOT_AGREED),
        ({"agreed": False, "opted_out": True}, consent.OPTED_OUT),
        ({"agreed": False, "phone_e164": ""}, consent.NO_NUMBER),
    ],
)
def test_everything_else_is_refused_in_words(so, words):
    assert why_not(Standing(**(FINE | so))) == words
