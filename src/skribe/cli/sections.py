"""A group of commands that are listed in sections, loaded when they are used, and whose errors are told in a line."""

from __future__ import annotations

import contextlib
import errno
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, NoReturn

import click

from skribe.errors import ArgumentError, QueryError, SkribeError

Table = Mapping[str, Mapping[str, tuple[str, str]]]

# How a message for Python names an argument, and what it is called in the terminal.
_OPTIONS = {
    "where=:": "--where:",
    "sort_by=": "--sort-by ",
    "give format=,": "give --format,",
    "history=True is": "--history is",
    "import_runs(experiment=": "--experiment (",
    "limit=": "--limit ",
    "columns=": "--columns ",
    "`skribe.runs()` shows": "`skribe runs` shows",
}
INTERRUPTED = 130  # what a shell says of a program that Ctrl-C has ended


class Sections(click.Group):
    """Commands by section. A command's module is imported when it is called, or when its own help is asked for."""

    def __init__(self, *args: Any, table: Table, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.table = table
        self._homes = {name: home for section in table.values() for name, home in section.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self._homes, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._homes:
            return super().get_command(ctx, cmd_name)
        module, line = self._homes[cmd_name]
        command: click.Command = import_module(f"skribe.cli.{module}").command
        command.short_help = line
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            self._suggest(ctx, args[0], error)

    def _suggest(self, ctx: click.Context, word: str, error: click.UsageError) -> NoReturn:
        import difflib

        near = difflib.get_close_matches(word, self.list_commands(ctx), 3)
        if not near or "mean" in error.message:
            raise error
        raise click.UsageError(f"{error.message} Did you mean {' or '.join(near)}?", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if not self.table:
            super().format_commands(ctx, formatter)
            return
        width = max(map(len, self._homes))
        for title, commands in self.table.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:{width}}", line) for name, (_, line) in commands.items()])

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        with told():  # the help is written here
            return super().make_context(*args, **more)

    def invoke(self, ctx: click.Context) -> Any:
        with told():
            return super().invoke(ctx)


@contextlib.contextmanager
def told() -> Iterator[None]:
    """What skribe raises on purpose is a message to the user, not a traceback; Ctrl-C needs no message."""
    try:
        yield
    except (ArgumentError, QueryError) as error:
        raise _Wrong(_as_options(str(error))) from None
    except SkribeError as error:
        raise click.ClickException(_as_options(str(error))) from None
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except OSError as error:
        # Nobody reads on, as in `skribe runs | head`: click ends quietly.
        if error.errno == errno.EPIPE:
            raise
        where = f"{error.filename}: " if error.filename else ""
        raise click.ClickException(_as_options(f"{where}{error.strerror or error}")) from None


class _Wrong(click.ClickException):
    """What was asked for cannot be meant."""

    exit_code = 2


def _as_options(said: str) -> str:
    """Nobody has written an argument here: the option's name is told instead."""
    from skribe.cli.text import visible

    for argument, option in _OPTIONS.items():
        said = said.replace(argument, option, 1)
    return "\n".join(visible(line) for line in said.split("\n"))
