"""Where a file or folder is: on disk, in an object store, on a web server."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qsl, unquote, urlsplit

# scheme: GDAL's virtual file system
_SYSTEMS: Mapping[str, str] = {
    "s3": "vsis3",
    "gs": "vsigs",
    "az": "vsiaz",
    "https": "vsicurl",
    "http": "vsicurl",
}


_WEB = ("http", "https")
# parts of a query by which services let in whoever has the address
# (a `token` is a page's)
_SECRETS = {"sig", "signature", "access_token", "api_key", "apikey", "x-amz-signature", "x-goog-signature"}


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A file or folder; `address` is an absolute path, or a URL as s3://bucket/folder."""

    address: str

    @staticmethod
    def of(text: str | Path) -> "Location":
        """A path, relative to the working folder, or a URL; raises ValueError for a URL of a kind that can't be read."""
        address = str(text)
        scheme, separator, rest = address.partition("://")
        if not separator:
            return Location(str(Path(address).expanduser().resolve()))
        if scheme == "file":
            return Location(unquote(urlsplit(address).path))
        if scheme not in _SYSTEMS:
            raise ValueError(f"{scheme}:// can't be read; files may lie on disk or at {', '.join(f'{s}://' for s in _SYSTEMS)}")
        if not rest.strip("/"):
            raise ValueError(f"{address} names no bucket or server")
        refuse_secrets(address)
        # relative links of a web page depend on the last slash
        return Location(address if scheme in _WEB else address.rstrip("/"))

    @property
    def scheme(self) -> str | None:
        """The scheme of the URL; None on disk."""
        scheme, separator, _ = self.address.partition("://")
        return scheme if separator else None

    @property
    def path(self) -> Path | None:
        """The path on disk; None elsewhere."""
        return None if self.scheme else Path(self.address)

    @property
    def root(self) -> str:
        """Bucket or server, with the scheme; empty on disk."""
        scheme, separator, rest = self.address.partition("://")
        return f"{scheme}://{rest.partition('/')[0]}" if separator else ""

    @property
    def key(self) -> str:
        """What follows bucket or server."""
        return self.address[len(self.root) :].lstrip("/")

    @property
    def name(self) -> str:
        """The last part."""
        return PurePosixPath(self.key.partition("?")[0] if self.scheme in _WEB else self.key).name

    @property
    def suffix(self) -> str:
        """The suffix of the name, in small letters."""
        return PurePosixPath(self.name).suffix.lower()

    @property
    def gdal(self) -> str:
        """What GDAL opens."""
        if self.scheme is None:
            return self.address
        system = _SYSTEMS[self.scheme]
        rest = self.address if system == "vsicurl" else self.address.partition("://")[2]
        return f"/{system}/{rest}"

    @staticmethod
    def of_gdal(path: str) -> "Location":
        """From what GDAL opens, as `gdal` gives it."""
        for scheme, system in _SYSTEMS.items():
            rest = path.removeprefix(f"/{system}/")
            if rest != path:
                return Location(rest if system == "vsicurl" else f"{scheme}://{rest}")
        return Location(path)

    def __truediv__(self, below: str) -> "Location":
        return Location(f"{self.address.rstrip('/')}/{below}")

    def __str__(self) -> str:
        """For people: of a web page without the query."""
        return self.address.partition("?")[0] if self.scheme in _WEB else self.address

    def below(self, folder: "Location") -> str:
        """The part of the address below a folder, or the whole address where it doesn't lie there."""
        return self.address.removeprefix(f"{folder.address.rstrip('/')}/")


def refuse_secrets(address: str) -> None:
    """Raise ValueError for an address that lets in whoever has it: addresses stand in tables and messages."""
    parts = urlsplit(address)
    if parts.password or {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)} & _SECRETS:
        plain = f"{parts.scheme}://{parts.hostname}{parts.path}"
        raise ValueError(
            f"holds credentials in its address, {plain} (a password, or a signature in the query); these come from the "
            "environment only"
        )
