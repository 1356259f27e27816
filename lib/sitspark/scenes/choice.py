"""Which products of an archive are read: those that the settings ask for, and of an acquisition the newest processing."""

import json
from typing import Any

from sitspark.errors import SitsparkError, counted, nearest, some
from sitspark.scenes.archive import Archive
from sitspark.scenes.left_out import Reason
from sitspark.settings import ScenesSettings


def choose(archive: Archive, settings: ScenesSettings) -> None:
    """Forget the products of other tiles, and judge the rest; raises SitsparkError when none of them is wanted."""
    tiles = {tile for (tile,) in archive.database.execute("SELECT DISTINCT tile FROM product")}
    absent = [tile for tile in settings.tiles if tile not in tiles]
    if absent:
        raise SitsparkError(
            f"scenes.tiles: no product of tile {', '.join(absent)} in {settings.folder}; it has {some(sorted(tiles), most=20)}"
            f"{nearest(absent[0], tiles)}"
        )
    if settings.tiles:
        names = json.dumps(settings.tiles)
        archive.database.execute("DELETE FROM product WHERE tile NOT IN (SELECT value FROM json_each(?))", [names])
    judge(archive, settings)
    if not archive.wanted:
        raise SitsparkError(_nothing_left(archive, settings))


def judge(archive: Archive, settings: ScenesSettings) -> None:
    """Leave out what the settings do not ask for, then all but the newest processing of each acquisition.

    Products of one platform, tile and second are one acquisition. The latest processing wins; of one product that is
    there twice the folder wins over the archive file, then the first address. Two acquisitions of one day are no duplicates.
    """
    names = json.dumps(settings.exclude)
    named = "scene_id IN (SELECT value FROM json_each(:names)) OR file_name IN (SELECT value FROM json_each(:names))"
    # the last reason stays
    _leave_out(archive, Reason.NAMED, named, "is named in scenes.exclude", names=names)
    if settings.end:
        late, told = "substr(acquired, 1, 10) > :day", f"is of %s, after scenes.end ({settings.end})"
        _leave_out(archive, Reason.DATE, late, told, day=str(settings.end))
    if settings.start:
        early, told = "substr(acquired, 1, 10) < :day", f"is of %s, before scenes.start ({settings.start})"
        _leave_out(archive, Reason.DATE, early, told, day=str(settings.start))
    # what is replaced is known before anything is written
    archive.database.execute("CREATE TEMP TABLE better (id INTEGER PRIMARY KEY, address TEXT, scene_id TEXT)")
    archive.database.execute(f"INSERT INTO better {_BETTER}")
    archive.database.execute(_SUPERSEDED, [Reason.DUPLICATE])
    archive.database.execute("DROP TABLE better")


def _leave_out(archive: Archive, reason: Reason, where: str, told: str, **values: str) -> None:
    """Give a reason to the products for which a condition holds; %s in what is told is the day."""
    set_to = "left_out = :reason, problem = scene_id || ': ' || replace(:told, '%s', coalesce(substr(acquired, 1, 10), ''))"
    parameters: dict[str, Any] = values | {"reason": reason, "told": told}
    archive.database.execute(f"UPDATE product SET {set_to} WHERE {where}", parameters)


# of each product that another one replaces: that one. Processings of one acquisition differ by milliseconds: time up to the
# second
_BETTER = """
    SELECT id, best, best_name FROM (
        SELECT id, row_number() OVER same AS place, first_value(address) OVER same AS best,
            first_value(scene_id) OVER same AS best_name
        FROM product WHERE left_out IS NULL
        WINDOW same AS (
            PARTITION BY platform, tile, ground, substr(acquired, 1, 19) ORDER BY processed DESC, is_packed, address, id
        )
    ) WHERE place > 1
"""
_SUPERSEDED = """
    UPDATE product SET left_out = ?, problem = (
        SELECT product.scene_id || ': ' || CASE WHEN product.scene_id = better.scene_id
            THEN 'the same product is there twice' ELSE 'the same acquisition was processed later' END
            || ', ' || better.address || ' is read'
        FROM better WHERE better.id = product.id
    ) WHERE id IN (SELECT id FROM better)
"""


def _nothing_left(archive: Archive, settings: ScenesSettings) -> str:
    total = counted(len(archive.products), "product")
    if archive.faulty:
        return f"scenes: none of {total} can be used: {some((p.sentence for p in archive.faulty), most=3, separator='; ')}"
    ((first, last),) = archive.database.execute(
        "SELECT min(substr(acquired, 1, 10)), max(substr(acquired, 1, 10)) FROM product"
    )
    period = f" from {first} to {last}" if first else ""
    chosen = {"scenes.start": settings.start, "scenes.end": settings.end}
    keys = [f"{key} ({value})" for key, value in chosen.items() if value]
    named = sum(product.reason is Reason.NAMED for product in archive.left_out)
    excluded = [f"scenes.exclude ({named} of them)"] if named else []
    return f"{', '.join(keys + excluded)}: of {total}{period} none is left; correct the dates or names"


def remarks(archive: Archive, settings: ScenesSettings) -> list[str]:
    """Sentences on what the layout doesn't recognise, and on excluded names that no product has."""
    found = []
    if strangers := len(archive.strangers):
        names = some((place.below(settings.folder) for place in archive.strangers), most=3)
        what = f"{strangers} entries" if strangers > 1 else "1 entry"
        found.append(f"{what} of {settings.folder} {'are' if strangers > 1 else 'is'} no {settings.layout} product: {names}")
    if settings.description.bands and not settings.description.masks:
        found.append("scenes.description.masks: there are none, so that clouds count as clear ground")
    unknown = """
        SELECT DISTINCT value FROM json_each(?)
        WHERE value NOT IN (SELECT scene_id FROM product) AND value NOT IN (SELECT file_name FROM product) ORDER BY value
    """
    misspelt = [name for (name,) in archive.database.execute(unknown, [json.dumps(settings.exclude)])]
    if misspelt:
        found.append(f"scenes.exclude: no product is called {some(misspelt, most=3)}")
    return found
