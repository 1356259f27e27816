"""Verbs that run: everything, or up to a stage."""

from sitspark.cli.app import RUN, Debug, Overrides, SettingsFile, app, run_up_to


@app.command(rich_help_panel=RUN)
def run(settings: SettingsFile, set_: Overrides = None, debug: Debug = False) -> None:
    """Run everything: samples, model, map, accuracy, report. What hasn't changed is skipped.

    [bold]Example:[/] sitspark run conf/demo.yaml --set training.epochs=5
    """
    run_up_to(settings, set_, debug=debug)


@app.command(rich_help_panel=RUN)
def scenes(settings: SettingsFile, set_: Overrides = None, debug: Debug = False) -> None:
    """Catalogue the archive: a calendar of acquisitions for each tile, and what is left out with the reason.

    [bold]Example:[/] sitspark scenes conf/demo.yaml
    """
    run_up_to(settings, set_, "calendar", debug=debug)


@app.command(rich_help_panel=RUN)
def samples(settings: SettingsFile, set_: Overrides = None, debug: Debug = False) -> None:
    """Read the labelled pixels and compute their features.

    [bold]Example:[/] sitspark samples conf/demo.yaml --set time_series.step=15
    """
    run_up_to(settings, set_, "samples", debug=debug)


@app.command(rich_help_panel=RUN)
def train(settings: SettingsFile, set_: Overrides = None, debug: Debug = False) -> None:
    """Train the network on the samples.

    [bold]Example:[/] sitspark train conf/demo.yaml --set training.processes=2
    """
    run_up_to(settings, set_, "train", debug=debug)


@app.command(rich_help_panel=RUN)
def trust(settings: SettingsFile, set_: Overrides = None, debug: Debug = False) -> None:
    """Say whether the model is right as often as it is sure, and which dates and bands it needs.

    [bold]Example:[/] sitspark trust conf/demo.yaml --set importance.samples=5000
    """
    run_up_to(settings, set_, "trust", debug=debug)


@app.command(rich_help_panel=RUN)
def classify(settings: SettingsFile, set_: Overrides = None, debug: Debug = False) -> None:
    """Draw the map: classes, confidence, number of clear dates.

    [bold]Example:[/] sitspark classify conf/demo.yaml
    """
    run_up_to(settings, set_, "vectorise", debug=debug)


@app.command(rich_help_panel=RUN)
def report(settings: SettingsFile, set_: Overrides = None, debug: Debug = False) -> None:
    """Write the page that sums up whatever the run has done so far.

    [bold]Example:[/] sitspark report conf/demo.yaml
    """
    run_up_to(settings, set_, "report", debug=debug)
