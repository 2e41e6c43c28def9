"""`skribe doctor`: what is installed, where the store is, how it is, and what is pending."""

from __future__ import annotations

from collections.abc import Sequence

import click

from skribe.cli.options import shapes, store_option

_MARKS = {"ok": ("✓", "green"), "note": ("·", "white"), "warn": ("!", "yellow"), "problem": ("✗", "red")}


@click.command()
@click.option("--deep", is_flag=True, help="Also read the whole database, and look for damage.")
@store_option
@shapes
@click.pass_context
def command(ctx: click.Context, deep: bool, store: str | None, shape: str | None) -> None:
    """Check the installation and the store: each line says what is fine, and what to do about what is not.

    \b
      skribe doctor
      skribe doctor --deep
      skribe doctor --json | jq '.[] | select(.state == "problem")'

    It changes nothing and asks no server. The exit code is 1 if there is a problem.
    """
    from skribe.cli.checks import everything
    from skribe.cli.output import Column, emit

    checks = everything(store, deep)
    if shape is None:
        _print(checks)
    else:
        columns = [Column(key, key, most=400) for key in ("topic", "name", "state", "said", "todo")]
        emit(shape, columns, checks)
    ctx.exit(1 if any(check.state == "problem" for check in checks) else 0)


def _print(checks: Sequence[tuple[str, str, str, str, str]]) -> None:
    import textwrap

    from skribe.cli.output import paint, width, write
    from skribe.cli.text import literal

    room = width() or 10_000
    wide = max(len(name) for _, name, *_ in checks)
    topic = ""
    for new, name, state, said, todo in checks:
        if new != topic:
            write(("\n" if topic else "") + paint(new, bold=True, fg="blue"))
            topic = new
        mark, colour = _MARKS[state]
        lead = f"  {paint(mark, fg=colour)} {paint(f'{name:{wide}}', dim=state == 'note')}  "
        lines = textwrap.wrap(literal(said, 600), max(20, room - wide - 7)) or [""]
        lines += [f"→ {line}" if not n else f"  {line}" for n, line in enumerate(_wrapped(todo, room - wide - 9))]
        indent = " " * (wide + 6)
        write(lead + f"\n{indent}".join(lines))
    bad, odd = (sum(state == each for _, _, state, *_ in checks) for each in ("problem", "warn"))
    words = f"{bad} {'problem' if bad == 1 else 'problems'}, {odd} {'warning' if odd == 1 else 'warnings'}"
    write("\n" + paint(words if bad or odd else "All is well.", bold=True, fg="red" if bad else "green"))


def _wrapped(text: str, room: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, max(20, room), break_long_words=False) if text else []
