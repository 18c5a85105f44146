"""How much a word tells, by a built-in list of common English words: a stand-in for corpus statistics.
Words on no list weigh 1.0; the lists are in rough order of general frequency and were not fitted to any corpus."""

from local.models.words import word_set

FUNCTION_WORDS = word_set(
    """
    a about above after again against all also am among an and another any are aren't around as at be because been
    before being below between both but by can can't cannot could couldn't did didn't do does doesn't doing don't
    done down during each either else ever every few for from further get gets getting got had hadn't has hasn't
    have haven't having he her here hers herself him himself his how however i i'd i'll i'm i've if in into is isn't
    it it's its itself just let let's like many may me might more most much must my myself neither no nor not of off
    on once one ones only onto or other others otherwise our ours ourselves out over own per please rather same
    shall she should shouldn't since so some such than that that's the their theirs them themselves then there
    there's therefore these they they're this those though through thus to too toward towards under until up upon us
    very via was wasn't we we're were weren't what what's whatever when whenever where whereas whether which while
    who who's whom whose why will with within without won't would wouldn't yes yet you you're your yours yourself
    """
)

VERY_COMMON_WORDS = word_set(
    """
    able actually almost along already although always amount anyone anything away back based became become becomes
    began begin best better big bring brought call called came case cases certain come comes consider considered
    contain contains day did different due early easily end enough especially even example fact far find first five
    following found four gave general generally give given gives go goes going good great group help high important
    include included includes including instead keep kind kinds knew know known large largely last late later least
    left less likely little long look made main mainly make makes making mean means name named names near nearly
    need needed needs never new next nothing now number numbers obtain obtained occur occurred often old order part
    particular parts people perhaps place point possible present provide provided provides put quite really related
    result resulted results right said say says second see seem seems seen set several show showed shown shows
    simple simply small something sometimes sort start started still take taken takes tell ten term terms thing
    things think third three time times together told took true try turn two type types use used uses using usually
    various want was way ways well went whole word words work worked works world year years
    """
)

COMMON_WORDS = word_set(
    """
    according account across act action actions active activity add added addition additional age air allow allowed
    allows alone answer appear appeared appears apply applied approach area areas ask asked available average bad
    base basic beginning behavior believe believed body book books both build building built business carry cause
    caused causes center central century change changed changes child children city class clear close common company
    complete completely concept condition conditions consist consists control cost could country course cover create
    created current currently data date dealing deal days decide degree describe described design detail details
    determine determined develop developed development difference differences difficult direct directly discuss
    discussed done door easy effect effects eight employ employed entire equal establish established event events
    exactly exist existing exist expect expected experience explain face family feel field final finally follow
    followed force form formed former forms forward full function future gain get government greater ground grow
    half hand hands happen happened hard head held hold home hour hours house human hundred idea ideas identify
    improve improved increase increased indicate individual information interest involve involved issue issues item
    items job kept key land largest lead leading learn leave led level levels life light limit limited line lines
    list live lived local lot low lower main major majority man matter measure member members men method methods
    million mind model modern moment money month months morning move moved movement national natural nature
    necessary nine normal note number obtain occur offer offered office open original originally paper parent
    particularly party pass past pay period person personal play point popular population position possibly power
    practice prior problem problems process produce produced product program property public purpose question
    questions quickly range rate rates reach reached read real reason reasons receive received recent recently
    reduce refer referred region regular relation remain remained report reported represent represented require
    required requires research respect response rest return role room rule run same saw school section seek send
    sense separate serve served service services seven shape share short side significant similar single situation
    six size social society soon source space special specific stand standard state stated states step stop story
    strong structure student studies study subject successful suggest suggested support sure system systems table
    task team technique techniques test text theory today top total town toward treat treatment tried unit united
    value values version view wanted war water week weeks within woman women write written young
    """
)

FUNCTION_WEIGHT, VERY_COMMON_WEIGHT, COMMON_WEIGHT = 0.05, 0.4, 0.65


def weight(word: str) -> float:
    """Between 0 and 1, for a lower-case word as written (not its stem)."""
    if word in FUNCTION_WORDS:
        return FUNCTION_WEIGHT
    if word in VERY_COMMON_WORDS:
        return VERY_COMMON_WEIGHT
    if word in COMMON_WORDS:
        return COMMON_WEIGHT
    return 1.0
