"""What a patient's reply means, in the five languages of the site; opt-outs come before everything else.
Owns the words people answer with; knows nothing of appointments, patients or what follows from an answer."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

from reminder_site.domain.no_more_texts import wish
from reminder_site.domain.quotations import own_words

Kind = Literal[
    "confirm", "change", "cannot_come", "stop", "start", "help", "stop_and_maybe_cancel", "wrong_number", "other"
]


@dataclass(frozen=True)
class Answer:
    """A reply understood; `words` say it to the desk.

    `also_opt_in`: Twilio lifts its block on this word, so a kept opt-out is lifted too.
    `sounds_like_stop`: perhaps a wish to hear no more; a person decides.
    """

    kind: Kind
    words: str
    also_opt_in: bool = False
    sounds_like_stop: bool = False


WORDS: Final[dict[Kind, str]] = {
    "confirm": "will come",
    "change": "asks for another time",
    "cannot_come": "can't come",
    "stop": "wants no more texts",
    "start": "wants texts again",
    "help": "asks for help",
    "stop_and_maybe_cancel": "gets no more texts now, and may want to cancel the appointment: phone them",
    "wrong_number": "says this is the wrong number",
    "other": "wrote something for a person to read",
}
ENDS_TEXTS: Final = frozenset({"stop", "stop_and_maybe_cancel", "wrong_number"})
ABOUT_TEXTS: Final = ENDS_TEXTS | {"start"}
# How an answer stands on its appointment, and the answer that brings it there.
ANSWERED_BY: Final[dict[str, Kind]] = {
    "confirmed": "confirm",
    "change_wanted": "change",
    "cannot_come": "cannot_come",
}
_SOUNDS_LIKE_STOP: Final = "seems to want no more texts: a person should decide"


def _lines(block: str) -> frozenset[str]:
    return frozenset(phrase.strip() for phrase in block.replace("\n", "|").split("|") if phrase.strip())


# Every phrase is written as `_fold` leaves it: lower case, no accents, no punctuation.
_STOP: Final = _lines(
    """stop | stopall | stop all | unsubscribe | end | quit | revoke | optout | opt out | i opt out | remove
    td | remove me | remove my name | take me off the list | lose my number | dont contact me | delete my number
    stop2quit | basta | arret | arrett | arrete | arretez | stopp | parar | alto | baja | sair | abmelden"""
)
_START: Final = _lines("start | unstop")
_HELP: Final = _lines("help | info | ayuda | aide | hilfe | ajuda")
_CONFIRM: Final = _lines(
    """1 | one | y | yes | yep | yeah | yup | ok | okay | k | sure | c | confirm | confirmed | i confirm
    will do | i will come | ill come | i will be there | ill be there | see you | see you then | see you there
    coming | im coming | si | s | vale | confirmo | confirmado | confirmada | de acuerdo | ahi estare | oui
    daccord | je confirme | confirme | je viens | ja | j | jawohl | bestatigt | ich komme | passt | sim | claro
    la estarei"""
)
_CHANGE: Final = _lines(
    """2 | two | r | change | reschedule | rebook | move | another time | different time | other time | new time
    change time | change it | move it | change my appointment | move my appointment | reschedule my appointment
    change appointment | can i change | can i reschedule | i need to reschedule | i need to change
    i want to change | i want to reschedule | i would like to change | id like to change | can we change
    cambiar | cambio | reprogramar | otra hora | cambiar la cita | changer | reporter | deplacer | autre heure
    changer le rendez vous | andern | aendern | verschieben | verlegen | termin verschieben | anderer termin
    mudar | alterar | remarcar | trocar | outra hora | mudar a consulta | remarcar a consulta"""
)
_CANNOT_COME: Final = _lines(
    """3 | three | n | no | nope | cant | cannot | cant come | cannot come | i cant come | i cannot come
    im not able | if you cant come | if i cant come | cant make it | cannot make it | i cant make it
    i cannot make it | i cant | i cannot | wont come | i wont come | wont make it | i wont make it | not coming
    im not coming | i am not coming | unable to come | unable to attend | i cant attend | cannot attend
    cant attend | cancel my appointment | cancel the appointment | cancel appointment | cancel my appt
    please cancel | cancel please | cancel it | i need to cancel | i want to cancel | no puedo | no puedo ir
    no voy | no podre ir | cancelar | cancelar la cita | cancelar mi cita | non | annuler | je ne peux pas
    je ne peux pas venir | je ne viens pas | annuler le rendez vous | nein | kann nicht | absagen
    ich kann nicht | ich komme nicht | ich kann nicht kommen | termin absagen | nao | nao posso | nao posso ir
    nao vou | desmarcar | cancelar a consulta"""
)
_WRONG_NUMBER: Final = _lines(
    """wrong number | wrong person | wrong phone | not my number | have the wrong | nobody here by that name
    no one here by that name | dont know this person | numero equivocado | se ha equivocado | mauvais numero
    faux numero | vous vous trompez | falsche nummer | falsche person | numero errado | foi engano"""
)
_LONGEST: Final = 1_600  # characters in the longest text Twilio carries
_COURTESY: Final = _lines(
    """thanks | thank | you | thx | ty | thankyou | please | pls | plz | sorry | hi | hello | dear | cheers
    great | many | gracias | por | favor | hola | lo | siento | merci | bonjour | desole | desolee | svp | danke
    bitte | hallo | leider | obrigado | obrigada | desculpe | ola"""
)
_THANKS: Final = _lines(
    """thanks | thank | you | u | thx | ty | tks | thankyou | many | so | much | gracias | muchas | merci | beaucoup
    danke | vielen | dank | obrigado | obrigada | muito"""
)
_NO: Final = _lines("n | no | nope | non | nein | nao")
_ECHO: Final = _lines("reply | press | answer | option | number | to | for | i | respond | choose | it is | its")
# A time, a date, a fraction, a smiley or an amount is not an answer; a slash before a word only parts two ("1/yes").
_PART_OF_SOMETHING: Final = re.compile(
    r"(?<=\d)[:.,](?=\d)|(?<=\d)\s*[/\\]\s*(?=\d)|(?<![^\W_])[:;='][-']?(?=\d)|[:;=]'(?=\d)|[<>]\s*(?=\d)|[/\\@$£€](?=\d)(?<![^\W_].)"
    r"|(?<=\d)\s*[<>]|(?<=\d)(?:[%$€£°]|[/\\](?![^\W\d_])|[(\[](?=[:;=]))|(?<=\d)-(?=\d)"
)
ANSWERS: Final = frozenset({"confirm", "change", "cannot_come"})
_THUMBS_UP: Final = frozenset("👍👌✅✔☑🆗")
_EXACT: Final[dict[str, Kind]] = {
    **dict.fromkeys(_CONFIRM, "confirm"),
    **dict.fromkeys(_CHANGE, "change"),
    **dict.fromkeys(_CANNOT_COME, "cannot_come"),
    **dict.fromkeys(_HELP, "help"),
    **dict.fromkeys(_START, "start"),
    **dict.fromkeys(_STOP, "stop"),
    "cancel": "stop_and_maybe_cancel",
}


def understand(body: str) -> Answer:
    """Understands one reply, leaving to a person whatever is not plainly one thing.

    Only the patient's own words count, not what the reply quotes; a question is no answer.
    """
    said = own_words(body[:_LONGEST])
    text = fold(said) or _keyword(body[:_LONGEST])
    kind = _EXACT.get(text) or _wrong_number(text) or _plain_answer(text.split()) or _thumbs_up(said)
    if kind in ANSWERS and _asks_back(said, text, kind):
        kind = None
    if kind:
        return Answer(kind, WORDS[kind], also_opt_in=kind == "start" or text == "yes")
    wished = wish(text)
    if wished == "perhaps":
        return Answer("other", _SOUNDS_LIKE_STOP, sounds_like_stop=True)
    return Answer(wished or "other", WORDS[wished or "other"])


def fold(body: str) -> str:
    """Leaves lower-case letters without accents, digits and single blanks; “Can’t” becomes “cant”, “1️⃣” becomes “1”.

    A digit that is part of something else, as in "2:30" or ":3", keeps an x beside it and is no answer.
    """
    text = unicodedata.normalize("NFKD", body.casefold())
    text = re.sub(r"['’‘`´]", "", text.replace("ß", "ss"))
    kept = "".join(ch for ch in text if not unicodedata.combining(ch) and unicodedata.category(ch) not in ("Me", "Cf"))
    joined = _PART_OF_SOMETHING.sub("x", re.sub(r"<3+", " ", kept))
    return " ".join(re.sub(r"[\W_]+", " ", joined).split())


def _keyword(body: str) -> str:
    """Returns an opt-out, opt-in or help word that stands in quotation marks and nothing beside it."""
    text = fold(body)
    return text if _EXACT.get(text, "confirm") not in ANSWERS else ""


def _asks_back(said: str, text: str, kind: Kind) -> bool:
    """Says whether an answer is only asked about: "no?", "3?", "1 or 2?"; to ask for another time is to answer."""
    return any(mark in said for mark in "?？¿") and (kind != "change" or text.isdecimal())


def _plain_answer(words: list[str]) -> Kind | None:
    """Finds the one meaning of an answer, alone, wrapped in courtesies or echoing our own text ("1 to confirm")."""
    if _declines_politely(words):
        return None
    bare = [word for word in words if word not in _COURTESY]
    echo = [word for word in bare if word not in _ECHO]
    return _one_meaning(words) or _one_meaning(bare) or _one_meaning(echo)


def _declines_politely(words: list[str]) -> bool:
    """Says whether a text is "no, thanks" in either order: no to what? It answers an offer, and cancels nothing."""
    said = set(words)
    return bool(said & _NO) and bool(said & _THANKS) and said <= _NO | _THANKS


def _one_meaning(words: list[str]) -> Kind | None:
    """Reads a known phrase, or a first word that the rest repeats; "yes, but can we change" has two meanings."""
    whole = _answer(words)
    if whole or len(words) < 2:
        return whole
    first = _answer(words[:1])
    return first if first == _answer(words[1:]) else None


def _answer(words: list[str]) -> Kind | None:
    kind = _EXACT.get(" ".join(words))
    return kind if kind in ANSWERS else None


def _wrong_number(text: str) -> Kind | None:
    padded = f" {text} "
    return "wrong_number" if any(f" {phrase} " in padded for phrase in _WRONG_NUMBER) else None


def _thumbs_up(body: str) -> Kind | None:
    signs = [ch for ch in body if not ch.isspace() and unicodedata.category(ch) not in ("Mn", "Sk")]
    return "confirm" if signs and all(ch in _THUMBS_UP for ch in signs) else None
