"""Synthetic speakers: espeak-ng run as a process, its audio kept in the cache folder.

A voice is a language, a variant (timbre), a pitch and a speaking rate. A share of the voices speaks with
the vowels and consonants of another language, from respelled words: that is where a formant synthesiser differs most
from itself, and it is what accents sound like to a small network.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fieldwren import paths
from fieldwren.errors import MissingToolError
from fieldwren.train.clips import DIGITS, SYNTHETIC, Audio, Clip, active_part, read_wav

ENGLISH = (
    "en-gb",
    "en-us",
    "en-gb-scotland",
    "en-gb-x-gbclan",
    "en-gb-x-gbcwmd",
    "en-gb-x-rp",
    "en-us-nyc",
    "en-029",
)

TIMBRES = (
    *("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "f1", "f2", "f3", "f4", "f5"),
    *("adam", "Alex", "Alicia", "Andrea", "Andy", "Annie", "belinda", "benjamin", "boris", "caleb", "david", "Denis"),
    *("ed", "edward", "Gene", "Henrique", "Hugo", "john", "kaukovalta", "Lee", "linda", "marcelo", "Marco"),
    *("max", "Mike", "norbert", "pablo", "paul", "pedro", "rob", "robert", "sandro", "shelby"),
    *("steph", "steph2", "travis", "victor", "anika", "aunty", "grandpa", "klatt", "klatt2", "klatt3", "klatt4"),
)

# The English digits, zero to nine, written as a reader of that language would have to see them.
ACCENTS: Mapping[str, tuple[str, ...]] = {
    "de": ("siro", "wann", "tuh", "srie", "foor", "faif", "sicks", "sewwen", "ejt", "nain"),
    "fr-fr": ("ziro", "ouane", "tou", "srii", "for", "faïve", "sixe", "sévenne", "éïte", "naïne"),
    "es": ("zírou", "uán", "tu", "tri", "for", "faif", "six", "séven", "eit", "náin"),
    "it": ("zìro", "uan", "tu", "tri", "foor", "faiv", "sics", "sèven", "eit", "nain"),
    "pl": ("ziroł", "łan", "tu", "tri", "for", "fajw", "syks", "sewen", "ejt", "najn"),
    "nl": ("ziero", "wan", "toe", "srie", "foor", "faaiv", "sieks", "seven", "eet", "naain"),
    "pt-br": ("zírou", "uân", "tu", "trí", "fór", "faiv", "siks", "séven", "êit", "nain"),
    "sv": ("siro", "oann", "to", "tri", "får", "fajv", "sicks", "sevven", "ejt", "najn"),
    "fi": ("siro", "van", "tuu", "trii", "foor", "faiv", "siks", "seven", "eit", "nain"),
    "cs": ("zírou", "van", "tů", "trí", "fór", "fajv", "siks", "sevn", "ejt", "najn"),
    "hu": ("ziró", "van", "tú", "szrí", "fór", "fájv", "sziksz", "szeven", "éjt", "nájn"),
    "tr": ("ziro", "van", "tu", "tri", "for", "fayv", "siks", "sevın", "eyt", "nayn"),
    "id": ("ziro", "wan", "tu", "tri", "for", "faif", "siks", "seven", "eit", "nain"),
    "ro": ("zirou", "uan", "tu", "tri", "for", "faiv", "sics", "seven", "eit", "nain"),
}


@dataclass(frozen=True)
class Voice:
    """One synthetic speaker."""

    language: str  # espeak-ng's name
    timbre: str = ""  # voice variant
    pitch: int = 50  # 0–99
    words_per_minute: int = 160
    respelled: Mapping[str, str] = field(default_factory=dict, hash=False)  # word -> spelling for this language

    @property
    def name(self) -> str:
        """Used as the group of the clips."""
        timbre = f"+{self.timbre}" if self.timbre else ""
        return f"espeak:{self.language}{timbre}/{self.pitch}/{self.words_per_minute}"


def voices(count: int, seed: int, accented: float = 0.25) -> list[Voice]:
    """`count` different voices drawn by `seed`; the share `accented` speaks respelled digits in a foreign language."""
    rng = np.random.default_rng([seed, 0x766F6963])
    drawn: dict[str, Voice] = {}
    while len(drawn) < count:
        foreign = rng.random() < accented
        language = str(rng.choice(sorted(ACCENTS) if foreign else ENGLISH))
        voice = Voice(
            language,
            str(rng.choice(TIMBRES)),
            int(rng.integers(5, 96)),
            int(rng.integers(110, 211)),
            dict(zip(DIGITS, ACCENTS[language], strict=True)) if foreign else {},
        )
        drawn[voice.name] = voice
    return list(drawn.values())


@functools.cache
def espeak() -> tuple[str, str]:
    """(path of espeak-ng, its version line). Raises MissingToolError when it is not installed."""
    path = shutil.which("espeak-ng")
    if path is None:
        raise MissingToolError("espeak-ng is not installed; it speaks the synthetic training words (Debian: espeak-ng)")
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    return path, version.split("Data at")[0].strip()


def say(text: str, voice: Voice) -> Audio:
    """`text` (or the voice's own spelling of it) as float32 at 16 kHz with the silence around it removed."""
    program, version = espeak()
    arguments = [
        *("-v", f"{voice.language}+{voice.timbre}" if voice.timbre else voice.language),
        *("-p", str(voice.pitch), "-s", str(voice.words_per_minute)),
        voice.respelled.get(text, text),
    ]
    key = hashlib.sha256("\0".join([version, *arguments]).encode()).hexdigest()[:32]
    file = paths.cache() / "espeak" / f"{key}.wav"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(suffix=".wav", dir=file.parent)
        os.close(handle)
        try:
            command = [program, *arguments[:-1], "-w", temporary, "--", arguments[-1]]
            run = subprocess.run(command, check=False, capture_output=True, text=True)
            if run.returncode != 0 or Path(temporary).stat().st_size < 100:  # refuses some options with exit code 0
                raise MissingToolError(f"espeak-ng cannot speak with voice {voice.name}: {run.stderr.strip()}")
            Path(temporary).replace(file)
        finally:
            Path(temporary).unlink(missing_ok=True)
    return active_part(read_wav(file), threshold_db=-45.0)


def spoken_words(words: Sequence[str], speakers: Sequence[Voice]) -> list[Clip]:
    """Every word by every speaker; the label is the word, the group the voice."""
    return [Clip(say(word, voice), word, voice.name, word, SYNTHETIC) for voice in speakers for word in words]
