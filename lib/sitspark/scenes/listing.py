"""Listing an archive, whatever its layout."""

import sqlite3
from collections.abc import Iterator

from sitspark.errors import SitsparkError
from sitspark.scenes import folders, pattern, stac, store
from sitspark.scenes.archive import Archive, Found
from sitspark.scenes.choice import choose
from sitspark.scenes.layouts import DELIVERED
from sitspark.scenes.region import Region
from sitspark.settings import ScenesSettings


def list_archive(settings: ScenesSettings, region: Region | None = None) -> Archive:
    """The products of the wanted tiles, without opening any; a catalogue is asked only for those that meet the region.

    Raises SitsparkError when none of them is wanted.
    """
    try:
        archive = Archive.of(_search(settings, region))
        if not archive.products:
            raise SitsparkError(_nothing_found(settings, archive))
        choose(archive, settings)
    except sqlite3.OperationalError as error:
        raise SitsparkError(
            f"{settings.folder}: the list of its products can't be written to a temporary file ({error}); set SQLITE_TMPDIR to "
            "a folder with more space"
        ) from None
    return archive


def _search(settings: ScenesSettings, region: Region | None) -> Iterator[Found]:
    if settings.layout == "stac":
        return stac.search(settings, region)
    if not store.is_folder(settings.folder):
        raise SitsparkError(f"scenes.folder: there is no folder {settings.folder}; correct the path")
    if settings.layout == "pattern":
        return pattern.search(settings)
    return folders.search(settings.folder, DELIVERED[settings.layout])


def _nothing_found(settings: ScenesSettings, found: Archive) -> str:
    if settings.layout == "stac":
        return f"scenes.folder: {settings.folder} has no item of the wanted collections, dates and region"
    if settings.layout == "pattern":
        stranger = next(iter(found.strangers), None)
        other = f", as {stranger.below(settings.folder)} doesn't" if stranger else ""
        return f"scenes.pattern: no file below {settings.folder} is named as {settings.pattern}{other}; correct the pattern"
    return (
        f"scenes.folder: no {settings.layout} product lies in {settings.folder} or one level below; "
        "name the folder that holds the products, or another scenes.layout"
    )
