"""Which of several labels fits a text: words shared with the label, or with what such labels are usually about.
The cues are those of everyday triage; a label with none is compared by its own words only."""

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from local.models.vocabulary import weight
from local.models.words import split_words, stem

OWN_WORD = 3.0  # a label's own word in the text is worth this many cues

# First the words a label may carry, then the words of a text that speak for it.
CUES = (
    (
        "urgent critical highest p0 p1 sev1 blocker",
        "urgent urgently asap immediately emergency critical outage down now",
    ),
    ("high severe major", "urgent important soon deadline blocked broken cannot failing serious today security breach"),
    ("medium normal moderate", "issue problem question"),
    ("low minor lowest trivial info nit", "whenever minor typo cosmetic suggestion curious eventually thanks rush"),
    (
        "billing payment invoice finance refund",
        "invoice charge charged refund paid payment card bill price subscription",
    ),
    ("technical bug incident defect error", "error bug crash crashed broken fail fails failed exception timeout"),
    ("account access login auth", "login password account sign locked reset access username"),
    ("shipping delivery order logistics", "deliver delivery parcel package shipped tracking courier arrive late"),
    ("sales pricing lead", "buy purchase quote pricing demo trial upgrade plan discount enterprise interested"),
    ("feature suggestion idea enhancement", "feature add wish suggestion improve would love request"),
    ("spam junk marketing promotion", "winner lottery unsubscribe offer free prize click crypto promotion"),
    ("complaint negative angry unhappy", "unacceptable disappointed angry terrible worst broken never frustrated bad"),
    ("positive happy satisfied praise", "thanks thank great love excellent happy perfect wonderful good appreciate"),
    ("legal privacy compliance", "gdpr legal lawyer contract privacy data deletion compliance terms court"),
    ("security vulnerability", "vulnerability injection xss secret password token leak exploit breach phishing"),
    ("hr leave people vacation", "vacation leave holiday salary payroll sick employee manager hiring"),
    ("question inquiry enquiry information", "how what when where why question wondering"),
    ("cancel cancellation churn", "cancel cancellation terminate close stop end leaving"),
)


def best_label(options: Sequence[str], text: str) -> int:
    """The index of the option that fits `text` best; the first when none does, or several do equally."""
    said = Counter(stem(word) for word in split_words(text))
    scores = [fit(option, said) for option in options]
    return max(range(len(options)), key=lambda at: (scores[at], -at))


def fit(option: str, said: Counter[str]) -> float:
    """How much a text speaks for a label, by the stems it says."""
    words = split_words(option.replace("_", " "))
    own = sum(weight(word) for word in words if stem(word) in said)
    cues = _cues(frozenset(stem(word) for word in words))
    return OWN_WORD * own / math.sqrt(max(len(words), 1)) + sum(min(said[cue], 2) for cue in cues)


@lru_cache(maxsize=1_024)
def _cues(words: frozenset[str]) -> frozenset[str]:
    found = [cues for carried, cues in CUES if not words.isdisjoint(stem(word) for word in split_words(carried))]
    return frozenset(stem(word) for cues in found for word in split_words(cues))
