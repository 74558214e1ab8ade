"""The words that decide whether two questions differ: small closed lists of English, what is one word, and what tells a language."""

from collections.abc import Mapping


def _of(text: str) -> frozenset[str]:
    """Its words."""
    return frozenset(text.split())


def stem(word: str) -> str:
    """The word without its plural or its tense: good enough to tell that two are forms of one."""
    word = word.removesuffix("'s")
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    for ending, left in (("ing", 4), ("ed", 3), ("es", 4), ("s", 3)):
        if word.endswith(ending) and len(word) - len(ending) >= left and not word.endswith("ss"):
            base = word[: -len(ending)]
            if ending in ("ing", "ed") and len(base) > 2 and base[-1] == base[-2] and base[-1] not in "ls":
                base = base[:-1]
            return base.removesuffix("e") if ending != "s" else base.removesuffix("e") if len(base) > 4 else base
    return word.removesuffix("e") if len(word) > 4 else word


_OPPOSITES = """
accept/reject accept/decline accept/refuse activate/deactivate add/remove add/delete add/subtract after/before agree/disagree
allow/block allow/deny allow/forbid allow/prevent approve/reject approve/deny ascending/descending asset/liability attach/detach
authorised/unauthorised authorized/unauthorized available/unavailable backward/forward begin/end best/worst better/worse big/small
block/unblock bottom/top bought/sold buy/sell cancel/renew cancel/resume cancel/continue cancel/confirm cancel/reactivate cheap/expensive
cheapest/dearest clean/dirty close/open closed/open cold/hot compress/decompress connect/disconnect correct/incorrect create/delete create/destroy
credit/debit damage/repair daily/monthly daily/weekly daily/yearly dark/light decrease/increase decrypt/encrypt deny/grant deposit/withdraw
deposit/withdrawal difficult/easy disable/enable disabled/enabled domestic/international down/up download/upload downgrade/upgrade early/late
earliest/latest east/west empty/full enter/exit enter/leave even/odd exclude/include expense/income export/import fail/succeed fail/pass
failure/success false/true fast/slow faster/slower female/male few/many fewer/more first/last fix/break flat/steep follow/unfollow forget/remember
free/paid freeze/unfreeze gain/lose gain/loss give/receive give/take good/bad grow/shrink heavy/light hide/show hide/unhide high/low higher/lower
highest/lowest horizontal/vertical inbound/outbound incoming/outgoing indoor/outdoor inner/outer input/output inside/outside install/uninstall
join/leave join/split keep/delete keep/remove large/small larger/smaller least/most left/right legal/illegal less/more like/dislike like/hate
link/unlink load/save load/unload lock/unlock long/short longer/shorter longest/shortest loss/profit love/hate major/minor man/woman max/min
maximum/minimum men/women merge/split minus/plus monthly/weekly monthly/yearly monthly/annual monthly/annually multiply/divide mute/unmute
narrow/wide near/far negative/positive new/old newer/older newest/oldest next/previous noisy/quiet north/south off/on offline/online
old/young older/younger optional/required over/under pause/resume pin/unpin poor/rich possible/impossible private/public
publish/unpublish pull/push raise/lower real/fake register/unregister reject/confirm rise/fall rough/smooth safe/unsafe safe/dangerous
same/different send/receive sender/recipient sender/receiver sign-in/sign-out signin/signout login/logout start/end start/finish start/stop
strong/weak subscribe/unsubscribe temporary/permanent thick/thin today/tomorrow today/yesterday tomorrow/yesterday true/untrue undo/redo
valid/invalid visible/invisible visible/hidden wet/dry win/lose winner/loser wife/husband all/none all/some always/never everyone/nobody
everything/nothing anybody/nobody with/without boy/girl son/daughter father/mother brother/sister king/queen he/she his/her
morning/evening day/night summer/winter borrow/lend employer/employee buyer/seller landlord/tenant lender/borrower teacher/student parent/child
advantage/disadvantage pros/cons benefit/drawback benefit/risk strength/weakness gross/net fixed/variable local/remote manual/automatic
active/inactive activated/deactivated approve/decline increase/reduce raise/reduce raise/cut increase/cut extend/shorten expand/collapse
expand/reduce maximize/minimize maximise/minimise attack/defend arrive/depart arrival/departure cancel/activate cancel/book cancel/start cancel/reinstate
cancel/upgrade cancel/downgrade refund/charge refund/pay hire/fire promote/demote import/export lost/found dead/alive win/loss
cheapest/expensive cheapest/priciest smallest/largest smallest/biggest shortest/tallest slowest/fastest youngest/oldest easiest/hardest easy/hard
weakest/strongest nearest/farthest nearest/furthest closest/farthest lightest/heaviest coldest/hottest poorest/richest dearest/cheapest fewest/most given/received given/taken gave/received gave/took sent/received lent/borrowed
"""


def _opposites() -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for pair in _of(_OPPOSITES):
        one, other = map(stem, pair.split("/"))
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return {word: frozenset(others) for word, others in found.items()}


OPPOSITES: Mapping[str, frozenset[str]] = _opposites()
"""Stems of words that turn a question into another one where they stand for each other."""

TURNING = ("un", "in", "im", "il", "ir", "dis", "de", "non", "mis", "anti")
"""Beginnings that turn a word into its opposite."""

TURNED = (
    ("in", "out"),
    ("in", "ex"),
    ("im", "ex"),
    ("in", "de"),
    ("up", "down"),
    ("over", "under"),
    ("pre", "post"),
    ("on", "off"),
    ("intra", "inter"),
)
"""Beginnings that are each other's opposites before the same rest."""

NEGATIONS = _of(
    "no not never none nothing nobody neither nor without cannot cant wont dont doesnt didnt isnt arent wasnt werent hasnt havent hadnt "
    "shouldnt wouldnt couldnt mustnt neednt unable except aint nowhere hardly non"
)

FUNCTION = _of(
    "a an the this that these those there here i me my mine myself you your yours yourself we us our ours he him his she her hers it its they "
    "them their theirs one ones who whom whose which what when where why how is am are was were be been being do does did doing done have has had having can could "
    "will would shall should may might must to of in on at by for from with about into onto as and or but if then than so too very "
    "just also please any some many much more most such own each every both either between through during over under again up down out off "
    "get got getting not no nor don't s t d ll m re ve would like want wants need needs know tell let's let help best way ways good"
)
"""Words that say how something is asked rather than what of."""

EXACT_ASKING = _of("who whom whose when where why")
ASKING = _of("who whom whose when where why how what which")

AMBIGUOUS_TIMES = _of("may mar sun sat mon")
"""Days and months that are words besides: they count where they are capitalised within a sentence, as names do."""

TIMES = _of(
    "january february march april june july august september october november december jan feb apr jun jul aug sep sept oct nov dec "
    "monday tuesday wednesday thursday friday saturday sunday tue wed thu fri today tomorrow yesterday tonight"
)
"""Days and months."""

_COUNTED = """
0 zero | 2 two twice second double | 3 three third triple | 4 four | 5 five | 6 six | 7 seven | 8 eight | 9 nine | 10 ten | 11 eleven | 12 twelve
13 thirteen | 14 fourteen | 15 fifteen | 16 sixteen | 17 seventeen | 18 eighteen | 19 nineteen | 20 twenty | 30 thirty | 40 forty | 50 fifty
60 sixty | 70 seventy | 80 eighty | 90 ninety | 0.5 half | 100 hundred | 1000 thousand | 1000000 million | 1000000000 billion
"""


def _by_name(groups: str) -> Mapping[str, str]:
    """The first word of each group by all of its words."""
    lists = [group.split() for line in groups.strip().splitlines() for group in line.split("|")]
    return {name: names[0] for names in lists for name in names}


NUMBERS: Mapping[str, str] = _by_name(_COUNTED)
"""Numbers in words; `one` is a pronoun as often."""

_UNITS = """
$ usd dollar dollars | € eur euro euros | £ gbp | ¥ jpy yen | inr rupee rupees | chf franc francs | cny yuan | % percent
kg kilo kilos kilogram kilograms | g gram grams | mg milligram milligrams | lb lbs pound pounds | oz ounce ounces | t ton tons tonne tonnes
km kilometer kilometers kilometre kilometres | m meter meters metre metres | cm centimeter centimeters centimetre centimetres | mm millimeter millimeters
mi mile miles | ft foot feet | inch inches | yd yard yards | l liter liters litre litres | ml milliliter milliliters | gal gallon gallons
ms millisecond milliseconds | s sec secs seconds | min mins minute minutes | h hr hrs hour hours | day days | week weeks | month months | year years yr yrs
b byte bytes | kb kilobyte kilobytes | mb megabyte megabytes | gb gigabyte gigabytes | tb terabyte terabytes | kwh | kw | w watt watts | v volt volts
c celsius | f fahrenheit | k kelvin | mph | kph kmh | hz | khz | mhz | ghz | px | pt
"""
UNITS: Mapping[str, str] = _by_name(_UNITS)
"""What is counted, by each of its names: the first stands for all."""

ROLES: Mapping[str, str] = {word: word for word in _of("from to by for via with against than")} | {
    "into": "to",
    "onto": "to",
}
"""Prepositions that say which part the noun after them plays."""

PEOPLE: Mapping[str, str] = {
    **dict.fromkeys(_of("i me my mine myself we us our ours"), "1"),
    **dict.fromkeys(_of("you your yours yourself"), "2"),
    **dict.fromkeys(_of("he him his she her hers they them their theirs"), "3"),
}

LANGUAGES: Mapping[str, frozenset[str]] = {
    "en": _of("the is are what how can my you do does and for with this that of which where when why would please want need"),
    "de": _of("der die das ist sind und wie kann ich mein meine nicht ein eine für mit wo warum bitte auf zu den wann welche"),
    "fr": _of("le la les est sont et comment puis je mon ma mes ne pas un une pour avec où pourquoi quel quelle des du vous"),
    "es": _of("el la los las es son y cómo como puedo mi mis no un una para con dónde qué por cuándo cuál quiero del usted"),
    "it": _of("il lo gli è sono e come posso mio mia non un una per con dove perché quale che della voglio del di"),
    "pt": _of("o os as é são e como posso meu minha não um uma para com onde quando qual quero do da você"),
    "nl": _of("de het een is zijn en hoe kan ik mijn niet voor met waar waarom welke wat wil van graag"),
}  # fmt: skip
