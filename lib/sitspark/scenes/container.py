"""A product as it was delivered: a folder, or the archive file as downloaded, of which nothing is unpacked."""

import fnmatch
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from sitspark.errors import SitsparkError
from sitspark.location import Location
from sitspark.scenes import store

ARCHIVES: Mapping[str, str] = {".zip": "vsizip", ".tar": "vsitar"}  # suffix: GDAL's virtual file system


class Files(Protocol):
    """The files of one product."""

    def has(self, member: str) -> bool:
        """Whether a file is there."""

    def address(self, member: str) -> str:
        """Where a file is, for a user."""

    def gdal_path(self, member: str) -> str:
        """What GDAL opens."""

    def size(self, member: str) -> int:
        """The bytes that a file takes, packed."""


class LooseFiles:
    """Files that no folder holds together: members are addresses."""

    def has(self, member: str) -> bool:
        """Whether a file is there, on disk; elsewhere asking takes as long as opening it."""
        path = Location(member).path
        return path is None or path.is_file()

    def address(self, member: str) -> str:
        """Where a file is, for a user."""
        return member

    def gdal_path(self, member: str) -> str:
        """What GDAL opens."""
        return Location(member).gdal

    def size(self, member: str) -> int:
        """The bytes of a file; raises as `store.size`."""
        return store.size(Location(member))


@dataclass(frozen=True)
class Container:
    """The files of one product, by paths that start below its own folder."""

    location: Location

    @property
    def is_archive(self) -> bool:
        """Whether the product is one archive file."""
        folder = self.location.path is not None and self.location.path.is_dir()
        return self.location.suffix in ARCHIVES and not folder

    @property
    def name(self) -> str:
        """The name of the product's own folder, which its files carry; raises SitsparkError for a damaged archive."""
        return self._listing.root if self.is_archive else self.location.name

    def address(self, member: str) -> str:
        """Where a file is, for a user."""
        return str(self.location / member)

    def gdal_path(self, member: str) -> str:
        """What GDAL opens; raises SitsparkError for a damaged archive."""
        if not self.is_archive:
            return (self.location / member).gdal
        return f"/{ARCHIVES[self.location.suffix]}/{self.location.gdal}/{self._listing.names[member]}"

    def has(self, member: str) -> bool:
        """Whether a file is there; raises SitsparkError for a damaged archive."""
        return (self._folder / member).is_file() if self._folder else member in self._listing.names

    def matching(self, pattern: str) -> list[str]:
        """The files that match a pattern (`*` within one folder), sorted; raises SitsparkError for a damaged archive."""
        if self._folder:
            return sorted(str(found.relative_to(self._folder)) for found in self._folder.glob(pattern))
        depth = pattern.count("/")
        return sorted(n for n in self._listing.names if n.count("/") == depth and fnmatch.fnmatchcase(n, pattern))

    def size(self, member: str) -> int:
        """The bytes that a file takes, packed; raises SitsparkError for a damaged archive."""
        return (self._folder / member).stat().st_size if self._folder else self._listing.sizes[member]

    def read_text(self, member: str) -> str:
        """The content of a text file; raises SitsparkError where it can't be read."""
        try:
            if self.is_archive:
                return _read_packed(self.location, self._listing.names[member]).decode("utf-8")
            return store.read(self.location / member).decode("utf-8")
        except (OSError, UnicodeDecodeError, zipfile.BadZipFile, zlib.error, tarfile.TarError) as error:
            raise SitsparkError(f"{self.location}: {member} can't be read ({error}); fetch the product again") from None

    @cached_property
    def _folder(self) -> Path | None:
        """The folder on disk, whose files are looked for one by one."""
        return None if self.is_archive else self.location.path

    @cached_property
    def _listing(self) -> "_Listing":
        return _Listing.of_archive(self.location) if self.is_archive else _Listing.of_folder(self.location)


@dataclass(frozen=True, slots=True)
class _Listing:
    """A table of contents: `root` is the product's own folder, `names` lead from paths below it to full ones."""

    root: str
    names: Mapping[str, str]
    sizes: Mapping[str, int]

    @staticmethod
    def of_folder(location: Location) -> "_Listing":
        sizes = {entry.location.below(location): entry.size for entry in store.objects_below(location)}
        return _Listing(location.name, {name: name for name in sizes}, sizes)

    @staticmethod
    def of_archive(location: Location) -> "_Listing":
        try:
            with store.opened(location) as file:
                if location.suffix == ".zip":
                    with zipfile.ZipFile(file) as archive:
                        sizes = {entry.filename: entry.compress_size for entry in archive.infolist() if not entry.is_dir()}
                else:
                    with tarfile.open(fileobj=file, mode="r:") as archive:
                        sizes = {entry.name: entry.size for entry in archive.getmembers() if entry.isfile()}
        except (OSError, zipfile.BadZipFile, tarfile.TarError) as error:
            raise SitsparkError(f"{location}: can't be opened, the archive is cut short or damaged ({error})") from None
        roots = {name.partition("/")[0] for name in sizes}
        # Landsat's archives have no folder of their own
        inside = len(roots) == 1 and all("/" in name for name in sizes)
        root = roots.pop() if inside else Path(location.name).stem
        names = {name.removeprefix(f"{root}/") if inside else name: name for name in sizes}
        return _Listing(root, names, {short: sizes[name] for short, name in names.items()})


def _read_packed(location: Location, name: str) -> bytes:
    with store.opened(location) as file:
        if location.suffix == ".zip":
            with zipfile.ZipFile(file) as archive:
                return archive.read(name)
        with tarfile.open(fileobj=file, mode="r:") as archive:
            member = archive.extractfile(name)
            return member.read() if member else b""


def holding_file(path: str) -> str:
    """What holds that which GDAL opens: the archive for a path into one."""
    for suffix, system in ARCHIVES.items():
        start, _, rest = path.partition(f"/{system}/")
        if not start and rest:
            return rest[: rest.lower().index(f"{suffix}/") + len(suffix)]
    return path
