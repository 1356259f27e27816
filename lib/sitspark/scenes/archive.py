"""The products of an archive, in a file while a command runs: many take no more memory than a few."""

import hashlib
import itertools
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeAlias, TypeVar

import pyarrow as pa

from sitspark.ahead import mapped
from sitspark.errors import SitsparkError
from sitspark.location import Location
from sitspark.scenes.container import Container
from sitspark.scenes.left_out import NO_DATE, LeftOut, Reason
from sitspark.scenes.product import Contents, ProductName, Source

T = TypeVar("T")

_ROWS = 1000  # of a batch
_THREADS = 16  # products whose files are looked at together: on disk and in a store it is waiting
_TABLES = """
    CREATE TABLE product (
        id INTEGER PRIMARY KEY, scene_id TEXT, collection TEXT, address TEXT, file_name TEXT, is_packed INTEGER, state TEXT,
        contents TEXT, sensor TEXT, platform TEXT, tile TEXT, acquired TEXT, relative_orbit INTEGER, processing_baseline TEXT,
        processed TEXT, ground TEXT, left_out TEXT, problem TEXT, fingerprint TEXT
    );
    CREATE TABLE stranger (address TEXT);
"""
_INDICES = """
    CREATE INDEX by_address ON product (address, id);
    CREATE INDEX by_name ON product (scene_id);
    CREATE INDEX by_tile ON product (tile, address, id);
"""
_INSERT = f"INSERT INTO product VALUES (NULL, {', '.join('?' * 17)}, NULL)"
# what `Listed` is made of
_LISTED = (
    "scene_id, collection, address, state, contents, sensor, platform, tile, acquired, relative_orbit, processing_baseline, "
    "processed, ground, left_out, problem"
)
_NEXT = f"""
    SELECT address, id, {_LISTED} FROM product WHERE left_out IS NULL AND (address, id) > (?, ?) ORDER BY address, id LIMIT ?
"""

# a product as it is known before any of its files is opened
ROW = pa.schema(
    [
        *((name, pa.string()) for name in ("scene_id", "sensor", "platform", "tile")),
        ("acquired", pa.timestamp("us", "UTC")),
        ("relative_orbit", pa.int32()),
        *((name, pa.string()) for name in ("processing_baseline", "address", "fingerprint", "left_out", "problem", "contents")),
    ]
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A product of the archive; `left_out` is None where it is wanted.

    A name that a catalogue gives is unique in its `collection` ('' where the item names none); None: the name is the file's.
    """

    source: Source
    name: ProductName
    left_out: LeftOut | None = None
    collection: str | None = None

    @staticmethod
    def named(source: Source, name: ProductName) -> "Listed":
        """A product by its name; without a date it has no place in a series, and is left out."""
        undated = LeftOut(Reason.NO_DATE, NO_DATE % (source.scene_id, source.location))
        return Listed(source, name, undated if name.acquired is None else None)

    @property
    def acquired(self) -> datetime:
        """When it was acquired: of all that are wanted it is known."""
        assert self.name.acquired is not None, self.scene_id
        return self.name.acquired

    @property
    def scene_id(self) -> str:
        """The name by which tables and settings call it."""
        return self.source.scene_id

    @property
    def address(self) -> str:
        """Where it is."""
        return self.source.location.address


Found: TypeAlias = Listed | Location  # what a search comes upon: a product, or the place of what its layout doesn't recognise


@dataclass(frozen=True, slots=True)
class Rows(Generic[T]):
    """Values that are read from the file each time they are gone through."""

    database: sqlite3.Connection
    query: str
    made: Callable[..., T]
    parameters: Sequence[Any] = ()

    def __iter__(self) -> Iterator[T]:
        return (self.made(*row) for row in self.database.execute(self.query, self.parameters))

    def __len__(self) -> int:
        (count,) = self.database.execute(f"SELECT count(*) FROM ({self.query})", self.parameters).fetchone()
        return int(count)


@dataclass(frozen=True, slots=True)
class Archive:
    """What lies in an archive: products in the order of their addresses, and `strangers` that its layout doesn't recognise.

    The database is a file that vanishes when nobody holds it any more.
    """

    database: sqlite3.Connection

    @staticmethod
    def of(found: Iterable[Found]) -> "Archive":
        """What a search came upon. Items of one name get that of their collection too; of those of one collection the first
        by address stays, and the others are left out.

        Raises SitsparkError for a product whose path isn't text.
        """
        # the empty name: a file without one, kept in the page cache (2 MB) and spilled beyond
        database = sqlite3.connect("")
        database.executescript(f"PRAGMA journal_mode = OFF; {_TABLES}")
        for some in _batches(found):
            database.executemany(_INSERT, [_row(entry) for entry in some if isinstance(entry, Listed)])
            strangers = [(_legible(entry.address),) for entry in some if isinstance(entry, Location)]
            database.executemany("INSERT INTO stranger VALUES (?)", strangers)
        database.executescript(_INDICES)
        database.execute(
            """
            UPDATE product SET scene_id = collection || '/' || scene_id WHERE collection <> '' AND scene_id IN
                (SELECT scene_id FROM product WHERE collection IS NOT NULL GROUP BY scene_id HAVING count(*) > 1)
            """
        )
        database.execute(
            """
            UPDATE product SET scene_id = scene_id || ' (' || address || ')', left_out = ?,
                problem = scene_id || ': another item of the collection has this id'
            WHERE collection IS NOT NULL AND id IN (
                SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY scene_id ORDER BY address, id) AS place FROM product)
                WHERE place > 1
            )
            """,
            [Reason.DUPLICATE],
        )
        return Archive(database)

    @property
    def products(self) -> Rows[Listed]:
        """All of them."""
        return self._listed("")

    @property
    def wanted(self) -> Rows[Listed]:
        """Those that nothing leaves out so far."""
        return self._listed("WHERE left_out IS NULL")

    def wanted_of(self, tile: str) -> Rows[Listed]:
        """Those of a tile that nothing leaves out so far."""
        return self._listed("WHERE left_out IS NULL AND tile = ?", tile)

    @property
    def strangers(self) -> Rows[Location]:
        """Where something lies that is no product."""
        return Rows(self.database, "SELECT address FROM stranger ORDER BY address", Location)

    @property
    def left_out(self) -> Rows[LeftOut]:
        """Why products are left out."""
        return self._left_out(tuple(Reason))

    @property
    def faulty(self) -> Rows[LeftOut]:
        """What their listing alone tells to be wrong with products."""
        return self._left_out([reason for reason in Reason if not reason.is_chosen])

    @property
    def tiles(self) -> Counter[str]:
        """The number of wanted products of each tile, by name."""
        of_tile = "SELECT tile, count(*) FROM product WHERE left_out IS NULL GROUP BY tile ORDER BY tile"
        return Counter(dict(self.database.execute(of_tile)))

    def days_of(self, tiles: Iterable[str]) -> tuple[date, ...]:
        """The days of the wanted products of some tiles."""
        days = """
            SELECT DISTINCT substr(acquired, 1, 10) FROM product
            WHERE left_out IS NULL AND tile IN (SELECT value FROM json_each(?)) ORDER BY 1
        """
        return tuple(date.fromisoformat(day) for (day,) in self.database.execute(days, [json.dumps(list(tiles))]))

    def fingerprint(self, of: Callable[[Source], str]) -> str:
        """Note with each wanted product what `of` says of its files, which is asked in threads; one hash over all."""
        whole = hashlib.sha256()
        last: tuple[str, int] = ("", 0)
        # what is being read isn't written: batch by batch
        while rows := self.database.execute(_NEXT, [*last, _ROWS]).fetchall():
            told = list(mapped(lambda row: of(_made(*row[2:]).source), rows, threads=_THREADS))
            self.database.executemany(
                "UPDATE product SET fingerprint = ? WHERE id = ?",
                [(found, row[1]) for found, row in zip(told, rows, strict=True)],
            )
            for found, (address, *_) in zip(told, rows, strict=True):
                whole.update(f"{address} {found}\n".encode())
            last = rows[-1][:2]
        return whole.hexdigest()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All products in the form of `ROW`."""
        cursor = self.database.execute(f"SELECT {', '.join(ROW.names)} FROM product ORDER BY address, id")
        while rows := cursor.fetchmany(_ROWS):
            columns = dict(zip(ROW.names, map(list, zip(*rows, strict=True)), strict=True))
            columns["acquired"] = [None if time is None else datetime.fromisoformat(time) for time in columns["acquired"]]
            yield pa.RecordBatch.from_pydict(columns, schema=ROW)

    def _listed(self, where: str, *parameters: str) -> Rows[Listed]:
        return Rows(self.database, f"SELECT {_LISTED} FROM product {where} ORDER BY address, id", _made, parameters)

    def _left_out(self, reasons: Sequence[Reason]) -> Rows[LeftOut]:
        marks = ", ".join("?" * len(reasons))
        query = f"SELECT left_out, problem FROM product WHERE left_out IN ({marks}) ORDER BY address, id"
        return Rows(self.database, query, lambda reason, sentence: LeftOut(Reason(reason), sentence), reasons)


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while some := list(itertools.islice(iterator, _ROWS)):
        yield some


def _row(product: Listed) -> tuple[Any, ...]:
    """A product as the columns of its table, but for the number and the fingerprint."""
    source, name, left_out = product.source, product.name, product.left_out
    return (
        source.scene_id,
        product.collection,
        stored(source.location),
        source.location.name,
        Container(source.location).is_archive,
        source.state,
        source.contents.to_json() if source.contents else None,
        name.sensor,
        name.platform,
        name.tile,
        name.acquired.isoformat(timespec="microseconds") if name.acquired else None,
        name.relative_orbit,
        name.processing_baseline,
        name.processed,
        name.ground,
        left_out.reason if left_out else None,
        left_out.sentence if left_out else None,
    )


def stored(location: Location) -> str:
    """An address as text; raises SitsparkError for a path of bytes that are none, which tables can't hold."""
    try:
        location.address.encode()
    except UnicodeEncodeError:
        raise SitsparkError(f"{_legible(location.address)}: its name isn't UTF-8; rename it") from None
    return location.address


def _legible(address: str) -> str:
    """A path with bytes that are no text written as such."""
    return address.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _made(scene_id: str, collection: str | None, address: str, state: str, contents: str | None, *rest: Any) -> Listed:
    """A product from the columns of `_LISTED`."""
    sensor, platform, tile, acquired, orbit, baseline, processed, ground, reason, sentence = rest
    source = Source(scene_id, Location(address), Contents.from_json(contents) if contents else None, state)
    time = None if acquired is None else datetime.fromisoformat(acquired)
    name = ProductName(sensor, platform, tile, time, orbit, baseline, processed, ground)
    return Listed(source, name, LeftOut(Reason(reason), sentence) if reason else None, collection)
