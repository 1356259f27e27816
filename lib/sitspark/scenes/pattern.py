"""Any archive whose files say in their paths of which tile, date and band they are."""

import itertools
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sitspark.errors import SitsparkError, some
from sitspark.location import Location
from sitspark.scenes import store
from sitspark.scenes.archive import Found, Listed, stored
from sitspark.scenes.described import Place, common_scale, places, refuse_unknown
from sitspark.scenes.product import Contents, ProductName, Source, StoredFile, moment
from sitspark.scenes.store import Entry
from sitspark.settings import DescriptionSettings, ScenesSettings

_FIELD = re.compile(r"\{(?P<name>\w*)(?::(?P<format>[^}]*))?\}|(?P<any>\*)")
_ANY_NAME = "[^/]+?"
# codes of strptime, and what they stand for
_CODES: Mapping[str, str] = {
    "Y": r"\d{4}",
    "y": r"\d{2}",
    "m": r"\d{2}",
    "d": r"\d{2}",
    "j": r"\d{3}",
    "b": r"[A-Za-z]{3}",
    "H": r"\d{2}",
    "M": r"\d{2}",
    "S": r"\d{2}",
}


@dataclass(frozen=True, slots=True)
class Template:
    """Paths with fields: `levels` match folder by folder, `whole` all of it, where equal fields are equal.

    `wanted` is the same for paths of the bands that are asked for.
    """

    levels: tuple[re.Pattern[str], ...]
    whole: re.Pattern[str]
    wanted: re.Pattern[str]

    @staticmethod
    def of(text: str, bands: Iterable[str] = ()) -> "Template":
        """Read {tile}, {band}, {date:FORMAT} (codes of strptime) and *; raises SitsparkError for anything else.

        `bands` are what {band} stands for in the paths that are asked for.
        """
        if not re.search(r"\{date:[^}]*%[Yy]", text):
            raise SitsparkError(f"scenes.pattern: {text} has no year; write dates as {{date:%Y%m%d}}")
        # a date over several folders is one field in each
        text = re.sub(r"\{date:([^}]*)\}", lambda date: "/".join(f"{{date:{d}}}" for d in date[1].split("/")), text.strip("/"))
        levels = tuple(re.compile(_regex(part)) for part in text.split("/"))
        # the longest first: of blue_2 and blue it is the former
        names = "|".join(re.escape(band) for band in sorted(bands, key=len, reverse=True))
        return Template(levels, re.compile(_regex(text)), re.compile(_regex(text, band=names or _ANY_NAME)))

    @property
    def has_bands(self) -> bool:
        """Whether files are of one band each, or of several that the path tells apart."""
        return "band" in self.whole.groupindex

    @property
    def has_time(self) -> bool:
        """Whether paths say the hour too."""
        return "H" in self.whole.groupindex

    def match(self, path: str) -> "Match | None":
        """What a path says; None for one of another form."""
        # a name with _ could be cut at several places: first as the bands have it
        found = self.wanted.fullmatch(path) or self.whole.fullmatch(path)
        if found is None:
            return None
        fields = found.groupdict()
        codes = [code for code in _CODES if code in fields]
        acquired = moment(" ".join(fields[code] for code in codes), " ".join(f"%{code}" for code in codes))
        form = "%Y%m%dT%H%M%S" if self.has_time else "%Y%m%d"
        date = "".join(fields[code] for code in codes) if acquired is None else f"{acquired:{form}}"
        return Match(fields.get("tile"), date, acquired, fields.get("band"))


@dataclass(frozen=True, slots=True)
class Match:
    """What the path of a file says: its date as products are called by it, and as a time, None where there is no such date."""

    tile: str | None
    date: str
    acquired: datetime | None
    band: str | None


def _regex(text: str, band: str = _ANY_NAME) -> str:
    """Fields that come again are references to the first; `band` is the form of {band}."""
    parts: list[str] = []
    known: set[str] = set()
    at = 0

    def group(name: str, form: str) -> str:
        again = name in known
        known.add(name)
        return f"(?P={name})" if again else f"(?P<{name}>{form})"

    for field in _FIELD.finditer(text):
        parts.append(re.escape(text[at : field.start()]))
        at = field.end()
        if field["any"]:
            parts.append("[^/]*")
        elif field["name"] in ("tile", "band") and field["format"] is None:
            parts.append(group(field["name"], band if field["name"] == "band" else _ANY_NAME))
        elif field["name"] == "date" and field["format"]:
            for piece in re.findall(r"%.|[^%]+", field["format"]):
                if piece[0] == "%" and piece[1] not in _CODES:
                    raise SitsparkError(f"scenes.pattern: {piece} is no code of a date; known are {_listed_codes()}")
                parts.append(group(piece[1], _CODES[piece[1]]) if piece[0] == "%" else re.escape(piece))
        else:
            raise SitsparkError(
                f"scenes.pattern: {field[0]} is no field; known are {{tile}}, {{band}}, {{date:FORMAT}} as {{date:%Y%m%d}}, "
                "and *"
            )
    return "".join(parts) + re.escape(text[at:])


def _listed_codes() -> str:
    return ", ".join(f"%{code}" for code in _CODES)


def search(settings: ScenesSettings) -> Iterator[Found]:
    """The products of an archive: the files of one tile and date. Strangers are files of another name in their folders.

    Raises SitsparkError for a pattern that can't be read or doesn't go with the bands, and for two files of one band.
    """
    described = places(settings.description)
    bands = [str(place.number) if place.text is None else place.text for place in described.values()]
    template = Template.of(settings.pattern or "", bands)
    wanted = {name: _in_paths(name, place, template) for name, place in described.items()}
    texts = {place.text for place in wanted.values()}
    bands_seen: set[str | None] = set()
    times: dict[str, datetime | None] = {}
    # the files of a product may lie far apart: they are brought together on disk
    together = sqlite3.connect("")
    together.execute("CREATE TABLE file (tile TEXT, date TEXT, band TEXT, address TEXT, state TEXT)")
    for entry in _descend(settings.folder, template.levels):
        match = template.match(entry.location.below(settings.folder))
        if match is None:
            yield entry.location
            continue
        bands_seen.add(match.band)
        if match.band in texts:
            times[match.date] = match.acquired
            row = (match.tile or settings.folder.name, match.date, match.band, stored(entry.location), entry.state)
            together.execute("INSERT INTO file VALUES (?, ?, ?, ?, ?)", row)
    _refuse_twice(together)
    if bands_seen and not bands_seen & texts:
        seen, asked = some(sorted(map(str, bands_seen))), some(sorted(map(str, texts)))
        raise SitsparkError(f"scenes.description: the files are of the bands {seen}, none of {asked}; correct the names")
    if bands_seen and template.has_bands:
        have = [name for name, place in wanted.items() if place.text in bands_seen]
        refuse_unknown(wanted, have, set(map(str, bands_seen)), "a {band}")
    rows = together.execute("SELECT * FROM file ORDER BY tile, date, address")
    for (tile, date), of_product in itertools.groupby(rows, key=lambda row: row[:2]):
        files = {row[2]: _File(*row[3:]) for row in of_product}
        source = _source(f"{tile}_{date}", files, wanted, settings.description)
        sensor = settings.description.sensor
        yield Listed.named(source, ProductName(sensor, sensor, tile, times[date]))


@dataclass(frozen=True, slots=True)
class _File:
    address: str
    state: str


def _refuse_twice(together: sqlite3.Connection) -> None:
    """Raise SitsparkError for two files of one band, tile and date."""
    twice = "SELECT min(address), max(address) FROM file GROUP BY tile, date, band HAVING count(*) > 1 ORDER BY 1 LIMIT 1"
    for first, second in together.execute(twice):
        raise SitsparkError(
            f"scenes.pattern: {first} and {second} are the same band of the same tile and date; put what tells them apart in "
            "the pattern"
        )


def _in_paths(name: str, place: Place, template: Template) -> Place:
    """The place of a band by what stands for {band}, None where the paths have none; a number alone may stand for it."""
    if not template.has_bands:
        if place.text is not None:
            raise SitsparkError(
                f"scenes.description: {name} is '{place.text}', but scenes.pattern has no {{band}}; give its number in the file"
            )
        return place
    return Place(str(place.number)) if place.text is None else place


def _source(
    scene_id: str, files: Mapping[str | None, _File], wanted: Mapping[str, Place], description: DescriptionSettings
) -> Source:
    scale, offset = common_scale(1e-4 if description.scale is None else description.scale, description.offset or 0.0)
    contents = {}
    for name, place in wanted.items():
        if place.text in files:
            address = files[place.text].address
            contents[name] = (
                StoredFile(address, scale, offset, description.nodata, place.number)
                if name in description.bands
                else StoredFile(address, number=place.number)
            )
    # by their addresses
    first, *_ = in_order = list(files.values())
    return Source(scene_id, Location(first.address), Contents(contents), " ".join(file.state for file in in_order))


def _descend(folder: Location, levels: tuple[re.Pattern[str], ...]) -> Iterator[Entry]:
    """The files as deep as the pattern is, in folders that match it."""
    level, *below = levels
    for entry in store.scanned(folder):
        if not below:
            if not entry.is_folder:
                yield entry
        elif entry.is_folder and level.fullmatch(entry.location.name):
            yield from _descend(entry.location, tuple(below))
