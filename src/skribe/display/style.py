"""How cards look: one style sheet, which comes with each card, because a notebook's outputs stand alone."""

from __future__ import annotations

# Every colour is mixed with that of the text, so it is lighter on a dark page and darker on a light one, whether a
# theme, an editor or the system has made it so. That serves JupyterLab, VS Code and exported pages, with no list of
# their names for "dark".
_HUES = ("#2f74d0", "#c9731c", "#23935a", "#8d4bc9", "#cb3a4d", "#138c9c")
STATUS = {"finished": 2, "running": 0, "failed": 4, "killed": 1}
# These keep MathJax from reading a $ as mathematics.
IGNORED = "tex2jax_ignore mathjax_ignore"

_RULES = {
    "": "font:13px/1.5 var(--jp-content-font-family,var(--vscode-font-family,system-ui,sans-serif));color:inherit;"
    "text-align:left;max-width:76em;--skribe-edge:color-mix(in srgb,currentColor 22%,transparent);"
    + "".join(f"--skribe-{n}:color-mix(in srgb,{hue} 72%,currentColor);" for n, hue in enumerate(_HUES)),
    ".skribe-head": "display:flex;flex-wrap:wrap;gap:.1em .9em;align-items:baseline;padding-bottom:.25em;"
    "margin-bottom:.5em;border-bottom:1px solid var(--skribe-edge)",
    ".skribe-head b": "font-size:1.15em",
    ".skribe-faint": "opacity:.75",
    **{f".skribe-{word}": f"color:var(--skribe-{number})" for word, number in STATUS.items()},
    ".skribe-said": "font-weight:600;margin-left:auto",
    ".skribe-row": "display:flex;flex-wrap:wrap;gap:.4em 2em;align-items:flex-start;margin:.3em 0",
    ".skribe-pictures": "gap:.4em 1em",
    ".skribe-row>div": "max-width:100%;overflow-x:auto",
    # Notebooks have rules of their own for tables.
    "table": "border-collapse:collapse;color:inherit;background:none;width:auto;margin:0;font-size:1em;"
    "table-layout:auto",
    "caption": "caption-side:top;text-align:left;padding:.1em 0;white-space:nowrap;color:inherit;opacity:.75",
    "tbody tr:nth-child(n)": "background:none",
    "tbody tr:hover": "background:none",
    "td": "padding:.08em 1em .08em 0;text-align:left;border:none;vertical-align:top;max-width:26em;background:none;"
    "overflow-wrap:anywhere;unicode-bidi:isolate;color:inherit;white-space:normal",
    "td:first-child": "overflow-wrap:break-word",
    "th": "padding:.08em 1em .08em 0;text-align:left;border:none;font-weight:normal;opacity:.75;color:inherit;"
    "background:none;overflow-wrap:anywhere",
    "td.skribe-best": "color:var(--skribe-2);font-weight:600",
    "td svg": "vertical-align:middle",
    "figure": "margin:0",
    "figcaption": "max-width:234px;opacity:.75",
    "svg": "max-width:100%;display:inline-block",
    "details": "margin:.15em 0",
    "summary": "cursor:pointer;opacity:.75",
    "p": "margin:.3em 0",
    ".skribe-bar": "width:16em;height:.5em;border:1px solid var(--skribe-edge);border-radius:.3em;margin:.3em 0",
    ".skribe-bar div": "height:100%;background:var(--skribe-0)",
    "pre": "white-space:pre-wrap;overflow-wrap:anywhere;margin:.3em 0;padding:.3em .7em;background:none;"
    "border-left:3px solid var(--skribe-4);color:inherit;font-size:.92em",
}
STYLE = "<style>" + "".join(f".skribe-run {what}{{{rule}}}" for what, rule in _RULES.items()) + "</style>"
