"""Passwords: long enough, not among the first that anybody would try; nothing else is asked."""

import pytest

from reminder_site.domain.passwords import FAVOURITES, LONGEST_BYTES, SHORTEST, refusal

ENDINGS = ("2026", "2024", "69", "!!", "123", "1234567890", "_01", "2025!", "#1", "007")
FINE = [
    "correct horse battery staple",
    "violin lagoon stapler",
    "x7$Qm2!vR9#tL4p",
    "ich gehe morgens gern schwimmen",
    "das ist mein langes geheimnis",
    "Пароль, который помню",
    "🦉🌵🎻🧵🪁 over the hill",
    "                a b c d e f",
    "12 High St has no bell",
    "a" * 20 + "bcdefghij klmn opq rstu vwx" + "q7",
    "p" + "x y z w v u t s r q o n m l k" * 30,
]


@pytest.mark.parametrize("password", FINE)
def test_long_unrelated_words_are_taken_whatever_they_are_made_of(password):
    assert refusal(password, known=["Alice", "alice@elm.example", "Elm Clinic"]) is None


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("", "at least 15"),
        ("x7$Qm2!vR9#tL4", "at least 15"),
        ("é" * 600, "too long"),
        ("violin lagoon\x00 stapler", "cannot be typed again"),
        ("violin lagoon\ud800 stapler", "cannot be typed again"),
        ("aaaaaaaaaaaaaaaa", "same few characters"),
        ("abababababababab", "same few characters"),
        ("123456789012345", "keyboard"),
        ("abcdefghijklmnop", "keyboard"),
        ("qwertyuiopasdfgh", "keyboard"),
        ("zyxwvutsrqponmlk", "keyboard"),
        ("qwertyuiopasdfg1!", "keyboard"),
        ("k7Qx!k7Qx!k7Qx!k7Qx!", "several times"),
        ("PasswordPassword", "several times"),
        ("password12345678", "first that anybody"),
        ("P@ssw0rd!!!!!!!!", "first that anybody"),
        ("Sp1d3rm4n!!!!!!!", "first that anybody"),
        ("Welcome-Summer-2026", "first that anybody"),
        ("AppointmentReminder1", "first that anybody"),
        ("ReceptionDesk2026", "first that anybody"),
        ("ElmClinic20262026", "belong to you"),
        ("elm clinic alice 1", "belong to you"),
        ("Alice.Elm.2026.!!!!", "belong to you"),
        ("alice@elm2026!!!!!!", "belong to you"),
    ],
)
def test_what_would_be_tried_first_is_refused_in_words(password, said):
    words = refusal(password, known=["Alice", "alice@elm.example", "Elm Clinic"])
    assert said in (words or "")


def test_thousands_of_favourites_are_refused_with_every_ending():
    tried = [(word + ending).ljust(SHORTEST, "1") for word in FAVOURITES for ending in ENDINGS]
    tried += [
        word.capitalize() + other + "2026" for word in ("password", "welcome", "reminder") for other in FAVOURITES
    ]
    tried = {password for password in tried if len(password) >= SHORTEST}
    assert len(tried) >= 3_000
    assert [password for password in tried if refusal(password) is None] == []


def test_the_longest_allowed_is_taken_and_judged_at_once():
    longest = ("violin lagoon stapler " * 60)[:LONGEST_BYTES]
    assert refusal(longest) is None
    assert refusal(longest + "!") is not None
