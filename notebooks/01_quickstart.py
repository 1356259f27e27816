# Databricks notebook source
# MAGIC %md
# MAGIC # sitspark in ten minutes
# MAGIC
# MAGIC From simulated Sentinel-2 scenes and labelled polygons to a validated land-cover map. The same calls work on an archive of
# MAGIC Theia products: change the settings. Run it here, or with `python notebooks/01_quickstart.py [FOLDER]`.

# COMMAND ----------

import sys
from pathlib import Path

from rich.console import Console

from sitspark.settings_file import parse_settings
from sitspark.simulate import Landscape, simulate
from sitspark.workflow.run import run
from sitspark.workflow.views import register

folder = Path(sys.argv[1] if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else "runs/quickstart").resolve()

# COMMAND ----------

# MAGIC %md
# MAGIC ## A landscape
# MAGIC Four overlapping tiles with their own acquisition dates, clouds, and polygons as dirty as real ones.

# COMMAND ----------

landscape = Landscape(tiles=4, size=128, dates=10, classes=6, seed=3, polygons=12)
simulated = simulate(folder / "simulated", landscape, workers=1)
print(f"{simulated.scenes} products, {simulated.polygons} polygons")

# COMMAND ----------

# MAGIC %md
# MAGIC ## The settings
# MAGIC A mapping, or a YAML file by `read_settings`. Every key: docs/settings.md.

# COMMAND ----------

settings = parse_settings(
    {
        "output": str(folder / "run"),
        "scenes": {"folder": str(simulated.scenes_folder)},
        "grid": {"chunk_size": 64, "overlap_margin": 40},
        "time_series": {"step": 30},
        "classes": {"nomenclature": str(simulated.nomenclature), "colours": str(simulated.colours)},
        "ground_truth": {"file": str(simulated.geopackage), "label_field": "code", "id_field": "id"},
        "samples": {"per_class": 300},
        "training": {"epochs": 12, "batch_size": 64, "learning_rate": 3e-3},
    },
    source=folder / "settings.yaml",
)

# COMMAND ----------

# MAGIC %md
# MAGIC ## The run
# MAGIC Stage after stage; what hasn't changed since the last time is skipped.

# COMMAND ----------

finished = run(settings, ["trust", "validate", "report"], console=Console())

# COMMAND ----------

# MAGIC %md
# MAGIC ## The tables are Spark tables
# MAGIC A geometry column, the samples as arrays, the confusion matrix: SQL does the rest. `docs/sql.md` has more questions.

# COMMAND ----------

register(finished.spark, finished.folder.path)
finished.spark.sql("""
    select label, count(distinct polygon_id) polygons, round(sum(area_m2) / 10000, 1) hectares
    from polygons group by label order by label
""").show()

# COMMAND ----------

# MAGIC %md
# MAGIC Mean NDVI of each class on three days: the function knows its place in the feature vector.

# COMMAND ----------

finished.spark.sql("""
    select label, round(avg(ndvi_at(features, '2018-04-01'))) april, round(avg(ndvi_at(features, '2018-07-01'))) july,
        round(avg(ndvi_at(features, '2018-10-01'))) october
    from samples group by label order by label
""").show()

# COMMAND ----------

map_folder = finished.folder.path / finished.facts("mosaic")["map"]
print("map   ", map_folder / "classification.tif")
print("report", finished.folder.report)
