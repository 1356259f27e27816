"""One acquisition, one product: of several processings the newest is read."""

from collections.abc import Iterable
from pathlib import Path

from sitspark.scenes.container import Container
from sitspark.scenes.product import ProductName, product_name

Listed = tuple[Path, ProductName]


def superseded(products: Iterable[Listed]) -> dict[Path, str]:
    """The products that another one replaces, each with the sentence that says which.

    Products of one platform, tile and second are one acquisition. The latest processing wins; of one product that is
    there twice the folder wins over the archive file, then the first path. Two acquisitions of one day are no duplicates.
    """
    by_acquisition: dict[tuple[str, str, object], list[Listed]] = {}
    for path, name in products:
        by_acquisition.setdefault((name.platform, name.tile, name.acquired), []).append((path, name))
    found = {}
    for same in by_acquisition.values():
        ranked = sorted(same, key=lambda p: (Container(p[0]).is_archive, p[0]))
        # stable: of equal processings the first of these stays in front
        ranked.sort(key=lambda p: p[1].processed, reverse=True)
        (best, _), *others = ranked
        for path, _ in others:
            twice = product_name(path) == product_name(best)
            why = "the same product is there twice" if twice else "the same acquisition was processed later"
            found[path] = f"{product_name(path)}: {why}, {best} is read"
    return found
