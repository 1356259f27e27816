"""The folder of a run: what a killed run leaves is swept, and nothing else."""

from pathlib import Path

from sitspark.workflow.run_folder import RunFolder


def test_drafts_are_swept_and_everything_else_stays(tmp_path: Path) -> None:
    kept = ("run.json", "tables/samples/part-0.parquet", "tables/samples/.part-0.parquet.crc", "maps/m/classification.tif")
    swept = (
        ".run.json.12-ab.part",
        "tables/.samples.12/part-0.parquet",
        "tables/history/.m.parquet.12-ab.part",
        "models/m/.card.json.12-ab.part",
        "maps/m/.confidence.tif.12-ab.part",
        "maps/m/chunks/k/.c.json.12-ab.part",
        "accuracy/.metrics.json.12-ab.part",
        "report/.index.html.12-ab.part",
        "scratch/features/features.parquet",
    )
    for name in (*kept, *swept):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with RunFolder(tmp_path).locked():
        assert {name for name in kept if (tmp_path / name).exists()} == set(kept)
        assert not {name for name in swept if (tmp_path / name).exists()}
