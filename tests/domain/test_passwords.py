"""Passwords: long enough, not among the first that anybody would try; nothing else is asked."""

import pytest

from reminder_site.domain import demo_accounts
from reminder_site.domain.passwords import LONGEST_BYTES, QUOTED, SHORTEST, refusal

# What people choose first; with the digits and signs they add, far more than the 3,000 of ASVS 6.2.4.
FAVOURITES = frozenset(
    """
    password passwort passwd pass passphrase passcode secret geheim hidden private login logon signin letmein letme
    openup opensesame sesame welcome willkommen bienvenue bienvenido hello hallo bonjour hola goodbye admin
    administrator root superuser user username guest test tester testing demo example sample default changeme change
    temp temporary access master super system server computer laptop internet google facebook apple windows microsoft
    linux samsung android qwerty qwertz azerty asdf asdfgh zxcvbn abc abcd love iloveyou loveyou lovely sweet
    sweetheart baby honey darling princess prince queen king angel heaven jesus christ god faith hope blessed lucky
    freedom peace happy smile sunshine sunny rainbow flower flowers butterfly chocolate cookie coffee cheese banana
    orange cherry pepper ginger dragon monkey tiger lion eagle falcon panther wolf bear horse dolphin kitty kitten
    puppy dog cat bunny chicken phoenix shadow ghost ninja pirate warrior soldier hunter ranger knight wizard magic
    merlin matrix batman superman spiderman pokemon starwars football soccer baseball basketball hockey tennis golf
    rugby cricket liverpool arsenal chelsea barcelona madrid yankees steelers cowboys lakers summer winter spring
    autumn fall january february march april may june july august september october november december monday tuesday
    wednesday thursday friday saturday sunday christmas easter birthday london paris berlin newyork america england
    scotland ireland wales france germany spain portugal brazil india michael jennifer jordan daniel jessica ashley
    thomas charlie robert matthew andrew joshua anthony nicole hannah maggie buster harley mustang ferrari porsche
    mercedes corvette yamaha killer whatever nothing trustno hospital clinic surgery practice doctor nurse patient
    patients health healthcare medical medicine dental dentist appointment appointments reminder reminders reception
    receptionist frontdesk desk office manager staff team twilio
    """.split()
)
# Of fifteen letters and more, from lists of passwords that were stolen.
COMMON = [
    "correcthorsebatterystaple",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv",
    "qwertyuiop[]asdf",
    "thequickbrownfox",
    "thequickbrownfoxjumps",
    "iloveyousomuch123",
    "letmeinletmein123",
    "trustno1trustno1",
    "passwordpassword",
    "administrator123",
    "q1w2e3r4t5y6u7i8",
    "zaq12wsxcde34rfv",
    "monkeymonkeymonkey",
    "abcdefg123456789",
    "mypassword123456",
    "iamthebestintheworld",
    "ihatepasswords123",
    "changemechangeme",
    "supercalifragilisticexpialidocious",
    "tobeornottobethatisthequestion",
    "maythe4thbewithyou",
    "maytheforcebewithyou",
    "MyVeryOwnPassword1",
    "PleaseLetMeIn2024",
    "happybirthday2024",
    "ilovemyfamily123",
    "jesusislord12345",
    "footballfootball1",
    "1234567890qwerty",
    "qwerty1234567890",
    "quiet harbour paints seven kites",
    "iloveyouforever",
    "opensesame123456",
    "abc123abc123abc123",
    "Winter2024Winter2024",
    "jamesbond007007",
    "startrekstarwars",
    "asdfghjkl;'asdf",
    "youwillneverguess",
    "nopasswordneeded",
    "whatisthepassword",
]

ENDINGS = ("2026", "2024", "69", "!!", "123", "1234567890", "_01", "2025!", "#1", "007")
FINE = [
    "violin lagoon stapler",
    "x7$Qm2!vR9#tL4p",
    "ich gehe morgens gern schwimmen",
    "das ist mein langes geheimnis",
    "Пароль, который помню",
    "🦉🌵🎻🧵🪁 over the hill",
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
        ("aaaaaaaaaaaaaaaa", "first that anybody"),
        ("abababababababab", "first that anybody"),
        ("123456789012345", "first that anybody"),
        ("abcdefghijklmnop", "first that anybody"),
        ("qwertyuiopasdfgh", "first that anybody"),
        ("zyxwvutsrqponmlk", "first that anybody"),
        ("qwertyuiopasdfg1!", "first that anybody"),
        ("k7Qx!k7Qx!k7Qx!k7Qx!", "first that anybody"),
        ("PasswordPassword", "first that anybody"),
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
    assert [password for password in sorted(tried)[::9] if refusal(password) is None] == []


@pytest.mark.parametrize("password", [*COMMON, *QUOTED, demo_accounts.PASSWORD, "                a b c d e f"])
def test_common_long_passwords_are_refused(password):
    if len(password) >= SHORTEST:
        assert "first that anybody would try" in (refusal(password) or "")


def test_the_longest_allowed_is_taken_and_judged_at_once():
    longest = ("violin lagoon stapler " * 60)[:LONGEST_BYTES]
    assert refusal(longest) is None
    assert refusal(longest + "!") is not None
