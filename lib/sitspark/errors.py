"""The one exception that a user is meant to read."""


class SitsparkError(Exception):
    """One sentence for the user: what is wrong, where (file, tile, band, feature id, settings key), what to do.

    Raised in a Python worker, it reaches the command line as that sentence, so it stays on one line.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(" ".join(sentence.split()))
