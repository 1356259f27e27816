"""Listing and reading files where they are: on disk by the system, elsewhere by obstore.

Credentials come from the environment, under the names that the vendors' own tools use (AWS_ACCESS_KEY_ID ...).
"""

import contextlib
import functools
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import AzureStore, GCSStore, HTTPStore, S3Store

from sitspark.atomic import copy_atomically, publish
from sitspark.errors import SitsparkError
from sitspark.location import Location

# a server that is away for a moment is asked again, one that isn't there at all is told of soon
_RETRIES: Any = {"max_retries": 4, "retry_timeout": timedelta(seconds=30)}
# in a store bands don't come with sidecars: to look for them costs ten requests a file. A server that is away for a
# moment is asked again after a second, not after GDAL's thirty; one that has stalled for thirty is given up
_GDAL = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_MAX_RETRY": "4",
    "GDAL_HTTP_RETRY_DELAY": "1",
    "GDAL_HTTP_CONNECTTIMEOUT": "30",
    "GDAL_HTTP_LOW_SPEED_TIME": "30",
    "GDAL_HTTP_LOW_SPEED_LIMIT": "1",
}
_ON_DISK = dict.fromkeys(("listed", "read"), "make it readable, or move it out of the archive")  # what to do
_IN_STORE = re.compile(r"^(/vsizip/|/vsitar/)?/vsi(s3|gs|az|curl)/")  # of a path for GDAL
_ENDPOINTS = {  # who is asked instead of the vendor's own service: the first that is set
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    "gs": ("GOOGLE_BASE_URL",),
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
}
_REFUSED = re.compile(r"status code: 40[13]\b")
_CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; for public buckets AWS_NO_SIGN_REQUEST=YES",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS; for public buckets GS_NO_SIGN_REQUEST=YES",
    "az": "AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_ACCESS_KEY; for public containers AZURE_NO_SIGN_REQUEST=YES",
}


class UnreachableError(SitsparkError):
    """A store doesn't answer, or refuses access: that says nothing of the file."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder. Object stores tell the size in bytes, and a `state` that changes when the object does."""

    location: Location
    is_folder: bool
    size: int = 0
    state: str = ""


def listed(folder: Location) -> list[Entry]:
    """What lies directly in a folder, by name. Raises SitsparkError where it can't be listed."""
    return sorted(scanned(folder), key=lambda entry: entry.location.name)


def scanned(folder: Location) -> Iterator[Entry]:
    """What lies directly in a folder, in no order; one after the other on disk. Raises as `listed` does."""
    if is_web(folder):
        raise SitsparkError(f"{folder} can't be listed: web servers don't say what they hold; describe it as stac")
    if folder.path is not None:
        with _told(folder, "listed"), os.scandir(folder.path) as entries:
            for entry in entries:
                yield Entry(Location(entry.path), entry.is_dir())
        return
    with _told(folder, "listed"):
        listing = obstore.list_with_delimiter(_store(folder.root), folder.key or None)
    yield from (Entry(_at(folder, path), True) for path in listing["common_prefixes"])
    yield from (_entry(folder, item) for item in listing["objects"])


def objects_below(folder: Location) -> list[Entry]:
    """All objects in a folder of a store and the folders in it, by address. Raises SitsparkError where it can't be listed."""
    with _told(folder, "listed"):
        pages = obstore.list(_store(folder.root), f"{folder.key}/")
        found = [_entry(folder, item) for page in pages for item in page]
    return sorted(found, key=lambda entry: entry.location)


def is_folder(location: Location) -> bool:
    """Whether it is a folder; in an object store: whether any file lies below. Raises as `listed` does."""
    if location.path is not None:
        return location.path.is_dir()
    if is_web(location):
        return False
    return bool(listed(location))


def is_web(location: Location) -> bool:
    """Whether it is on a web server, which can be read from but not listed."""
    return location.scheme in ("http", "https")


def read(location: Location) -> bytes:
    """The content of a file; raises SitsparkError where it can't be read."""
    found = read_if_there(location)
    if found is None:
        raise SitsparkError(f"{location} doesn't exist")
    return found


def size(location: Location) -> int:
    """The bytes of a file; raises FileNotFoundError, or `UnreachableError` for a store that doesn't tell."""
    with _told(location, "read"):
        if location.path is not None:
            return location.path.stat().st_size
        return int(obstore.head(_store(location.root), location.key)["size"])


def read_if_there(location: Location) -> bytes | None:
    """The content of a file, None where there is none; raises SitsparkError where it can't be read."""
    if location.path is not None and not location.path.exists():
        return None
    try:
        with _told(location, "read"):
            if location.path is not None:
                return location.path.read_bytes()
            return bytes(obstore.get(_store(location.root), location.key).bytes())
    except FileNotFoundError:
        return None


def sizes_below(folder: Location) -> dict[str, int]:
    """The bytes of all files in a folder and the folders in it, by their paths below it; nothing where it isn't there."""
    if folder.path is not None:
        files = (path for path in folder.path.rglob("*") if path.is_file())
        return {str(path.relative_to(folder.path)): path.stat().st_size for path in files}
    return {entry.location.below(folder): entry.size for entry in objects_below(folder)}


def write(location: Location, content: Path | bytes, *, content_type: str) -> None:
    """Write a file, or a copy of one, whole; raises SitsparkError where it can't be written.

    An object store keeps the `content_type`, for browsers that are led there.
    """
    if location.path is None:
        with _told(location, "written"):
            obstore.put(_store(location.root), location.key, content, attributes={"Content-Type": content_type})
    elif isinstance(content, Path):
        copy_atomically(location.path, content)
    else:
        publish(location.path, content)


def remove(location: Location) -> None:
    """Remove a file, if it is there; raises SitsparkError where it can't be removed."""
    with _told(location, "removed"), contextlib.suppress(FileNotFoundError):
        if location.path is not None:
            # not unlink alone: a file in the place of a folder on the way is no fault of this one
            if location.path.exists():
                location.path.unlink()
        else:
            obstore.delete(_store(location.root), location.key)


def opened(location: Location) -> io.BufferedReader:
    """A file to seek and read in; raises FileNotFoundError, or SitsparkError where it can't be read."""
    with _told(location, "read"):
        if location.path is not None:
            return location.path.open("rb")
        reader = obstore.open_reader(_store(location.root), location.key)
        return io.BufferedReader(_Raw(reader), buffer_size=2**16)


class _Raw(io.RawIOBase):
    """obstore's reader as Python's own file object."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._reader.seek(offset, whence))

    def tell(self) -> int:
        return int(self._reader.tell())

    def readinto(self, buffer: Any) -> int:
        content = self._reader.read(len(buffer))
        buffer[: len(content)] = bytes(content)
        return len(content)


def gdal_options(path: str) -> dict[str, str]:
    """What GDAL is told where files like this one are opened.

    In a store: how to ask, and whom, for GDAL has other names for that than obstore.
    """
    found = _IN_STORE.search(path)
    if not found:
        return {}
    endpoint = _endpoint(found[2])
    if not endpoint:
        return dict(_GDAL)
    if found[2] == "gs":
        return _GDAL | {"CPL_GS_ENDPOINT": f"{endpoint}/"}
    if found[2] == "az":
        return _GDAL | {"CPL_AZURE_ENDPOINT": endpoint}
    parts = urlsplit(endpoint)
    return _GDAL | {
        "AWS_S3_ENDPOINT": parts.netloc + parts.path,
        "AWS_HTTPS": "YES" if parts.scheme == "https" else "NO",
        # the buckets of a service of one's own seldom have names in the DNS
        "AWS_VIRTUAL_HOSTING": "FALSE",
    }


@functools.lru_cache(maxsize=32)  # buckets of one archive, and of its catalogue
def _store(root: str) -> Any:
    scheme, _, name = root.partition("://")
    client: Any = {"allow_http": True}  # where the user's own address says http://
    public = os.environ.get(f"{ {'s3': 'AWS', 'gs': 'GS', 'az': 'AZURE'}.get(scheme, '') }_NO_SIGN_REQUEST", "").upper()
    unsigned: Any = {"skip_signature": True} if public in ("YES", "TRUE", "1") else {}
    endpoint = _endpoint(scheme)
    service: Any = {"base_url" if scheme == "gs" else "endpoint": endpoint} if endpoint else {}
    options: Any = service | unsigned | {"client_options": client, "retry_config": _RETRIES}
    if scheme == "s3":
        return S3Store(name, **options)
    if scheme == "gs":
        return GCSStore(name, **options)
    if scheme == "az":
        named = os.environ.get("AZURE_STORAGE_ACCOUNT")
        account: Any = {"account_name": named} if named else {}  # obstore tells that it is missing
        return AzureStore(name, **account, **options)
    return HTTPStore(root, client_options=client, retry_config=_RETRIES)


def _endpoint(scheme: str) -> str:
    """Where another service than the vendor's own is; empty for none."""
    return next(filter(None, map(os.environ.get, _ENDPOINTS.get(scheme, ()))), "").rstrip("/")


@contextmanager
def _told(location: Location, verb: str) -> Iterator[None]:
    """Turn what goes wrong into a sentence; that a file isn't there stays FileNotFoundError when it is to be read."""
    try:
        yield
    except FileNotFoundError:
        if verb == "read":
            raise
        raise SitsparkError(f"{location} can't be {verb}: it doesn't exist; correct the path") from None
    except BaseError as error:
        cause = _cause(error)
        # where a listing is refused, obstore has no error of its own for that
        refused = isinstance(error, PermissionDeniedError | UnauthenticatedError) or _REFUSED.search(cause)
        why = ": access is refused" if refused else ""
        raise UnreachableError(f"{location} can't be {verb}{why} ({cause}); {_remedy(location)}") from None
    except OSError as error:
        raise SitsparkError(
            f"{location} can't be {verb} ({error.strerror or error}); {_ON_DISK.get(verb, 'choose another place')}"
        ) from None


def _cause(error: Exception) -> str:
    """The first part of a store's message, of addresses the server: what follows are its pages."""
    text = str(error).split("Debug source:")[0].split("<?xml")[0]
    return re.sub(r"(https?://[^/\s]+)\S*", r"\1", text).strip(" :\n")[:200]


def _remedy(location: Location) -> str:
    names = _CREDENTIALS.get(location.scheme or "")
    return f"are address, region and credentials in the environment ({names})?" if names else "correct the address"


def _entry(folder: Location, item: Any) -> Entry:
    state = f"{item['size']} {item['e_tag'] or item['last_modified']}"
    return Entry(_at(folder, item["path"]), False, item["size"], state)


def _at(folder: Location, key: str) -> Location:
    return Location(f"{folder.root}/{key}")
