"""By whose series a chunk is classified, and what a model weighs there: for maps, and for pixels judged without one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sitspark.grid import Chunk, Territory, Window
from sitspark.maps.shares import Weights, tile_weights
from sitspark.models.selection import Ground
from sitspark.scenes.product import Scene
from sitspark.scenes.reading import Reading


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """The series of a tile, or what the owner of a chunk makes of all: the scenes, and how they are read.

    `weight` is what they count at each pixel of the chunk, float32 (rows, columns); None: they are the only ones.
    """

    tile: str
    scenes: Mapping[str, Sequence[Scene]]
    reading: Reading
    weight: Weights | None = None


def series_of(
    chunk: Chunk, scenes: Mapping[str, Sequence[Scene]], reading: Reading, blended: Mapping[str, Window]
) -> list[Series]:
    """Those of the owner alone, or first of the owner and then of each other tile that is `blended` and sees the chunk.

    `blended` are the windows of tiles on the grid.
    """
    near = {scene.tile for scene in scenes.get(reading.leading, ())}
    weights = {tile: tile_weights(blended[tile], chunk.window) for tile in near if tile in blended}
    tiles = sorted((tile for tile in weights if weights[tile].any()), key=lambda tile: (tile != chunk.tile, tile))
    if len(tiles) < 2:
        return [Series(chunk.tile, scenes, reading)]
    return [
        Series(
            tile,
            {**scenes, reading.leading: [scene for scene in scenes[reading.leading] if scene.tile == tile]},
            # around the chunk too it is this tile's series
            replace(reading, territories=(Territory(tile, reading.grid.window),)),
            weights[tile],
        )
        for tile in tiles
    ]


def is_heard(ground: Ground | None, tile: str, near: Mapping[str, Weights]) -> bool:
    """Whether a model of some ground says anything on the series of a tile; `near` are the weights of regions that do."""
    if ground is None:
        return True
    return ground.name == tile if ground.kind == "tile" else ground.name in near


def weight_of(ground: Ground | None, of_series: Weights | None, near: Mapping[str, Weights]) -> Weights | None:
    """What a model that is heard weighs, by the series and by its region; None: 1 everywhere."""
    if ground is None or ground.kind != "region":
        return of_series
    return near[ground.name] if of_series is None else of_series * near[ground.name]
