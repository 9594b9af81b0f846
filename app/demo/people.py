"""Invents people: names as they are written at home, and addresses under the reserved example domains only."""

from __future__ import annotations

import random
import re
import unicodedata
from dataclasses import dataclass

# locale -> (share, first names, last names); Greek names carry their Latin spelling for the address.
PEOPLE: dict[str, tuple[float, str, str]] = {
    "el": (
        0.38,
        "Ελένη:eleni Μαρία:maria Κατερίνα:katerina Σοφία:sofia Άννα:anna Δέσποινα:despina Ιωάννα:ioanna"
        " Χριστίνα:christina Γιώργος:giorgos Ανδρέας:andreas Νίκος:nikos Κώστας:kostas Παναγιώτης:panagiotis"
        " Χρίστος:christos Μιχάλης:michalis Στέλιος:stelios Θεοδώρα:theodora Αλέξανδρος:alexandros",
        "Γεωργίου:georgiou Χριστοδούλου:christodoulou Ιωάννου:ioannou Παπαδόπουλος:papadopoulos Νικολάου:nicolaou"
        " Κωνσταντίνου:constantinou Ανδρέου:andreou Χαραλάμπους:charalambous Σάββα:savva Δημητρίου:dimitriou"
        " Μιχαήλ:michael Παναγή:panayi Λοΐζου:loizou Θεοδώρου:theodorou Αντωνίου:antoniou Στυλιανού:stylianou",
    ),
    "tr": (
        0.14,
        "Ayşe Fatma Zeynep Elif Emine Derya Gül Mehmet Ahmet Mustafa Emre Kemal Çağla Özge İbrahim Şule",
        "Yılmaz Kaya Demir Çelik Şahin Öztürk Aydın Arslan Doğan Kılıç Özkan Güneş",
    ),
    "en": (
        0.30,
        "Olivia Grace Amelia Hannah Charlotte Ruth Sophie Jack Oliver Harry Thomas James Daniel Aisha Priya"
        " Niamh Ewan Callum",
        "Walker Hughes Clarke Patel Bennett Fraser Murphy Doyle Wright Foster Reid Sharma Ellis Carter",
    ),
    "de": (
        0.12,
        "Anna Lena Katharina Jürgen Lukas Sabine Björn Heike Matthias Greta Jonas Ulrike",
        "Müller Schäfer Weiß Köhler Fischer Wagner Becker Hoffmann Krüger Vogel",
    ),
    "fr": (
        0.06,
        "Camille Hélène Chloé Élodie François Théo Mathilde Benoît",
        "Lefèvre Moreau Girard Dupont Rousseau Chevalier",
    ),
}

MAIL_HOSTS = (
    "mail.example.com",
    "post.example.org",
    "inbox.example.net",
    "home.example.com",
    "letters.example.org",
)

# Letters that do not fall apart into a Latin letter and an accent.
LATIN = str.maketrans({"ı": "i", "İ": "I", "ß": "ss", "ü": "ue", "ö": "oe", "ä": "ae", "ø": "o"})


@dataclass(frozen=True, slots=True)
class Person:
    first_name: str
    last_name: str
    locale: str
    email: str


class People:
    """Draws people; no two share an address."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._taken: set[str] = set()

    def draw(self) -> Person:
        locales = list(PEOPLE)
        locale = self._rng.choices(locales, [PEOPLE[each][0] for each in locales])[0]
        _, firsts, lasts = PEOPLE[locale]
        first, first_latin = _spellings(self._rng.choice(firsts.split()))
        last, last_latin = _spellings(self._rng.choice(lasts.split()))
        return Person(first, last, locale, self._address(first_latin, last_latin))

    def _address(self, first: str, last: str) -> str:
        name = self._rng.choice(
            (f"{first}.{last}", f"{first[0]}.{last}", f"{first}{last[0]}", f"{last}.{first}")
        )
        host = self._rng.choice(MAIL_HOSTS)
        address, n_tries = f"{name}@{host}", 0
        while address in self._taken:
            n_tries += 1
            address = f"{name}{self._rng.randrange(2, 60 + 40 * n_tries)}@{host}"
        self._taken.add(address)
        return address


def _spellings(name: str) -> tuple[str, str]:
    """The name, and its Latin small letters."""
    written, _, latin = name.partition(":")
    plain = (
        unicodedata.normalize("NFKD", (latin or written).translate(LATIN)).encode("ascii", "ignore").decode()
    )
    return written, re.sub(r"[^a-z]", "", plain.lower())
