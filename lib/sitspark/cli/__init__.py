"""`sitspark VERB`: each verb calls one function of the workflow."""

# in the order of --help
from sitspark.cli import before, stages, ground_truth, maps, folds, contents  # noqa: F401, I001
from sitspark.cli.app import console, main, sentences

__all__ = ["console", "main", "sentences"]
