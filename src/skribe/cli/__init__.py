"""The `skribe` command. Each command is in a module of its own, which is imported when the command is used."""

from __future__ import annotations

import click

import skribe
from skribe.cli.sections import Sections

# Section of the help → command → its module, and what the help says of it in a line.
COMMANDS = {
    "Look": {
        "runs": ("runs", "List runs: filter, sort, choose columns."),
        "show": ("show", "Show one run: parameters, metrics, error, data, model."),
        "compare": ("compare", "Put runs beside each other, where they differ."),
        "best": ("best", "Find the best run of an experiment by a metric."),
        "tail": ("tail", "Follow a running search."),
        "experiments": ("experiments", "List the experiments."),
        "models": ("models", "List the registered models; show, alias, delete, restore one."),
    },
    "Change": {
        "register": ("register", "Make a run's model the next version of a name."),
        "tag": ("tag", "Put tags on a run, or take them off."),
        "rename": ("rename", "Give an experiment another name."),
        "delete": ("delete", "Put runs, or an experiment, into the trash."),
        "restore": ("restore", "Take runs, or an experiment, out of the trash."),
    },
    "Move": {
        "export": ("exporting", "Write runs to an archive or a table."),
        "import": ("importing", "Bring runs in: from an archive, or from MLflow."),
        "sync": ("sync", "Deliver what is pending to the backends."),
    },
    "Page": {
        "ui": ("ui", "Open the page of this store in the browser."),
        "freeze": ("freeze", "Write the page as files that need no server."),
    },
    "Store": {
        "gc": ("gc", "Delete files that nothing leads to any more."),
        "doctor": ("doctor", "Check the installation and the store."),
        "demo": ("demo", "Train four small models, and see what is written down."),
        "completion": ("completion", "Print the completion script of your shell."),
    },
}


@click.group(
    cls=Sections,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="An id can be shortened to its last eight digits or fewer; `last` is the newest run. Every list takes"
    " --json, --csv and --md. Exit code: 0 done, 1 nothing found or failed, 2 wrong usage.",
)
@click.version_option(skribe.__version__, "-V", "--version", prog_name="skribe")
def main() -> None:
    """skribe writes down every scikit-learn fit. Here is what it wrote.

    \b
      skribe runs --where "metrics.best_cv_score > 0.9"
      skribe show last
      skribe compare 4f1c22ab 90d3aa01
    """
