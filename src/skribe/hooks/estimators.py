"""Which classes are hooked: every estimator there is now, and every one that comes to be later.

Three ways lead here. Subclasses of scikit-learn's `BaseEstimator` that exist are walked; those that are defined
later, in a notebook cell or by an import, announce themselves through `__init_subclass__`. A class with scikit-learn's
interface and another base (catboost's) is found where it lives: in the modules that are loaded, or in one as soon
as it has been imported.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable
from types import FunctionType, ModuleType
from typing import Any

from skribe.guard import contain
from skribe.hooks.importlib_bootstrap import Asked, Hook, Relay, Scored
from skribe.hooks.wrapping import MISSING, Owners, Patches

METHODS = ("fit", "fit_transform", "fit_predict", "partial_fit")
# The methods that ask a fitted model something, and how each is hooked.
QUESTIONS: dict[str, type[Hook]] = {
    "predict": Asked, "predict_proba": Asked, "predict_log_proba": Asked, "decision_function": Asked,
    "score_samples": Asked, "score": Scored,
}  # fmt: skip
_HOOKS = (Hook, Asked, Scored)
# Packages in whose modules it is useless to look for estimators that are none of scikit-learn's.
_WITHOUT = frozenset(
    {
        "skribe",
        "numpy",
        "scipy",
        "pandas",
        "sklearn",
        "joblib",
        "matplotlib",
        "pyarrow",
        "polars",
        "IPython",
        "mlflow",
    }
) | frozenset(sys.stdlib_module_names)


class Estimators:
    """The hooked classes of one installation."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self._owners = Owners()

    def adopt(self, cls: type, names: Iterable[str] = (*METHODS, *QUESTIONS)) -> None:
        """Hook the methods that `cls` itself defines. Again is the same as once."""
        held = vars(cls)
        for name in names:
            here = held.get(name, MISSING)
            if here is MISSING:
                continue
            hooked = self._hooked(here, QUESTIONS.get(name, Hook))
            if hooked is here:  # a hook of ours that came along with a copy of another class's attribute
                self._owners.add(cls, name)
            if hooked is None or hooked is here:
                continue
            try:
                setattr(cls, name, hooked)
            except (AttributeError, TypeError):  # a class that cannot be changed: an extension type
                continue
            self._owners.add(cls, name)
            hook = hooked if type(hooked) in _HOOKS else hooked.fn
            hook.is_search = name == "fit" and _is_search(cls)

    def _hooked(self, attribute: Any, kind: type[Hook]) -> Any:
        """What to put in place of a class attribute; None to leave it alone, itself where it is hooked already."""
        if type(attribute) in _HOOKS:
            if attribute.relay is self.relay:
                return attribute
            # One that an earlier installation left where it could not see it is taken for what it stands for.
            left = attribute.relay.listener is None
            return kind(attribute.original, attribute.original, self.relay) if left else None
        if isinstance(attribute, type | staticmethod | classmethod | property):
            return None
        if isinstance(attribute, FunctionType):
            return kind(attribute, attribute, self.relay)
        if type(attribute).__name__ == "_AvailableIfDescriptor":
            if type(attribute.fn) in _HOOKS:
                return attribute if attribute.fn.relay is self.relay else None
            hook = kind(attribute.fn, attribute, self.relay)
            return type(attribute)(hook, attribute.check, attribute.attribute_name)
        if type(attribute).__name__ == "cython_function_or_method":
            return kind(attribute, attribute, self.relay)
        return None

    def adopt_lineage(self, cls: type) -> None:
        """Hook `cls`, and the plain mixins from which it takes its `fit`."""
        self.adopt(cls)
        for name in ("fit", "partial_fit"):
            for base in cls.__mro__:
                if name in vars(base):
                    if base is not cls and not base.__module__.startswith("sklearn."):
                        self.adopt(base)
                    break
        # The mixins' own `score` is most classifiers' and regressors'.
        for base in cls.__mro__[1:-1]:
            self.adopt(base, QUESTIONS)

    def adopt_duck(self, cls: type) -> None:
        """Hook a class that is an estimator by its looks, with the bases that it takes its methods from."""
        for base in cls.__mro__[:-1]:
            self.adopt(base)

    def release(self) -> None:
        """Put back what stood in each class, to the very object."""
        for cls, name in self._owners.drain():
            here = vars(cls).get(name, MISSING)
            hook: Any = here if type(here) in _HOOKS else getattr(here, "fn", None)
            if type(hook) in _HOOKS and hook.relay is self.relay:
                contain("undoing a hook", setattr, cls, name, hook.replaced)


def _is_search(cls: type) -> bool:
    # By name, because the class announces itself while its module is still being imported.
    return any(
        base.__name__ == "BaseSearchCV" and base.__module__ == "sklearn.model_selection._search"
        for base in cls.__mro__
    )


def is_duck(value: Any) -> bool:
    """A class that shows `fit` and `get_params`, whatever its bases."""
    # Looked up in the classes' own dictionaries, so that no metaclass is asked, which could refuse, or import things.
    return (
        issubclass(type(value), type)  # a proxy may pass for a class
        and all(any(name in vars(base) for base in type.mro(value)) for name in ("fit", "get_params"))
        and str(vars(value).get("__module__")).partition(".")[0] not in _WITHOUT
    )


def hook_scikit_learn(patches: Patches, estimators: Estimators) -> None:
    """Hook all of scikit-learn's estimators and their subclasses, now and later. `sklearn.base` is loaded."""
    from sklearn.base import BaseEstimator
    from sklearn.utils._set_output import _SetOutputMixin

    for cls in _descendants(BaseEstimator):
        contain("an estimator class", estimators.adopt_lineage, cls)

    def announce(cls: type) -> None:
        contain("an estimator class", estimators.adopt_lineage, cls)

    patches.replace(BaseEstimator, "__init_subclass__", _announcing(BaseEstimator, _SetOutputMixin, announce))
    # This mixin wraps the `fit_transform` of each new class, after `BaseEstimator` was told of it. Were ours to be
    # inside of that wrapper, it could never be taken out again; so for these classes ours comes last.
    patches.replace(
        _SetOutputMixin,
        "__init_subclass__",
        _announcing_after(vars(_SetOutputMixin)["__init_subclass__"], BaseEstimator, announce),
    )


def _announcing(base: Any, later: type, announce: Callable[[type], None]) -> Any:
    def __init_subclass__(cls: type, /, **kwargs: Any) -> None:  # noqa: N807
        super(base, cls).__init_subclass__(**kwargs)
        if not issubclass(cls, later):
            announce(cls)

    return classmethod(__init_subclass__)


def _announcing_after(original: Any, base: type, announce: Callable[[type], None]) -> Any:
    @functools.wraps(original.__func__)
    def __init_subclass__(cls: type, /, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        original.__func__(cls, *args, **kwargs)
        if issubclass(cls, base):
            announce(cls)

    return classmethod(__init_subclass__)


def _descendants(root: type) -> Iterable[type]:
    seen = {id(root)}  # by identity: a metaclass may compare its classes, and then they cannot be in a set
    rest = [root]
    while rest:
        cls: type
        for cls in type.__subclasses__(rest.pop()):
            if id(cls) not in seen:
                seen.add(id(cls))
                rest.append(cls)
                yield cls


def hook_loaded_ducks(estimators: Estimators) -> None:
    """Hook the estimators of other descent in every module that is loaded."""
    for name, module in list(sys.modules.items()):
        if may_hold_ducks(name):
            contain("the classes of a module", hook_ducks_of, estimators, module)


def hook_ducks_of(estimators: Estimators, module: ModuleType | None) -> None:
    """Hook the estimators of other descent that a module defines or shows."""
    # Not by `vars` or `getattr`: a lazy module would load itself, or warn.
    # And not by `isinstance`: what cffi puts there says that it is a module, and is none.
    if not issubclass(type(module), ModuleType):
        return
    for value in list(ModuleType.__getattribute__(module, "__dict__").values()):
        if is_duck(value):
            contain("an estimator class", estimators.adopt_duck, value)


def may_hold_ducks(name: str) -> bool:
    """Whether it is worth looking into a module of this name."""
    return name.partition(".")[0] not in _WITHOUT
