"""Every code that Twilio may give reads as a plain sentence with a next step."""

import json
import re
from pathlib import Path

import pytest

from reminder_site.domain import codes

SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"

AT_ONCE = """20003 20005 20404 20422 20429 20500 20503 20008 21211 21212 21408 21602 21619 21603 21604 21606 21659 21660
    21661 21608 21609 21610 21611 21612 21614 21635 21617 21620 21623 21624 90007 21654 21655 21656 21664 21665 21666
    21667 21701 21705 21703 21704 21910 30409 35111 35114 35115 35117 35118 35125 35126"""
LATER = """21610 30001 30002 30003 30004 30005 30006 30007 30008 30009 30010 30017 30019 30020 30021 30022 30023 30027
    30024 30032 30033 30034 30035 30036 30037 30038 30039 30040 30041 30042 30044 30047 30410 30450 30610 30640 63003
    63024 63005 63013 63021 63007 63009 63010 63012 63015 63016 63017 63018 63019 63034 63027 63028 63032 63033 63050
    63036 63038 63040 63041 63042 63054 63049 63051"""


@pytest.mark.parametrize("code", sorted({int(code) for code in (AT_ONCE + " " + LATER).split()}))
def test_codes_of_requests_and_of_delivery_have_words_of_their_own(code):
    assert codes.of(code) is codes.KNOWN[code]


@pytest.mark.skipif(not SHARED_DATA.exists(), reason="the shared test data is not here")
def test_every_code_of_the_public_list_is_explained():
    listed = [row["code"] for row in json.loads((SHARED_DATA / "twilio/error_codes_messaging.json").read_text("utf-8"))]
    without = [code for code in listed if "no words for" in codes.of(code).words]
    assert (len(listed), without) == (288, [])
    assert all(codes.of(code).next_step for code in listed)


def test_the_words_are_whole_sentences_without_jargon():
    for text in {part for told in codes.KNOWN.values() for part in (told.words, told.next_step)}:
        assert re.fullmatch(r"[A-Z].*\.", text), text
        assert not re.search(r"\b(API|URL|SID|HTTP|parameter|null|E\.164|10DLC|webhook)\b", text, re.IGNORECASE), text


def test_no_code_stands_in_two_groups():
    all_of_them = [code for group, *_ in codes._GROUPS for code in group]
    assert sorted(all_of_them) == sorted(set(all_of_them))


def test_a_code_that_nobody_knows_is_named_and_a_missing_one_is_admitted():
    assert "Twilio's code 99999" in codes.of(99999).words
    assert "(Twilio's code 21299)" in codes.of(21299).words
    assert codes.of(None).words == "The text failed and Twilio gave no reason."
    assert "opted out" in codes.of(21610).words and "START" in codes.of(21610).next_step
