"""A product as it was delivered: a folder, or the archive file as downloaded, of which nothing is unpacked."""

import fnmatch
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sitspark.errors import SitsparkError

ARCHIVES: Mapping[str, str] = {".zip": "vsizip", ".tar": "vsitar"}  # suffix: GDAL's virtual file system


@dataclass(frozen=True)
class Container:
    """The files of one product, by paths that start below its own folder."""

    path: Path

    @property
    def is_archive(self) -> bool:
        """Whether the product is one archive file."""
        return self.path.suffix.lower() in ARCHIVES and not self.path.is_dir()

    @property
    def name(self) -> str:
        """The name of the product's own folder, which its files carry; raises SitsparkError for a damaged archive."""
        return self._archive.root if self.is_archive else self.path.name

    def gdal_path(self, member: str) -> str:
        """What GDAL opens; raises SitsparkError for a damaged archive."""
        if not self.is_archive:
            return str(self.path / member)
        return f"/{ARCHIVES[self.path.suffix.lower()]}/{self.path}/{self._archive.names[member]}"

    def has(self, member: str) -> bool:
        """Whether a file is there; raises SitsparkError for a damaged archive."""
        return member in self._archive.names if self.is_archive else (self.path / member).is_file()

    def matching(self, pattern: str) -> list[str]:
        """The files that match a pattern (`*` within one folder), sorted; raises SitsparkError for a damaged archive."""
        if not self.is_archive:
            return sorted(str(found.relative_to(self.path)) for found in self.path.glob(pattern))
        depth = pattern.count("/")
        return sorted(n for n in self._archive.names if n.count("/") == depth and fnmatch.fnmatchcase(n, pattern))

    def size(self, member: str) -> int:
        """The bytes that a file takes, packed; raises SitsparkError for a damaged archive."""
        return self._archive.sizes[member] if self.is_archive else (self.path / member).stat().st_size

    def read_text(self, member: str) -> str:
        """The content of a text file; raises SitsparkError where it can't be read."""
        try:
            if not self.is_archive:
                return (self.path / member).read_text(encoding="utf-8")
            return self._archive.read(self._archive.names[member]).decode("utf-8")
        except (OSError, UnicodeDecodeError, zipfile.BadZipFile, zlib.error, tarfile.TarError) as error:
            raise SitsparkError(f"{self.path}: {member} can't be read ({error}); fetch the product again") from None

    @cached_property
    def _archive(self) -> "_Listing":
        return _Listing.of(self.path)


@dataclass(frozen=True, slots=True)
class _Listing:
    """The table of contents of an archive: `root` is its one folder, `names` lead from paths below it to full ones."""

    path: Path
    root: str
    names: Mapping[str, str]
    sizes: Mapping[str, int]

    @staticmethod
    def of(path: Path) -> "_Listing":
        try:
            if path.suffix.lower() == ".zip":
                with zipfile.ZipFile(path) as archive:
                    sizes = {entry.filename: entry.compress_size for entry in archive.infolist() if not entry.is_dir()}
            else:
                with tarfile.open(path, "r:") as archive:
                    sizes = {entry.name: entry.size for entry in archive.getmembers() if entry.isfile()}
        except (OSError, zipfile.BadZipFile, tarfile.TarError) as error:
            raise SitsparkError(f"{path}: can't be opened, the archive is cut short or damaged ({error})") from None
        roots = {name.partition("/")[0] for name in sizes}
        # Landsat's archives have no folder of their own
        inside = len(roots) == 1 and all("/" in name for name in sizes)
        root = roots.pop() if inside else path.stem
        names = {name.removeprefix(f"{root}/") if inside else name: name for name in sizes}
        return _Listing(path, root, names, {short: sizes[name] for short, name in names.items()})

    def read(self, name: str) -> bytes:
        if self.path.suffix.lower() == ".zip":
            with zipfile.ZipFile(self.path) as archive:
                return archive.read(name)
        with tarfile.open(self.path, "r:") as archive:
            member = archive.extractfile(name)
            return member.read() if member else b""


def file_on_disk(path: str) -> Path:
    """The file that holds what GDAL opens: the archive for a path into one."""
    for suffix, system in ARCHIVES.items():
        start, _, rest = path.partition(f"/{system}/")
        if not start and rest:
            return Path(rest[: rest.lower().index(f"{suffix}/") + len(suffix)])
    return Path(path)
