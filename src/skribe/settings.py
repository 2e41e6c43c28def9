"""The arguments of `autolog`, checked once, where the user wrote them."""

from __future__ import annotations

import difflib
import inspect
import math
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from skribe.errors import ArgumentError

# Arguments that mlflow.sklearn.autolog has and skribe will have. Until then each may be given the value that asks
# for nothing, which is what happens anyway; any other value is refused rather than silently ignored.
NOT_YET: Mapping[str, tuple[Any, ...]] = {
    "disable_for_unsupported_versions": (False,),
}


_SWITCHES = (
    "silent", "exclusive", "log_datasets", "resume", "log_plots", "log_input_examples", "log_model_signatures",
    "log_post_training_metrics",
)  # fmt: skip
FORMATS = ("cloudpickle", "pickle", "joblib", "skops")
_LONGEST_WAIT = 30.0
# Set in the process that delivers: should it come across a module of the user's that fits, that is not recorded again.
DELIVERS = "SKRIBE_DELIVERS"
_UNITS = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `autolog` was told. `Settings.checked(...)` makes one, or raises an `ArgumentError` that says why not."""

    store: str | os.PathLike[str] | None = None
    experiment: str = "default"
    silent: bool = False
    exclusive: bool = False
    log_datasets: bool = True
    pos_label: Any = None
    extra_tags: Mapping[str, str] = field(default_factory=dict)
    exclude: frozenset[str | type] = frozenset()
    overhead: float | None = 0.1
    max_tuning_runs: int | None = None
    resume: bool = False
    log_models: bool | str = True  # or "candidates"
    log_plots: bool = True
    log_input_examples: bool = False
    log_model_signatures: bool = True
    log_post_training_metrics: bool = True
    serialization_format: str = "cloudpickle"
    registered_model_name: str | None = None
    model_size_limit: int | None = None
    keep_models: Any = None  # what `skribe.store.keeping` has made of the argument
    backend: tuple[Any, ...] = ()  # what `skribe.delivery` has made of the argument
    wait: float = 0.0  # how many seconds a fit waits for its delivery

    @classmethod
    def checked(cls, **given: Any) -> Settings:
        """Check every argument; the first wrong one raises."""
        _refuse_unknown(given)
        for name in NOT_YET:
            given.pop(name, None)
        for name in _SWITCHES:
            if name in given:
                _check_bool(name, given[name])
        given["experiment"] = _experiment(given.get("experiment"))
        given["store"] = _store(given.get("store"))
        given["extra_tags"] = _tags(given.get("extra_tags"))
        given["exclude"] = _exclude(given.get("exclude", ()))
        given["overhead"] = _overhead(given.get("overhead", 0.1))
        given["max_tuning_runs"] = _most(given.get("max_tuning_runs"))
        given["log_models"] = _models(given.get("log_models", True))
        given["serialization_format"] = _format(given.get("serialization_format"))
        given["wait"] = _wait(given.get("wait", False))
        given["model_size_limit"] = _bytes("model_size_limit", given.get("model_size_limit"))
        return cls(**given)

    def excludes(self, cls: type) -> bool:
        """Whether the user asked to leave this class alone, by the class, its name, or its full name."""
        if not self.exclude:
            return False
        full = f"{cls.__module__}.{cls.__qualname__}"
        return cls in self.exclude or cls.__name__ in self.exclude or full in self.exclude

    def budget(self, seconds: float) -> float | None:
        """How long recording may keep a fit of `seconds` waiting, beyond the few milliseconds; None: no limit."""
        return None if self.overhead is None else max(0.05, self.overhead * seconds)


def _refuse_unknown(given: Mapping[str, Any]) -> None:
    known = [f.name for f in fields(Settings)] + ["disable"]
    asked = [name for name in given if name in NOT_YET and not _asks_for_nothing(given[name], NOT_YET[name])]
    if asked:
        raise ArgumentError(
            f"autolog({', '.join(f'{name}={given[name]!r}' for name in asked)}): this version of skribe does not do "
            f"that yet. Leave it out, or write {', '.join(f'{name}={NOT_YET[name][0]!r}' for name in asked)}."
        )
    for name in given:
        if name not in NOT_YET and name not in known:
            near = difflib.get_close_matches(name, [*known, *NOT_YET], n=1)
            hint = f" Did you mean {near[0]!r}?" if near else f" The arguments are: {', '.join(sorted(known))}."
            raise ArgumentError(f"autolog() has no argument {name!r}.{hint}")


def _asks_for_nothing(value: object, nothing: tuple[Any, ...]) -> bool:
    return any(value is off or (type(value) is type(off) and value == off) for off in nothing)


def _check_bool(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise ArgumentError(f"autolog({name}=...) takes True or False, not {value!r} ({type(value).__name__}).")


def _experiment(value: object) -> str:
    if value is None:
        return "default"
    return checked_text("autolog(experiment=...)", value)


def checked_text(where: str, value: object) -> str:
    """A text that can be stored and shown: not empty, no NUL, nothing that UTF-8 cannot hold."""
    if not isinstance(value, str):
        raise ArgumentError(f"{where} takes a text, not {value!r} ({type(value).__name__}).")
    if not value.strip():
        raise ArgumentError(f"{where} is empty; write a name.")
    if "\0" in value:
        raise ArgumentError(f"{where} holds a NUL character: {value!r}; leave it out.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ArgumentError(f"{where} cannot be written as UTF-8: {value!r}.") from None
    return value


def _store(value: object) -> str | os.PathLike[str] | None:
    if value is None or isinstance(value, os.PathLike):
        return value
    return checked_text("autolog(store=...)", value)


def _tags(value: object) -> dict[str, str]:
    return {} if value is None else checked_tags("autolog(extra_tags=...)", value)


def checked_tags(where: str, value: object) -> dict[str, str]:
    """Tags as texts: a dictionary whose keys can be stored and shown."""
    if not isinstance(value, Mapping):
        raise ArgumentError(f"{where} takes a dictionary such as {{'team': 'risk'}}, not {type(value).__name__}.")
    return {checked_text(f"a key of {where}", key): str(text) for key, text in value.items()}


def _exclude(value: object) -> frozenset[str | type]:
    if isinstance(value, str) or inspect.isclass(value):
        value = (value,)
    if not isinstance(value, Iterable):
        raise ArgumentError(
            f"autolog(exclude=...) takes class names or classes, such as ('Ridge', KMeans), not {value!r}."
        )
    chosen = tuple(value)
    for one in chosen:
        if not isinstance(one, str) and not inspect.isclass(one):
            hint = " Name its class instead." if hasattr(one, "fit") else ""
            raise ArgumentError(f"autolog(exclude=...) takes class names or classes, not {one!r}.{hint}")
    return frozenset(chosen)


def _overhead(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ArgumentError(
            f"autolog(overhead={value!r}): a share of the fit's own time, such as 0.1 for 10 %, or None for no limit."
        )
    return float(value)


def _most(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ArgumentError(
            f"autolog(max_tuning_runs={value!r}): how many candidates of a search keep a run of their own, the best"
            " ones; 0 for none, None for all."
        )
    return value


def _wait(value: object) -> float:
    if isinstance(value, bool):
        return _LONGEST_WAIT if value else 0.0
    if isinstance(value, int | float) and math.isfinite(value) and value >= 0:
        return float(value)
    raise ArgumentError(
        f"autolog(wait={value!r}): True lets every fit wait until it has been delivered, {_LONGEST_WAIT:g} seconds at"
        " most; a number is that many seconds."
    )


def _models(value: object) -> bool | str:
    if isinstance(value, bool) or value == "candidates":
        return value
    raise ArgumentError(
        f"autolog(log_models={value!r}): True for the model of every fit and search, 'candidates' for those of a"
        " search's candidates as well, or False."
    )


def _format(value: object) -> str:
    if value is None:
        return FORMATS[0]
    if value not in FORMATS:
        near = difflib.get_close_matches(str(value), FORMATS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ArgumentError(f"autolog(serialization_format={value!r}): one of {', '.join(FORMATS)}.{hint}")
    return str(value)


def _bytes(name: str, value: object) -> int | None:
    """A number of bytes, given as one or as a text such as "500 MB"."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    found = (
        re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kMGT]?B)\s*", value, re.IGNORECASE)
        if isinstance(value, str)
        else None
    )
    if found is None:
        raise ArgumentError(f"autolog({name}={value!r}): a number of bytes, a text such as '500 MB', or None.")
    return int(float(found[1]) * _UNITS[found[2].lower()])
