"""Servers on loopback: S3 by moto, files over HTTP with range requests, a STAC API."""

import contextlib
import functools
import http.server
import json
import logging
import os
import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import obstore
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

BUCKET = "archive"


@contextlib.contextmanager
def s3() -> Iterator[None]:
    """An S3 service with one empty bucket at the address that AWS_ENDPOINT_URL gives."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    endpoint = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    server = ThreadedMotoServer(ip_address=str(endpoint.hostname), port=endpoint.port or 80)
    server.start()
    try:
        import boto3

        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield
    finally:
        server.stop()


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
        self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        self.wfile.write(content[start:stop])


class _Api(_Files):
    """A STAC API that knows collections, bbox, datetime and a limit to the cloud cover, two items a page."""

    items: Sequence[dict[str, Any]] = ()
    asked: list[dict[str, Any]]

    def do_GET(self) -> None:
        if urlsplit(self.path).path.rstrip("/") != "/stac":
            super().do_GET()
            return
        here = f"http://{self.headers['Host']}/stac"
        links = [
            {"rel": "self", "href": here},
            {"rel": "root", "href": here},
            {"rel": "search", "href": f"{here}/search", "type": "application/geo+json", "method": "POST"},
        ]
        specification = "https://api.stacspec.org/v1.0.0"
        conforms = [f"{specification}/{part}" for part in ("core", "item-search", "item-search#query")]
        self._answer(
            {"type": "Catalog", "stac_version": "1.0.0", "id": "api", "description": "-", "links": links}
            | {"conformsTo": conforms}
        )

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(asked)
        first = asked.pop("token", 0)
        found = [item for item in self.items if _wanted(item, asked)]
        links = []
        if first + 2 < len(found):
            body = asked | {"token": first + 2}
            links = [{"rel": "next", "href": f"http://{self.headers['Host']}/stac/search", "method": "POST", "body": body}]
        self._answer({"type": "FeatureCollection", "features": found[first : first + 2], "links": links})

    def _answer(self, document: dict[str, Any]) -> None:
        content = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


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
def web(folder: Path, *, items: Sequence[dict[str, Any]] = (), asked: list[dict[str, Any]] | None = None) -> Iterator[str]:
    """The address of a server for the files of a folder, and at /stac of an API; `asked` takes the searches."""
    kind = type("Api", (_Api,), {"items": items, "asked": [] if asked is None else asked})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(kind, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
