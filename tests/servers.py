"""Servers on loopback: S3 by moto, the object stores of Google and Azure, files over HTTP with range requests, a STAC API."""

import contextlib
import functools
import http.server
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import boto3
import obstore
from botocore.config import Config
from obstore.store import S3Store

ROOT = Path(__file__).parent.parent
BUCKET = "archive"
PUBLIC, CLOSED = "public", "closed"  # of `objects`: buckets that all may read, and nobody
ACCOUNT = "account"  # who signs, for Azure
ITEMS, ASKED = "items.json", "asked.jsonl"  # of the STAC API: what it knows, and the searches it was asked for


@contextlib.contextmanager
def s3() -> Iterator[None]:
    """An S3 service with one empty bucket at the address that AWS_ENDPOINT_URL gives."""
    endpoint = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    with _process("moto.server", "-H", str(endpoint.hostname), "-p", str(endpoint.port)):
        boto3.client("s3", config=Config(retries={"total_max_attempts": 20})).create_bucket(Bucket=BUCKET)
        yield


@contextlib.contextmanager
def _process(module: str, *arguments: str) -> Iterator[None]:
    """A server of its own process: GDAL opens files without giving other threads of Python a turn."""
    server = subprocess.Popen(
        [sys.executable, "-m", module, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT
    )
    try:
        yield
    finally:
        server.kill()
        server.wait()


def upload(folder: Path, prefix: str) -> None:
    """Put all files below a folder into the bucket."""
    target = S3Store(BUCKET, client_options={"allow_http": True})
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        obstore.put(target, f"{prefix}/{file.relative_to(folder)}", file)


def remove(key: str) -> None:
    """Take one object out of the bucket."""
    obstore.delete(S3Store(BUCKET, client_options={"allow_http": True}), key)


class _Files(http.server.SimpleHTTPRequestHandler):
    """Files with range requests, as object stores and web servers have them, and Python's own server hasn't."""

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        path = Path(self.translate_path(self.path))
        if asked is None or not path.is_file():
            super().do_GET()
            return
        content = path.read_bytes()
        start, stop = int(asked[1]), min(int(asked[2] or len(content)) + 1, len(content))
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(content)}")
        self.send_header("Last-Modified", self.date_time_string(path.stat().st_mtime))
        self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        self.wfile.write(content[start:stop])


class _Objects(_Files):
    """Google's and Azure's object stores, of which folders are the buckets: only lists differ, and who signed how.

    PUBLIC may be read by all, CLOSED by nobody; elsewhere who hasn't signed is refused. Signatures aren't verified.
    """

    types: ClassVar[dict[str, str]] = {}  # of what was written

    def guess_type(self, path: Any) -> str:
        return self.types.get(str(path), "application/octet-stream")

    def end_headers(self) -> None:
        self.send_header("ETag", _etag(Path(self.translate_path(self.path))))
        super().end_headers()

    def do_HEAD(self) -> None:
        if self._is_there():
            super().do_HEAD()

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if "list" in parts.query:
            if self._may_enter():
                self._list(Path(self.translate_path(parts.path)), dict(parse_qsl(parts.query)))
        elif self._is_there():
            super().do_GET()

    def do_PUT(self) -> None:
        path = Path(self.translate_path(self.path))
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self._may_enter():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            self.types[str(path)] = self.headers["x-ms-blob-content-type"] or self.headers["Content-Type"]
            self._answer(201)

    def do_DELETE(self) -> None:
        if self._is_there():
            Path(self.translate_path(self.path)).unlink()
            self._answer(202)

    def do_POST(self) -> None:
        """Azure's removal of several objects; what else is posted is for Google's service of tokens, which GDAL asks."""
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if "comp=batch" not in self.path:
            self._answer(200, json.dumps({"access_token": "token", "token_type": "Bearer", "expires_in": 3600}))
        elif self._may_enter():
            parts = []
            for number, path in enumerate(re.findall(r"^DELETE (\S+) ", asked, re.MULTILINE)):
                file = Path(self.translate_path(path))
                status = "202 Accepted" if file.exists() else "404 Not Found"
                file.unlink(missing_ok=True)
                head = f"--batch\r\nContent-Type: application/http\r\nContent-ID: {number}"
                parts.append(f"{head}\r\n\r\nHTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n\r\n")
            self._answer(202, f"{''.join(parts)}--batch--", kind="multipart/mixed; boundary=batch")

    def _may_enter(self) -> bool:
        bucket = urlsplit(self.path).path.split("/")[1]
        signed = (self.headers["Authorization"] or "").startswith(("Bearer ", f"SharedKey {ACCOUNT}:"))
        public = bucket == PUBLIC and self.command in ("GET", "HEAD")
        if bucket == CLOSED or not (signed or public):
            self._answer(403)
        elif not Path(self.directory, bucket).is_dir():
            self._answer(404)
        else:
            return True
        return False

    def _is_there(self) -> bool:
        if not self._may_enter():
            return False
        there = Path(self.translate_path(self.path)).is_file()
        if not there:
            self._answer(404)
        return there

    def _list(self, bucket: Path, asked: dict[str, str]) -> None:
        prefix = asked.get("prefix", "")
        keys = sorted(str(file.relative_to(bucket)) for file in bucket.rglob("*") if file.is_file())
        keys = [key for key in keys if key.startswith(prefix)]
        folders: set[str] = set()
        if "delimiter" in asked:
            below = {key: key[len(prefix) :].partition("/") for key in keys}
            folders = {f"{prefix}{name}/" for name, slash, _ in below.values() if slash}
            keys = [key for key in keys if not below[key][1]]
        form = _azures_list if asked.get("comp") == "list" else _googles_list
        self._answer(200, form(bucket, keys, sorted(folders)))

    def _answer(self, status: int, text: str = "", *, kind: str = "application/xml") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text.encode())


def _etag(file: Path) -> str:
    return f'"{file.stat().st_mtime_ns}"' if file.exists() else '"0"'


def _googles_list(bucket: Path, keys: list[str], folders: list[str]) -> str:
    contents = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2018-01-03T10:54:29.000Z</LastModified>"
        f"<ETag>{_etag(bucket / key)}</ETag><Size>{(bucket / key).stat().st_size}</Size></Contents>"
        for key in keys
    )
    prefixes = "".join(f"<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>" for folder in folders)
    return f"<ListBucketResult>{contents}{prefixes}</ListBucketResult>"


def _azures_list(bucket: Path, keys: list[str], folders: list[str]) -> str:
    blobs = "".join(
        f"<Blob><Name>{key}</Name><Properties><Last-Modified>Wed, 03 Jan 2018 10:54:29 GMT</Last-Modified>"
        f"<Etag>{_etag(bucket / key)}</Etag><Content-Length>{(bucket / key).stat().st_size}</Content-Length>"
        "<Content-Type>application/octet-stream</Content-Type></Properties></Blob>"
        for key in keys
    )
    prefixes = "".join(f"<BlobPrefix><Name>{folder}</Name></BlobPrefix>" for folder in folders)
    return f"<EnumerationResults><Blobs>{blobs}{prefixes}</Blobs><NextMarker/></EnumerationResults>"


class _Api(_Files):
    """A STAC API that knows collections, bbox, datetime and a limit to the cloud cover, two items a page.

    At /stac it is asked by POST, at /old by GET alone; /old/collections/theia leads to all its items, page by page.
    """

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = dict(parse_qsl(parts.query))
        if parts.path.rstrip("/") in ("/stac", "/old"):
            self._landing_page(parts.path.rstrip("/"))
        elif parts.path == "/old/search":
            self._page({name: json.loads(v) if name == "query" else _split(name, v) for name, v in asked.items()}, "GET")
        elif parts.path == "/old/collections/theia":
            links = [{"rel": "items", "href": "theia/items?limit=2"}]
            self._answer({"type": "Collection", "stac_version": "1.0.0", "id": "theia", "links": links})
        elif parts.path == "/old/collections/theia/items":
            self._page({"token": int(asked.get("token", 0))}, "GET")
        else:
            super().do_GET()

    def _landing_page(self, path: str) -> None:
        here = f"http://{self.headers['Host']}{path}"
        method = {"method": "POST"} if path == "/stac" else {}
        links = [
            {"rel": "self", "href": here},
            {"rel": "root", "href": here},
            {"rel": "search", "href": f"{here}/search", "type": "application/geo+json"} | method,
        ]
        specification = "https://api.stacspec.org/v1.0.0"
        conforms = [f"{specification}/{part}" for part in ("core", "item-search", "item-search#query")]
        self._answer(
            {"type": "Catalog", "stac_version": "1.0.0", "id": "api", "description": "-", "links": links}
            | {"conformsTo": conforms}
        )

    def do_POST(self) -> None:
        if not self.path.startswith("/stac/"):
            self.send_error(501)
            return
        self._page(json.loads(self.rfile.read(int(self.headers["Content-Length"]))), "POST")

    def _page(self, asked: dict[str, Any], method: str) -> None:
        with Path(self.directory, ASKED).open("a") as log:
            log.write(json.dumps(asked) + "\n")
        first = asked.pop("token", 0)
        items = json.loads(Path(self.directory, ITEMS).read_text())
        found = [item for item in items if _wanted(item, asked)]
        links = []
        if first + 2 < len(found):
            here = urlsplit(self.path)
            if method == "POST":
                links = [{"rel": "next", "href": here.path, "method": "POST", "body": asked | {"token": first + 2}}]
                links[0]["href"] = f"http://{self.headers['Host']}{here.path}"
            else:
                query = urlencode(dict(parse_qsl(here.query)) | {"token": first + 2})
                links = [{"rel": "next", "href": f"http://{self.headers['Host']}{here.path}?{query}"}]
        self._answer({"type": "FeatureCollection", "features": found[first : first + 2], "links": links})

    def _answer(self, document: dict[str, Any]) -> None:
        content = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _split(name: str, value: str) -> Any:
    """A part of a query as it is in the body of a search."""
    if name == "bbox":
        return [float(part) for part in value.split(",")]
    return int(value) if name in ("token", "limit") else value.split(",") if name == "collections" else value


def _wanted(item: dict[str, Any], asked: dict[str, Any]) -> bool:
    properties = item["properties"]
    if asked.get("collections") and item["collection"] not in asked["collections"]:
        return False
    if asked.get("datetime"):
        start, stop = asked["datetime"].split("/")
        if not start[:10].replace("..", "") <= properties["datetime"][:10] <= (stop[:10].replace("..", "") or "9"):
            return False
    if asked.get("bbox"):
        left, bottom, right, top = asked["bbox"]
        own = item["bbox"]
        if own[2] < left or own[0] > right or own[3] < bottom or own[1] > top:
            return False
    limit = asked.get("query", {}).get("eo:cloud_cover", {}).get("lte")
    return limit is None or properties.get("eo:cloud_cover", 0) <= limit


@contextlib.contextmanager
def web(folder: Path, port: int) -> Iterator[str]:
    """The address of a server for the files of a folder, and at /stac of an API for the items of its file ITEMS."""
    with _serving(_Api, folder, port) as address:
        yield address


@contextlib.contextmanager
def objects(folder: Path) -> Iterator[str]:
    """The address of Google's and Azure's object stores, whose buckets are the folders of a folder."""
    with _serving(_Objects, folder, free_port()) as address:
        yield address


@contextlib.contextmanager
def _serving(handler: type[_Files], folder: Path, port: int) -> Iterator[str]:
    with _process("tests.servers", handler.__name__, str(folder), str(port)):
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


if __name__ == "__main__":
    served = functools.partial({"_Api": _Api, "_Objects": _Objects}[sys.argv[1]], directory=sys.argv[2])
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[3])), served).serve_forever()
