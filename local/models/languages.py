"""Which language a text is in: by its script, or by the little words no text of a language can do without."""

import re
from collections import Counter

from local.models.words import split_words, word_set

SCRIPTS = (
    ("ja", r"[\u3040-\u30ff]"),
    ("ko", r"[\uac00-\ud7af]"),
    ("zh", r"[\u4e00-\u9fff]"),
    ("ru", r"[\u0400-\u04ff]"),
    ("ar", r"[\u0600-\u06ff]"),
    ("he", r"[\u0590-\u05ff]"),
    ("el", r"[\u0370-\u03ff]"),
    ("hi", r"[\u0900-\u097f]"),
    ("th", r"[\u0e00-\u0e7f]"),
)
SCRIPT_SHARE = 0.3  # of the letters
LITTLE_WORDS = {
    "en": word_set("the and is to of you i it that my have not for with this can how please was are we when do me"),
    "de": word_set("der die das und ist nicht ich sie es ein eine mit zu auf fur wie bitte mein habe den von wir kann"),
    "fr": word_set("le la les et est je vous que ne pas un une des pour mon dans avec sur ce mais comment de bonjour"),
    "es": word_set("el la los y es no que un una por para mi con como en se de lo pero esta mas cuando hola gracias"),
    "it": word_set("il la che e non un una per mio con come di sono ho si le del ma questo quando ciao grazie vorrei"),
    "pt": word_set("o a os que e nao um uma para meu com como em se do da mas isso quando ola obrigado voce eu por"),
    "nl": word_set("de het een en is niet ik je van dat mijn met voor op hoe kan wij maar dit deze graag heb zijn u"),
    "pl": word_set("i w nie na sie z do to jest ze jak moj co po czy za prosze od mam dla ale"),
    "sv": word_set("och att det som en pa ar av for med den till inte om jag ett har min hur kan vi"),
}
DEFAULT = "en"


def language_of(text: str) -> str:
    """An ISO 639-1 code; English if nothing tells."""
    letters = len(re.findall(r"[^\W\d_]", text))
    for code, script in SCRIPTS:
        if letters and len(re.findall(script, text)) >= SCRIPT_SHARE * letters:
            return code
    said = Counter(split_words(text))
    counts = {code: sum(said[word] for word in words) for code, words in LITTLE_WORDS.items()}
    best = max(counts, key=lambda code: counts[code])
    return best if counts[best] > counts[DEFAULT] else DEFAULT
