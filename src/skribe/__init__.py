"""skribe: one line, and every scikit-learn fit is written down.

    import skribe
    skribe.autolog()

The names below are all there is to know; each is loaded when it is first used, so `import skribe` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from skribe import backends as backends
    from skribe import exchange as exchange
    from skribe import testing as testing
    from skribe.api import (
        active_run,
        autolog,
        compare,
        describe,
        experiment,
        experiments,
        flush,
        get_run,
        last_run,
        load_model,
        log_artifact,
        log_dict,
        log_figure,
        log_metric,
        log_metrics,
        log_param,
        log_params,
        log_text,
        register,
        registered_model,
        registered_models,
        run,
        runs,
        set_tag,
        set_tags,
        suppress,
    )
    from skribe.errors import (
        Ambiguous,
        ArgumentError,
        ModelAltered,
        ModelError,
        ModelRefused,
        ModelTooNew,
        ModelUnreadable,
        NoActiveRun,
        NotFound,
        QueryError,
        SkribeError,
        StoreError,
    )
    from skribe.notebook import load_ipython_extension as load_ipython_extension
    from skribe.notebook import show
    from skribe.notebook import unload_ipython_extension as unload_ipython_extension

__all__ = [
    "Ambiguous",
    "ArgumentError",
    "ModelAltered",
    "ModelError",
    "ModelRefused",
    "ModelTooNew",
    "ModelUnreadable",
    "NoActiveRun",
    "NotFound",
    "QueryError",
    "SkribeError",
    "StoreError",
    "active_run",
    "autolog",
    "compare",
    "describe",
    "experiment",
    "experiments",
    "flush",
    "get_run",
    "last_run",
    "load_model",
    "log_artifact",
    "log_dict",
    "log_figure",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "log_text",
    "register",
    "registered_model",
    "registered_models",
    "run",
    "runs",
    "set_tag",
    "set_tags",
    "show",
    "suppress",
]

# What IPython asks for at `%load_ext skribe`.
_EXTENSION = ("load_ipython_extension", "unload_ipython_extension")


def __getattr__(name: str) -> Any:
    if name in ("backends", "exchange", "testing"):
        return import_module(f"skribe.{name}")
    if name == "show" or name in _EXTENSION:
        return getattr(import_module("skribe.notebook"), name)
    if name not in __all__:
        raise AttributeError(f"module 'skribe' has no attribute {name!r}")
    home = import_module("skribe.errors" if name[0].isupper() else "skribe.api")
    for each in __all__:
        if hasattr(home, each):
            globals()[each] = getattr(home, each)
    return globals()[name]


def __dir__() -> list[str]:
    return [*__all__, "__version__", "backends", "exchange", "testing"]
