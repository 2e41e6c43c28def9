"""What would be recorded of a fit, told before anything runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from skribe.capture import display_name, parameters, role_of, seeds
from skribe.capture.params import secret_in
from skribe.display.page import run_html
from skribe.display.text import columns
from skribe.metrics.task import kind_of
from skribe.records import Fact, Param
from skribe.settings import Settings

_RECORDED = {
    "classifier": (
        "accuracy_score", "precision_score", "recall_score", "f1_score", "balanced_accuracy_score",
        "matthews_corrcoef", "log_loss", "roc_auc", "score",
    ),
    "regressor": (
        "mean_squared_error", "root_mean_squared_error", "mean_absolute_error", "median_absolute_error",
        "max_error", "explained_variance_score", "r2_score", "score",
    ),
    "clusterer": ("n_clusters", "silhouette_score", "calinski_harabasz_score", "davies_bouldin_score"),
    "outlier_detector": ("outlier_fraction",),
    "density_estimator": ("score",),
    "decomposition": ("explained_variance_ratio", "reconstruction_error", "score"),
}  # fmt: skip


_PICTURES = {
    "classifier": ("confusion_matrix", "class_report", "roc", "precision_recall", "calibration"),
    "regressor": ("residuals", "predicted_vs_actual", "qq"),
    "clusterer": ("cluster_sizes", "silhouette"),
    "decomposition": ("explained_variance",),
}


@dataclass(frozen=True, slots=True)
class Description:
    """What a fit of this estimator would leave: nothing, and why, or which kind of run with what in it."""

    name: str
    recorded: bool
    why: str
    kind: str
    params: tuple[Param, ...]
    seeds: tuple[Fact, ...]
    metrics: tuple[str, ...] = field(default=())
    model: str = "none"
    pictures: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.why}"]
        if self.recorded:
            changed = [(param.key, param.value) for param in self.params if param.is_default is False]
            lines += [f"  {len(self.params)} parameters, {len(changed)} of them not defaults"]
            lines += columns(changed, most=20)
            if self.seeds:
                lines += ["  seeds", *columns((seed.key, seed.value) for seed in self.seeds)]
            if self.metrics:
                lines += ["  metrics on the training data, where they are defined", *_wrapped(self.metrics)]
            if self.pictures:
                lines += ["  pictures, as data", *_wrapped(self.pictures)]
            lines += [f"  model: {self.model}"]
            lines += ["  also: seconds, fitted attributes, curves, warnings, the data's shape and fingerprint"]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        tables: dict[str, list[tuple[str, object]]] = {
            "parameters that are not defaults": [
                (param.key, param.value) for param in self.params if param.is_default is False
            ],
            "seeds": [(seed.key, seed.value) for seed in self.seeds],
            "metrics": [(key, "") for key in self.metrics],
            "pictures, as data": [(name, "") for name in self.pictures],
            "model": [(self.model, "")],
        }
        return run_html(self.name, self.kind, self.why, None, tables if self.recorded else {})


def description_of(estimator: Any, settings: Settings) -> Description:
    """Describe a fit of `estimator` under `settings`."""
    role = role_of(estimator)
    recorded, why = True, "its fit makes one run, with everything fitted inside"
    if isinstance(estimator, type):
        recorded, why = False, f"this is a class; describe an instance of it: {estimator.__name__}()"
    elif not hasattr(type(estimator), "get_params"):
        recorded, why = False, "it has no get_params, so it is no estimator to skribe"
    elif role not in ("model", "search"):
        recorded, why = False, "preprocessing alone makes no run; inside a pipeline it is part of the pipeline's"
    elif settings.excludes(type(estimator)):
        recorded, why = False, "excluded by autolog(exclude=...)"
    params, _troubles = parameters(estimator) if recorded else ((), ())
    kind = (kind_of(estimator) or "") if recorded else ""
    keys = _RECORDED.get(kind, ())
    return Description(
        name=display_name(estimator),
        recorded=recorded,
        why=why,
        kind="search" if role == "search" else "fit",
        params=params,
        seeds=seeds(estimator) if recorded else (),
        metrics=tuple(f"training_{key}" for key in keys),
        model=_model(params, settings),
        pictures=_PICTURES.get(kind, ()) if settings.log_plots else (),
    )


def _model(params: tuple[Param, ...], settings: Settings) -> str:
    """Whether the model will be kept, and how."""
    if not settings.log_models:
        return "none (log_models=False)"
    secret = secret_in(params)
    if secret is not None:
        return f"none: {secret} holds a secret, which the file would hold too"
    return f"kept, in the format {settings.serialization_format}"


def _wrapped(words: tuple[str, ...], width: int = 100) -> list[str]:
    lines = ["   "]
    for word in words:
        if len(lines[-1]) + len(word) > width:
            lines.append("   ")
        lines[-1] += " " + word
    return lines
