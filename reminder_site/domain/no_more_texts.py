"""Wishes to hear no more, in the words people choose for them, in the five languages of the site.

Any reasonable words count at once (FCC, 47 CFR 64.1200(a)(10)). Phrases stand as `domain.answers.fold` leaves them.
"""

import re
from typing import Final, Literal

Wish = Literal["stop", "stop_and_maybe_cancel", "perhaps"]

_TEXTS: Final = r"(?:text|txt|message|msg|sms|reminder|notification)(?:s|es)?(?:[ ]messages?)?"
_THESE: Final = (
    r"(?:(?:all|any|the|these|those|your|this|such|more|of|further|future|so|many|annoying|automated|me|us|to)[ ])*"
)
_ME: Final = r"(?:me|us|this[ ]number|my[ ](?:phone|number|cell|mobile))"
_LIST: Final = (
    r"[ ](?:off|from|out[ ]of)[ ](?:(?:this|your|the|all|these)[ ])*"
    r"(?:(?:text|texting|sms|message|mailing|contact|calling|phone)[ ])*(?:lists?|database|system|texts|messages|sms)"
)
# Nothing but such a wish, with courtesies around it, is in the text.
_WHOLE: Final = re.compile(
    rf"""(?:(?:i|we)[ ](?:want|wish|need|would[ ]like)[ ](?:to[ ])?|id[ ]like[ ]to[ ]|(?:can|could|will
        |would)[ ]you[ ]|
        let[ ]me[ ]|how[ ](?:do|can)[ ]i[ ]|i[ ]|just[ ]|(?:ich|wir)[ ](?:mochten?|wollen|will)[ ]|
        (?:je|nous)[ ](?:veux|voudrais|souhaite|voulons)[ ]|(?:quiero|deseo|quisiera|quero|desejo
        |gostaria[ ]de)[ ])*
    (?:
    no[ ](?:(?:more|further)[ ]{_THESE}{_TEXTS}|{_THESE}(?:texts|messages|sms|reminders))
        (?:[ ](?:from[ ]you|to[ ]{_ME}|anymore|ever))*
    |(?:stop|end|quit|cease|cancel)[ ](?:sending[ ]|getting[ ]|receiving[ ])?{_THESE}{_TEXTS}
    |(?:unsubscribe|optout|opt[ ](?:me[ ]|us[ ])?out|be[ ](?:removed|taken[ ]off))(?:[ ](?:me|us))?
        (?:[ ](?:from|of|off)[ ](?:{_THESE}(?:{_TEXTS}|lists?)|all))?
    |(?:remove|delete|erase)[ ](?:me|us|my[ ](?:name|number|phone[ ]number|cell)|this[ ]number)(?:{_LIST})?
    |(?:take|get)[ ](?:me|us|my[ ](?:name|number|phone[ ]number)|this[ ]number)(?:{_LIST}|[ ]off(?:[ ](?:this
        |it))?)
    |(?:revoke|withdraw)(?:[ ]my)?[ ]consent|leave[ ](?:me|us)[ ]alone|go[ ]away|(?:fuck|piss|bugger)[ ]off
        |cease
    |(?:no[ ]mas|no[ ](?:quiero|deseo)(?:[ ]recibir)?(?:[ ]mas)?|basta[ ]de
        |ya[ ]no[ ]quiero(?:[ ]recibir)?(?:[ ]mas)?)
        (?:[ ](?:sus|estos|los|tantos))?[ ](?:mensajes|sms|textos|recordatorios)|(?:para|pare|paren|dejen?
        |parar)
    |no[ ]quiero[ ]que[ ]me[ ](?:mand|envi)en(?:[ ]mas)?[ ](?:mensajes|sms|textos)|(?:dar(?:me|nos)|den(?:me
        |nos)|dar|deme)[ ]de[ ]baja(?:[ ]de[ ](?:la|esta|su)[ ]lista)?
    |(?:elimin|quit|borr|saqu|sac)(?:ar|en|e|a)(?:me|nos)?(?:[ ](?:mi[ ](?:numero|telefono)|de[ ](?:la|su
        |esta)[ ]lista))+
    |(?:stop|arret)[ ](?:les|aux|vos|ces)[ ](?:sms|messages|textos|rappels)|(?:plus|pas)[ ]de[ ](?:sms|messages
        |textos|rappels)|(?:me[ ]|nous[ ])?desabonn\w+(?:[ ]moi)?
    |(?:me[ ]|nous[ ])?desinscri\w+(?:[ ]moi)?|arrete[rz]?(?:[ ]ca)?|ca[ ]suffit
    |(?:retire[rz]?|enleve[rz]?|supprime[rz]?|raye[rz]?|efface[rz]?)[ ](?:moi|mon[ ]numero)(?:[ ]de[ ](?:la
        |votre)[ ]liste)?
    |keine[ ](?:(?:weiteren?|mehr|solche)[ ])*(?:sms|nachrichten|texte|erinnerungen|mitteilungen)(?:[ ]mehr)?
        (?:[ ](?:an[ ]mich|von[ ]ihnen))?(?:(?<=mehr)[ ](?:bekommen|erhalten|haben)|[ ](?:schicken|senden))?
    |aufhoren|hort?[ ]auf|horen[ ]sie[ ](?:bitte[ ]|endlich[ ])*auf|(?:mit[ ]den[ ])(?:sms
        |nachrichten)[ ]aufhoren
    |stoppen[ ]sie(?:[ ](?:das|(?:die|diese|alle)[ ](?:sms|nachrichten|texte|erinnerungen)))?
        |nicht[ ]mehr[ ]schreiben
    |(?:(?:losch|streich|entfern)\w*[ ](?:sie[ ])?)(?:bitte[ ])?(?:mich|meine[ ]\w*nummer)(?:[ ](?:von
        |aus)[ ](?:der|ihrer)[ ]liste)?
    |meine[ ]\w*nummer[ ](?:bitte[ ])?loschen|nehmen[ ]sie[ ]mich[ ](?:bitte[ ])?(?:von|aus)[ ](?:der
        |ihrer)[ ]liste
    |nao[ ](?:quero|desejo)(?:[ ](?:mais|receber|as|suas|essas))*[ ](?:mensagens|sms|lembretes)|parem|pare
    |(?:parem?|chega|sem)[ ](?:(?:com|de|mais|as|essas|estas)[ ])*(?:mensagens|sms|lembretes)
        |descadastr\w+(?:[ ]me)?
    |me[ ]descadastr\w+|sair[ ]d(?:a|essa|esta)[ ]lista|cancelar[ ](?:as[ ]|os[ ])?(?:mensagens|sms|lembretes
        |inscricao|mensajes)
    |(?:me[ ])?(?:tirem?|remova|remover|retire|apague|exclua)(?:[ ]me)?(?:[ ](?:d(?:a|esta|essa|e[ ]sua)[ ]lista
        |(?:o[ ])?meu[ ]numero))+
    )(?:[ ](?:anymore|any[ ]more|again|ever|now|immediately|at[ ]once|already|today|ya|agora|jetzt|sofort
        |maintenant))*""",
    re.VERBOSE,
)
# Plain enough to count wherever they stand, unless _OTHERWISE is there, too.
_ANYWHERE: Final = re.compile(
    rf"""(?:^|(?<=[ ]))(?:
    (?:stop|quit|cease)[ ](?:please[ ])?(?:text|txt|messag|msg|contact|bother|spamm|harass|remind|writ)ing
        (?:[ ]to)?(?:[ ]{_ME}|[ ](?:please|anymore|now|at[ ]once|this[ ]phone)|$)
    |(?:stop|quit|cease)[ ](?:please[ ])?(?:sending|the|these|those|all|your)[ ]{_THESE}(?:{_TEXTS}\b|this\b
        |them\b|stuff\b|$)
    |(?:stop|quit)[ ](?:please[ ])?sending[ ](?:me|us)[ ]?(?:this|these|them|stuff|anything)?(?:$|[ ](?:please
        |to))
    |(?:stop|quit)[ ]sending[ ](?:this|these|them|stuff)\b
    |(?<!you[ ])(?<!they[ ])(?<!i[ ])(?<!we[ ])(?:dont|do[ ]not|never)[ ](?:ever[ ]|please[ ])?
        (?:text|txt|message|msg|sms|contact|bother|write[ ]to)[ ](?:{_ME}|again|anymore)\b
    |(?<!you[ ])(?<!they[ ])(?<!i[ ])(?<!we[ ])(?:dont|do[ ]not|never)[ ](?:ever[ ]|please[ ])?
        send[ ]{_THESE}(?:{_TEXTS}|anything|stuff|anymore|any[ ]more$)(?:$|[ ](?!to[ ]my[ ]))
    |(?:dont|do[ ]not|no[ ]longer|never)[ ](?:want|wish|need|agree)[ ](?:to[ ](?:get|receive|see
        |have)[ ])?{_THESE}{_TEXTS}\b
    |(?:dont|do[ ]not|no[ ]longer)[ ](?:want|wish)[ ](?:to[ ]be|you[ ]to|you)[ ](?:texted|contacted|messaged
        |texting|text[ ]me|contact[ ]me)
    |(?:take|get|remove|delete)[ ](?:me|us|my[ ](?:name|number|phone[ ]number)|this[ ]number){_LIST}(?=$
        |[ ](?:now|please|at|today|thank))
    |lose[ ]my[ ]number
    |(?:dej(?:e|a|en|ad|ar)|par(?:e|a|en|ar))[ ]de[ ](?:mandar|enviar|escribir|molestar|contactar)\w*(?=$
        |[ ](?:por|ya|mas|mensajes|sms|textos|tantos|estos|gracias))
    |no[ ](?:me|nos)[ ](?:mande|envie|escriba|contacte|moleste)[ns]?(?=$|[ ](?:mas|por[ ]favor|nunca|mensajes
        |sms|textos|nada|gracias))
    |(?:arrete|cesse)[rz]?[ ](?:svp[ ])?(?:de[ ]|d)(?:m|me[ ]|nous[ ])?(?:ecrire|envoyer|contacter|texter
        |deranger)\b
        (?=$|[ ](?:de|des|vos|ces|svp|s|merci|ca)\b)
    |d?(?:arrete|cesse)[rz]?[ ](?:avec[ ])?(?:les|vos|ces|tous[ ](?:les|ces)|l[ ]?envoi[ ]de)[ ](?:sms|messages
        |textos|rappels)
    |ne[ ](?:m|me[ ]|nous[ ])(?:ecri|envoy|envoi|contact|derang)\w+[ ]plus\b(?=$|[ ](?:jamais|rien|de|svp|s
        |merci|ces|vos))
    |ne[ ]plus[ ](?:m|me[ ]|nous[ ])(?:ecrire|envoyer[ ](?:de|ces|vos)|contacter|deranger)\b|(?:veux|souhaite
        |desire)[ ]plus[ ](?:recevoir[ ])?(?:de[ ]|ces[ ]|vos[ ]|les[ ])?(?:sms|messages|textos|rappels)
    |(?:schreib|send|schick|kontaktier)\w*[ ](?:sie[ ])?(?:mir|mich|uns)[ ](?:bitte[ ])?(?:nicht[ ]mehr
        |nie[ ](?:wieder|mehr)|nichts[ ]mehr|keine[ ]\w+[ ]mehr)
    |hor(?:t|en[ ]sie|)[ ](?:bitte[ ]|endlich[ ])*auf[ ](?:damit|mir[ ](?:zu|sms|nachrichten))
    |(?:mochten?|will|wollen|wunsche)[ ]keine[ ](?:weiteren[ ])?(?:sms|nachrichten|texte|erinnerungen)(?:[ ]mehr
        |$)
    |par(?:em?|ar?)[ ]de[ ](?:me[ ]|nos[ ])?(?:mandar|enviar|escrever|contatar|incomodar|receber)(?=$
        |[ ](?:mensagens|sms|por|mais|essas|estas|obrigad\w))
    |nao[ ](?:me|nos)[ ](?:mande|envie|escreva|contate|perturbe)m?(?=$|[ ](?:mais|mensagens|sms|nada|por
        |obrigad\w))
    )""",
    re.VERBOSE,
)  # fmt: skip
# Words beside a wish that make it another one, or a question or a complaint about texts.
_OTHERWISE: Final = re.compile(
    r"""\d|\b(?:by|at(?![ ](?:once|all))|bus|until|till|before|after|but|except|if|unless|only|about|via
    |instead[ ]of|bleed\w*
    |pills?|medic\w*|taking
    |appointments?|appt|visit|citas?|termine?|rendez|consulta|rdv|late|bill|bills|invoice|factura|facture
        |rechnung|fatura
    |waiting|waitlist|schedule|email|emails|mail|letters?|why|when|surgery|factures|warteliste)\b
    |\b(?:dont|do[ ]not|didnt|wont|never|not
        |(?<!can[ ])(?<!could[ ])(?<!would[ ])(?<!will[ ])(?<!asked[ ])(?<!told[ ])(?<!want[ ])you|they
        |did)[ ](?:\w+[ ])?(?:stop|stopped|quit|remove|unsubscribe|opt|take|delete)\b""",
    re.VERBOSE,
)
# In German who calls off coming writes the same words as who wants no more texts.
_ALSO_CALLS_OFF: Final = re.compile(
    r"(?:ich )?(?:(?:mochte|will|muss) )?(?:mich |uns )?(?:hiermit )?(?:abmelden|abbestellen)"
    r"|(?:ich |wir )?melden? (?:mich|uns) ab"
)
_COURTESIES: Final = re.compile(
    r"""\b(?:please|pls|plz|plse|kindly|thanks|thank[ ]you|thx|ty|hi|hello|hey|dear|sorry|ok|okay|por[ ]favor
        |porfavor|gracias
    |svp|stp|s[ ]?il[ ](?:vous|te)[ ]plait|sil[ ](?:vous|te)[ ]plait|merci|bitte|danke|obrigad[oa]|now
        |immediately|already
    |just|ya|endlich|jetzt|agora|everything)\b""",
    re.VERBOSE,
)
_KEYWORDS: Final = re.compile(
    r"(?:(?:stop|stopp|stopall|unsubscribe|optout|arret|arrete|arretez|basta|alto|baja|parar|pare|sair|abmelden)\b"
    r"(?: (?:it|this|all|that|das|ca|esto|isso))?(?: |$))+"
)
_MAY_BE: Final = re.compile(
    r"""\b(?:stop|stopp|stopping|unsubscribed?|opt(?:ing|ed)?[ ]?out|revoke|withdraw[ ]my|no[ ]more|cease
    |take[ ](?:me|my|us|this)\b.*\boff|remove[ ](?:me|my|us|this)|delete[ ](?:me|my)|lose[ ]my|quit[ ](?:text
        |messag|contact)\w*
    |(?:dont|do[ ]not|never|no[ ]longer)\b.*\b(?:text|message|contact|sms|send|reminder)\w*|no[ ]texts?
        |leave[ ](?:me|us)[ ]alone
    |dej(?:e|en|a|ad)[ ]de|no[ ]mas|no[ ]me[ ](?:mand|envi|escrib|contact|molest|llam)\w+
        |no[ ]quiero[ ].*mensajes|de[ ]baja
    |arret\w*|cesse[rz]?|plus[ ]de|desabonn\w*|desinscri\w*|ne[ ](?:m|me[ ]|nous[ ])(?:ecri|envoy|contact)\w*
    |aufhoren|hort?[ ]auf|horen[ ]sie[ ]auf|abmelden|abbestell\w*|keine[ ](?:\w+[ ])?(?:sms|nachrichten)
    |(?:nicht|nie)[ ](?:mehr|wieder)[ ](?:schreib|kontakt)\w*|stoppen
    |par(?:em?|a|ar)[ ](?:de|com)|nao[ ](?:me|nos)[ ](?:mand|envi|escrev|contat)\w+|nao[ ]quero[ ].*mensagens
        |descadastr\w*)\b""",
    re.VERBOSE,
)  # fmt: skip


def wish(text: str) -> Wish | None:
    """Return what a folded text wishes: no more texts, that and perhaps not to come, or perhaps; None for neither."""
    bare = " ".join(_COURTESIES.sub(" ", text).split())
    if _ALSO_CALLS_OFF.fullmatch(bare) and bare != "abmelden":
        return "stop_and_maybe_cancel"
    if bare and (_KEYWORDS.fullmatch(bare) or _WHOLE.fullmatch(bare)):
        return "stop"
    if _ANYWHERE.search(bare) and not _OTHERWISE.search(bare):
        return "stop"
    return "perhaps" if _MAY_BE.search(text) else None
