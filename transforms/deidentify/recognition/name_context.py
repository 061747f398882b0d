"""Names of people by the words around them: titles, roles, fields, greetings, kin."""

from __future__ import annotations

from typing import Final

from .scores import LIKELY, SURE, WEAK, PatternGroup

__all__ = ["NAME_GROUPS"]

_CAP = r"(?-i:\p{Lu}(?:[\p{L}'\u2019-]{0,29}\p{L}))"
_LINK = (
    r"(?:(?:van|von|de|der|den|del|della|di|da|do|dos|la|le|du|el|al|bin|ibn|ben|bint"
    r"|ter|ten|zu|af|av|y|e|san|st)\.?[ ]|d['\u2019]|l['\u2019]|(?-i:\p{Lu})\.?[ ])"
)
_FULL = (
    r"(?:(?-i:\p{Lu})\.[ ]?){0,2}"
    + _CAP
    + r"(?:[ ]"
    + _LINK
    + r"{0,3}"
    + _CAP
    + r"){0,3}"
)
_ONE = r"\p{L}[\p{L}'\u2019-]{1,30}"
_ANY = (
    r"(?:" + _FULL + r"|" + _ONE + r"(?:[ ]" + _ONE + r"){1,3}(?=[\"',;<|\n]|[.!?]?$)"
    r"|" + _ONE + r")"
)
_SAID = r"(?=(?-i:\p{Lu}\p{L}?\p{Ll}))"
_KIN = (
    r"(?:wife|husband|spouse|partner|son|daughter|kid|child|mother|mom|mum|father|dad"
    r"|brother|sister|uncle|aunt|cousin|friend|boss|manager|colleague|neighbou?r"
    r"|girlfriend|boyfriend|fianc[ée]e?|nephew|niece|grandma|grandpa|landlord)"
)
_ROLE = (
    r"(?:patient|customer|client|employee|claimant|applicant|contact|provider"
    r"|physician|doctor|nurse|attending|insured|beneficiary|account\s+holder|card"
    r"\s?holder|holder|user|student|teacher|caller|agent|sender|recipient|from|to|cc"
    r"|attn|attention|author|signed|by|witness|tenant|guest|passenger|member|owner"
    r"|radiologist|pharmacist|surgeon|therapist|representative|supervisor"
    r"|referees?|reference|guardian(?:['\u2019]s[ ]name)?|visitor|host|reviewer|assignee|approver"
    r"|reporter|driver|rider|seller|buyer|payee|consultant|signature|interviewe[re]"
    r"|interviewer|lecturer|landlord|next[ ]of[ ]kin|emergency[ ]contact(?:[ ]name)?"
    r"|contact[ ]person|assigned[ ]to|(?:bill|ship|sold|deliver)(?:ed)?[ ]to|present|absent"
    r"|empf[äa]nger|absender|kunde|destinataire|client[e]?|paciente|titular|displayname)"
)
_NOT = (
    r"(?!(?:the|this|that|my|your|our|i|we|you|he|she|it|they|what|how|re|all|please|a|an|in|so"
    r"|Sir|Madam|Team|Support|Customer|There|Everyone|Friend|Guest|User|Admin|New|Not"
    r"|Input|Query|Profile|Message|Story|Service|Response|Data|History|Portal|Experience"
    r"|Information|Record|Number|Name|Email|Phone|Date|Contact|Account)\b)"
)

_CONTEXT: Final = (
    (
        "before an address",
        _FULL + r"(?=[ ]?(?:<|&lt;|\()[\w.+'-]{1,64}@)",
        SURE,
    ),
    (
        "initial and name",
        r"(?:^|(?<=[\"'(,;:=\n>|]))[ ]?\K(?-i:\p{Lu})\.[ ](?:(?-i:\p{Lu})\.[ ])?"
        + _CAP
        + r"(?![.]\w)",
        LIKELY,
    ),
    (
        "whose account",
        r"\bname[ ]on[ ](?:the|my|his|her)[ ](?:account|card|booking|order|file|ticket"
        r"|reservation|contract|lease|policy|invoice)(?:['\u2019]s|[ ]is|[ ]was|:)[ ]\K"
        + _ANY,
        LIKELY,
    ),
    (
        "called on a number",
        r"\b(?:call|text|tell|ask|ring|phone|dm|msg|message|reach|contact)[ ]\K"
        + _NOT
        + r"(?!(?:me|us|him|her|them|back|now|today|someone|anyone|support|later)\b)"
        + _ONE
        + r"(?=[ ](?:on|at)[ ][+(]?\d)",
        LIKELY,
    ),
    (
        "query",
        (
            r"[?&](?:fn|ln|fname|lname|first|last|first_?name|last_?name|name|surname|given_?name"
            r"|family_?name|full_?name)=\K[^\W\d_][\w.%+'-]{1,60}"
        ),
        LIKELY,
    ),
    (
        "column and line",
        r"(?-i:Copyright|©|\([Cc]\)|@author|Author)(?:[ ]\([Cc]\))?:?(?:[ ]\d{4}(?:-\d{4})?,?)?[ ]"
        r"(?:by[ ])?\K"
        + _NOT
        + _CAP
        + r"(?:[ ]"
        + _LINK
        + r"{0,2}"
        + _CAP
        + r"){1,3}(?=$|\n|[ ]<)",
        LIKELY,
    ),
    (
        "said so",
        r"(?:^|(?<=[.!?\n]\s)|(?<=[\"\u201d],?\s))\K"
        + _NOT
        + r"(?!(?:Police|Officials|Everyone|Nobody|Who|Experts|Critics|Scientists|Doctors|People"
        r"|Researchers|Someone|Many|Some|Others|Sources|Farmers|Voters|Residents|Witnesses|One"
        r"|Studies|And|But|As|That|Analysts|Parents|Teachers|Users|Customers)\b)"
        + _CAP
        + r"(?=[ ](?:said|says|told|replied|tweeted|scores|scored)\b)",
        WEAK,
    ),
    (
        "title",
        r"\b(?:mr|mrs|ms|miss|mx|dr|prof|professor|sir|madam|mme|mlle|herr|frau"
        r"|se[ñn]or|se[ñn]ora|sra?|do[ñn]a|fr[öo]ken|hr|sig|signora)\b\.?[ ]\K"
        + _NOT
        + _FULL,
        LIKELY,
    ),
    (
        "said",
        r"\b(?:names?(?:['\u2019]s|[ ]is)|call(?:ed)?[ ]me|i[ ]?am|i['\u2019]?m|this[ ]is"
        r"|named|known[ ]as|a\.?k\.?a\.?|goes[ ]by|née)[ ]\K" + _NOT + _SAID + _FULL,
        LIKELY,
    ),
    (
        "said in any case",
        r"\bmy[ ](?:full[ ]|first[ ]|last[ ])?name(?:['\u2019]s|[ ]is)[ ]\K" + _ANY,
        LIKELY,
    ),
    (
        "field",
        r"(?<![a-z])(?:full|first|last|sur|user|given|family|middle|patient|client"
        r"|customer|employee|contact|account|card|maiden|legal|display|applicant)?[\s_-]?"
        r"(?:name|nombre|nom|nachname|vorname|surname)s?[\"']?\s{0,2}[:=]\s{0,2}[\"']?\K"
        + _ANY,
        LIKELY,
    ),
    (
        "role",
        r"(?:^|(?<=[\n|,;(\"'\[]))[ •*-]{0,3}"
        + _ROLE
        + r"[\"']?[ ]{0,2}[:=]\s{0,2}[\"']?(?:dr\.?[ ]|mr\.?[ ]|mrs\.?[ ]|ms\.?[ ])?\K"
        + _NOT
        + _FULL,
        LIKELY,
    ),
    (
        "role before",
        r"\b(?:patient|customer|client|employee|claimant|applicant|user"
        r"|nurse|doctor|officer|agent|judge|inmate|plaintiff|defendant)[ ]\K"
        + _NOT
        + _FULL,
        LIKELY,
    ),
    (
        "kin",
        r"\b(?:my|his|her|their|our)[ ]" + _KIN + r",?[ ]\K" + _NOT + _FULL,
        LIKELY,
    ),
    (
        "greeting",
        r"(?:^|(?<=[\n.!?]\s))(?:hi|hello|hey|dear|good[ ]morning"
        r"|good[ ](?:afternoon|evening)|thanks|thank[ ]you|cheers|bye|congrats"
        r"|happy[ ]birthday|morning|welcome|hallo|hola|ciao|bonjour|salut|cher|ch[èe]re|liebe[rs]?"
        r"|querid[oa]|estimad[oa]|car[oa]|gentile|beste|hej|ol[áa]|prezad[oa]|oi|namaste)\b,?[ ]\K"
        + _NOT
        + _SAID
        + _FULL,
        LIKELY,
    ),
    (
        "closing",
        r"(?:\b(?:regards|sincerely|faithfully|cheers|thanks|best|wishes|yours(?:[ ]truly)?|love"
        r"|gr[üu](?:ß|ss)en?|mfg|lg|cordialement|[àa](?:[ ]toi|[ ]vous)|bises|saludos|atentamente"
        r"|abrazos?|saluti|abbraccio|abra[çc]os?|atenciosamente|groet(?:en)?|groetjes|pozdrawiam"
        r"|h[äa]lsning(?:ar)?|mvh|hilsen|xoxo|ciao|merci|danke|gracias|grazie|obrigad[oa]|tack"
        r"|phone)|^--?|\n>?[ ]?--?)"
        r"[,.!]?[ ]?\n[\s>-]{0,3}\K" + _NOT + _FULL + r"(?=[ ]?(?:$|,))",
        LIKELY,
    ),
    (
        "quoted source",
        r"[\u2013-\u2015][ ]?\K" + _NOT + _CAP + r"(?:[ ]" + _CAP + r"){1,2}(?=$|\n"
        r"|[ ]?[(#]|\s+http)",
        WEAK,
    ),
)

NAME_GROUPS: Final[dict[str, PatternGroup]] = {
    "OptinNameInContext": PatternGroup("PERSON", r"\p{L}\p{L}", _CONTEXT),
}
"""By the recogniser's name."""
