"""Any reasonable words for "no more texts" count at once; what only sounds like them waits for a person."""

import pytest

from reminder_site.domain.answers import understand

WISHES = """
STOP please | STOP!!! | please stop | Stop it | pls stop | stop now | STOP STOP | stop everything | stop all texts
please stop texting me | Can you stop texting me? | I told you to stop messaging me | stop sending me these messages
stop the reminders | quit texting me | cease texting me | please do not text me any more, thank you | do not contact me
never text me again | Take me off your list now | Remove me from this text list | remove me please | lose my number
get me off this list | delete my number from your system | I don't want any more messages | I don't want these reminders
I no longer want texts | no more texts thank you | no texts please | please unsubscribe | unsubscribe from all
i want to opt out | opt me out | how do I unsubscribe? | I revoke my consent | leave me alone | cancel texts
Basta | basta ya | parar por favor | dejen de escribirme | no me manden más mensajes | ya no me manden mensajes
no quiero recibir mensajes | quiero darme de baja | elimíneme de la lista | alto por favor
arrêtez s'il vous plaît | arrêtez de m'écrire | merci d'arrêter les SMS | ne m'envoyez plus de messages
plus de SMS svp | je ne veux plus recevoir de SMS | désabonnez-moi | me désinscrire | stop aux sms
supprimez mon numéro
bitte stop | bitte aufhören | Hören Sie bitte auf, mir zu schreiben | keine SMS mehr bitte | keine weiteren Nachrichten
Ich möchte keine Nachrichten mehr erhalten | schreiben Sie mir nicht mehr | löschen Sie meine Nummer | stoppen Sie das
pare de me enviar mensagens | não me mandem mais mensagens | não quero mais receber sms | chega de mensagens
descadastrar | quero sair da lista | tirem meu número da lista | parem por favor
"""
OTHER_WISHES = """
I'll stop by at 3 | I am at the bus stop | please stop by | don't text me before 9 | Stop, I'll come at 3
should I stop taking the pills? | my bleeding won't stop | please don't stop texting me | don't stop the texts
why did you stop texting me | please don't send the bill to my old address | don't send me the bill | you never text me
don't remove me from the list | remove me from the waiting list | take me off the list for Monday | lose my place?
no more appointments please | don't contact my husband | don't text me at work | never send texts to my mom's phone
leave me alone with my mother please | unsubscribe me from emails only | I opt out of surgery
no more texts about the bill
no me envíe la factura | no me mandaron mensajes | no me llamen, escriban | quiero darme de baja laboral
arrêt du bus | j'ai un arrêt maladie | ne m'envoyez pas la facture | plus de douleur | je n'ai plus de messages de vous
ich habe keine SMS bekommen | keine Nachrichten bekommen | stoppen Sie die Zeit | abmelden für morgen
não me mandaram o endereço | não me enviaram nada
"""


def phrases(block):
    return [phrase.strip() for phrase in block.replace("\n", "|").split("|") if phrase.strip()]


@pytest.mark.parametrize("reply", phrases(WISHES))
def test_any_reasonable_words_opt_out_at_once(reply):
    assert {understand(typed).kind for typed in (reply, reply.upper(), f"{reply}!!")} == {"stop"}


@pytest.mark.parametrize("reply", phrases(OTHER_WISHES))
def test_words_that_only_sound_like_an_opt_out_stop_nothing(reply):
    assert understand(reply).kind == "other"


@pytest.mark.parametrize("reply", ["I'll stop by at 3", "don't text me before 9", "no more", "don't send me the bill"])
def test_such_words_are_marked_for_a_person(reply):
    answer = understand(reply)
    assert answer.sounds_like_stop
    assert "a person should decide" in answer.words


@pytest.mark.parametrize("reply", ["ich möchte mich abmelden", "bitte abbestellen", "wir melden uns ab"])
def test_german_words_for_both_end_texts_and_have_somebody_ask_about_the_appointment(reply):
    assert understand(reply).kind == "stop_and_maybe_cancel"
