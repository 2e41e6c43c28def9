"""An estimator's diagram from its recorded parameters: nested boxes that fold, made when somebody looks.

scikit-learn draws such a diagram from the object, which takes longer than everything else that is recorded of a small
fit, and which is gone when somebody wants to see it. The parameters say the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from skribe.records import Param

_STYLE = (
    "<style>.skribe-diagram{font:13px/1.5 system-ui,sans-serif;color:inherit}"
    ".skribe-diagram details{border:1px solid currentColor;border-radius:6px;margin:.35em 0;padding:.2em .7em}"
    ".skribe-diagram summary{cursor:pointer}.skribe-diagram small{opacity:.7}"
    ".skribe-diagram code{display:block;white-space:pre-wrap;overflow-wrap:anywhere}</style>"
)


def estimator_html(name: str, params: Iterable[Param]) -> str:
    """The diagram of an estimator of this class with these parameters."""
    return f'{_STYLE}<div class="skribe-diagram">{_box("", name, tuple(params))}</div>'


def _box(label: str, name: str, params: tuple[Param, ...]) -> str:
    """One estimator: its own parameters that are not defaults, then a box for each estimator inside."""
    inside: dict[str, list[Param]] = {}
    own: list[Param] = []
    for param in params:
        owner, separator, rest = param.key.partition("__")
        if separator:
            inside.setdefault(owner, []).append(param._replace(key=rest))
        else:
            own.append(param)
    texts = {param.key: param.value for param in own}
    shown = [p for p in own if p.is_default is False and p.key not in inside and p.key not in _HOLDERS]
    settings = "".join(f"<code>{escape(p.key)} = {escape(p.value)}</code>" for p in shown)
    # Parts in the order in which their holder names them; `best_C` of a search has no part that it belongs to.
    order = " ".join(texts[key] for key in _HOLDERS if key in texts)
    parts = sorted((key for key in inside if key in texts), key=lambda key: order.find(f"'{key}'"))
    boxes = "".join(_box(key, texts[key].partition("(")[0], tuple(inside[key])) for key in parts)
    title = escape(name) + (f" <small>{escape(label)}</small>" if label else "")
    return f"<details open><summary>{title}</summary>{settings}{boxes}</details>"


# Parameters that hold the estimators which have boxes of their own.
_HOLDERS = ("steps", "transformers", "transformer_list", "estimators")
