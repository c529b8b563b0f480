"""Replies are understood when they are plain; whatever is not goes to a person; an opt-out is never missed."""

import json
from pathlib import Path

import pytest

from reminder_site.domain.answers import WORDS, understand

SHARED_DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.parametrize(
    ("kind", "replies"),
    [
        ("confirm", ["1", " 1. ", "(1)", "1️⃣", "①", "１", "1 thanks", "1, see you then", "Reply 1", "1 to confirm"]),
        (
            "confirm",
            ["yes", "Y", "OK!", "c", "Confirmed", "Sí", "si\u0301", "OUI", "ja", "sim", "d’accord", "👍", "👍🏽"],
        ),
        ("confirm", ["Hi, yes please", "Yes 1", "Yes I will be there, thank you", "ok thanks"]),
        (
            "change",
            ["2", "2.", "2 please", "r", "change", "Reschedule", "I want to change", "ändern", "cambiar", "remarcar"],
        ),
        (
            "cannot_come",
            ["3", "3️⃣", "n", "No", "no sorry", "3 thanks", "I can’t come", "cant make it sorry", "3 if you can't come"],
        ),
        (
            "cannot_come",
            ["No, I can't come", "nein", "não", "no puedo ir", "je ne peux pas venir", "cancel my appointment"],
        ),
        ("start", ["START", "unstop "]),
        ("help", ["HELP", "info?", "Hilfe"]),
        ("stop", ["STOP", "«Stop»", "Arrêt", "stop all", "OPT-OUT", "don’t contact me"]),
        ("stop_and_maybe_cancel", ["CANCEL", " cancel. ", "Cancel!"]),
        ("wrong_number", ["wrong number", "Sorry, you have the wrong number", "Número equivocado", "Falsche Nummer!"]),
        ("other", ["", "?", "can I come at 4?", "2:30", "12", "1 or 2", "1,2", "3pm", "2nd", "👎", "no problem"]),
        ("other", ["yes but can we change", "no I will be there", "yes I can't come", "not sure", "1 no", "10/3"]),
        ("other", ["3/3", "1.1", "running late 👍"]),
        (
            "other",
            ["<3", ">3<", "2(:", ":3", "see you :3", "1/2", "3x", "3%", "no?", "3?", "2?", "ok?", "1 or 2?", "¿sí?"],
        ),
        (
            "other",
            [":-3", ":'3", "=3", ";3", "(:3", "@3", "/3", "3/", "3 / 3", "3-3", "$3", "£3", "€3", "< 3", "3 >", "½"],
        ),
        ("other", ["thanks, no", "gracias, no", "merci non", "danke nein", "obrigado não", "no many thanks"]),
        ("other", ["no thanks", "No, thank you!", "no gracias", "non merci", "Nein danke", "não obrigada"]),
        (
            "cannot_come",
            ["no thanks, 3", "3, thanks", "no sorry", "sorry, no", "no, I can't come, thanks", "3:(", "3..."],
        ),
        ("confirm", ["1/yes", "yes/1", "#1", "+1", "1;)", "Reply=1", "[1]", "*1*", "‘1’", "1,", "1;"]),
        ("confirm", ["1!", "1 👍", "1 thanks", "yes 1", "1.", "1 <3", "1:)", "1=yes", "1-yes", "1) yes", "Reply: 1"]),
    ],
)
def test_plain_answers_are_understood_and_doubtful_ones_are_left_to_a_person(kind, replies):
    assert {reply: understand(reply).kind for reply in replies} == dict.fromkeys(replies, kind)
    assert all(understand(reply).words == WORDS[kind] for reply in replies)


@pytest.mark.skipif(not SHARED_DATA.exists(), reason="the shared test data is not here")
@pytest.mark.parametrize(
    ("group", "kinds"),
    [("optout", {"stop", "stop_and_maybe_cancel"}), ("optin", {"start", "confirm"}), ("help", {"help"})],
)
def test_every_keyword_of_every_rule_set_counts_in_any_case(group, kinds):
    sets = json.loads((SHARED_DATA / "optout" / "keywords.json").read_text("utf-8")).values()
    words = {word for rules in sets for word in rules.get(group, [])}
    assert words
    for word in words:
        for typed in (word, word.upper(), word.lower(), word.title(), f" \t{word}\n", f"{word}.", f'"{word}"!'):
            assert understand(typed).kind in kinds, typed


def test_words_that_lift_twilios_block_say_so():
    lifted = {
        word: understand(word).also_opt_in for word in ("Yes.", "START", "unstop", "y", "1", "yes please", "stop")
    }
    assert lifted == {
        "Yes.": True,
        "START": True,
        "unstop": True,
        "y": False,
        "1": False,
        "yes please": False,
        "stop": False,
    }


@pytest.mark.parametrize(
    ("kind", "reply"),
    [
        ("other", "👎 to “Elm Clinic: Ann, we expect you Fri. Reply 1 = yes, 2 = change, 3 = can't come”"),
        ("other", "Liked “Elm Clinic: Ann, we expect you Friday. Reply 1 = yes”"),
        ("other", "👎 to “Reply 1 …”"),
        ("other", "👍 “Reply 1”"),
        ("other", "❤️ to “3”"),
        ("other", "Liked “1”"),
        ("other", "Disliked “Elm Clinic: Ann, reply 1 = yes, 3 = can't"),
        ("other", "> Reply 1 = yes\nOn Mon, 2 Nov 2026 at 10:00 Elm Clinic wrote:\n1"),
        ("confirm", "1\n\n> Reply 3 if you can't come"),
        ("cannot_come", "3\n\nAm 02.11.2026 um 10:00 schrieb Elm Clinic:\n1 = ja"),
        ("confirm", "yes\n-- \nAnn Reed\n3 High St"),
        ("confirm", "1\nSent from my iPhone"),
        ("change", "2\nGesendet von meinem iPhone 3"),
        ("confirm", '"1"'),
        ("stop", "“take me off the list”"),
    ],
)
def test_what_a_reply_quotes_is_never_the_answer(kind, reply):
    assert understand(reply).kind == kind


def test_ordinary_questions_do_not_sound_like_an_opt_out():
    for reply in ("can I come at 4?", "where do I park", "is it by the station", "who is this", "I am running late"):
        assert not understand(reply).sounds_like_stop


def test_a_reply_far_longer_than_a_text_is_read_only_as_far_as_a_text_goes():
    assert not understand("dont " * 20_000 + "text me").sounds_like_stop
