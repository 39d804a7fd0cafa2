"""Words that are no digits, for the background class: everyday words, words that sound like a digit, and sentences.

None of them is, contains or is pronounced like an English digit ("for", "to", "won", "ate" and "someone" are left out:
nobody could tell them apart). The words for training and for the false-accept test are disjoint.
"""

from __future__ import annotations

import zlib

import numpy as np

_EVERYDAY = """
about above across after again air alarm almost along always animal answer apple april arm around asleep autumn away
baby back bad bag ball banana basket battery bed behind best better between big bird black blue board boat body book
bottle bottom box boy bread breakfast bridge bright bring brother brown building bus butter button cake call camera
candle car carry cat ceiling chair cheese child church circle city clean clock close cloud coat coffee cold colour
come computer cook copper corner cotton country cover cream cup curtain dance danger dark daughter day december deep
desk dinner dirty doctor dog door double down dream dress drink drive dry early earth east easy egg empty engine
evening every exit eye face family far farmer fast father february feather field fire fish flower fly follow food
foot forest fridge friday friend front fruit garden gate girl glass glove go gold good grass green ground guitar
hair half hammer hand happy hat head heart heavy hello help here hill hold holiday home horse hospital hot hour
house hungry husband ice island jacket january july june jump keep kettle key kitchen knife ladder lady lake lamp
land large last laugh leaf left lemon letter library light little long look loud love low lunch machine market
meadow mean middle milk minute mirror monday money month moon morning mother mountain mouse mouth music name narrow
near needle never new no north november nose number october off old on open orange orchard over paint paper parcel
park party pencil people pepper picture pillow plane plant plate play please pocket potato pull purple push quick
quiet rabbit radio rain red ribbon right ring river road roof room round salad salt sand saturday school sea second
shadow sheep ship shirt shoe shop short shower sister sky sleep slow small snow soap soft soup south spoon spring
square stairs star start station stone stop storm story street strong sugar summer sun sunday sweet table tall tea
teacher thank thunder thursday ticket tiger tired tomato tomorrow town toy train tree trousers tuesday umbrella
uncle under up valley village voice wait walk wall warm wash watch water weather wednesday week well west wet wheel
white why wife wind window winter woman wood wool word work world write yellow yes yesterday young
"""

_LIKE_DIGITS = """
hero arrow row zeal zebra narrow sun run wand swan want when tool tooth shoe true
tree free threw throw thread flea tea key fur fork force form floor door more war fire fight file find fly life
hive dive drive live alive sick fix mix kicks ticks sit sing silk heaven sever level
clever savour ape aid late gate hate age aim day they line mine night fine sign pine find nice lime time
"""


def _part(words: list[str], test: bool) -> list[str]:
    """The fifth of the words that is kept for testing, or the rest; stable, from the spelling alone."""
    return [word for word in sorted(set(words)) if (zlib.crc32(word.encode()) % 5 == 0) == test]


def training_words() -> list[str]:
    """Words for the background class in training; all that sound like a digit are among them."""
    return [*_part(_EVERYDAY.split(), test=False), *sorted(set(_LIKE_DIGITS.split()))]


def test_words() -> list[str]:
    """Words that training never heard, for the false-accept test."""
    return _part(sorted(set(_EVERYDAY.split()) - set(_LIKE_DIGITS.split())), test=True)


def sentence(words: list[str], rng: np.random.Generator) -> str:
    """Five to twelve of `words` in a row, to be spoken without pauses between them."""
    return " ".join(str(w) for w in rng.choice(words, int(rng.integers(5, 13))))
