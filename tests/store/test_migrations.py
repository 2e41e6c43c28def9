"""The schema: made once, raised step by step, described where people look."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from skribe.errors import StoreTooNew
from skribe.store import connection, migrations
from skribe.store.connection import open_reader, open_writer
from skribe.store.describe import markdown
from skribe.store.migrations import LATEST, MIGRATIONS, Migration

DOCS = Path(__file__).parents[2] / "docs" / "schema.md"


def test_the_page_is_the_schema():
    assert DOCS.read_text(encoding="utf-8") == markdown(), "run: python -m skribe.store.describe > docs/schema.md"


def test_every_column_is_explained():
    page = markdown()
    database = sqlite3.connect(":memory:", isolation_level=None)
    migrations.migrate(database, "memory")
    names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
    for name in names:
        if name.startswith("sqlite_"):
            continue
        _, _, section = page.partition(f"\n### {name}\n")
        section = section.partition("\n### ")[0]
        assert section.strip(), name
        assert len(section.strip().splitlines()[0]) > 10, f"{name} has no purpose"
        for column in [row[1] for row in database.execute(f'PRAGMA table_info("{name}")')]:
            assert f"`{column}`" in section, f"{name}.{column}"
    database.close()


def test_numbers_are_in_order():
    assert [migration.number for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))
    assert len({migration.name for migration in MIGRATIONS}) == len(MIGRATIONS)


def test_the_file_says_what_it_is(store):
    open_writer(store).close()
    database = sqlite3.connect(store / "skribe.db")
    assert database.execute("PRAGMA application_id").fetchone() == (migrations.APPLICATION_ID,)
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    names = [(1, "first_schema"), (2, "searches"), (3, "models_and_tables"), (4, "delivery")]
    assert database.execute("SELECT number, name FROM migration").fetchall() == names
    database.close()
    assert (store / "skribe.db").read_bytes()[68:72] == b"skrb"


def another(*statements: str) -> tuple[Migration, ...]:
    return (*MIGRATIONS, Migration(LATEST + 1, "another", statements))


def raise_to(monkeypatch, after) -> None:
    monkeypatch.setattr(migrations, "MIGRATIONS", after)
    monkeypatch.setattr(migrations, "LATEST", LATEST + 1)
    monkeypatch.setattr(connection, "LATEST", LATEST + 1)


def test_an_old_file_is_raised_and_keeps_its_runs(store, journal, query, make, monkeypatch):
    start = make.start()
    journal.write(start)
    journal.close()
    raise_to(monkeypatch, another("ALTER TABLE run ADD COLUMN colour TEXT"))
    assert query.run_row(start.run).name == "r", "an old file can be read before it is raised"
    journal.write(make.finish(start.run))
    database = sqlite3.connect(store / "skribe.db")
    assert database.execute("SELECT number FROM migration").fetchall() == [(n,) for n in range(1, LATEST + 2)]
    assert database.execute("SELECT status, colour FROM run").fetchall() == [("finished", None)]
    database.close()
    monkeypatch.undo()
    with pytest.raises(StoreTooNew):
        open_reader(store)


def test_a_migration_that_fails_leaves_nothing_behind(store, monkeypatch):
    open_writer(store).close()
    with monkeypatch.context() as patch:
        raise_to(patch, another("CREATE TABLE half (a)", "NONSENSE"))
        with pytest.raises(sqlite3.OperationalError):
            open_writer(store)
    database = open_writer(store)
    assert database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'half'").fetchone() == (0,)
    assert database.execute("PRAGMA user_version").fetchone() == (LATEST,)
    database.close()


def test_an_empty_file_becomes_a_store(store, query):
    store.mkdir()
    (store / "skribe.db").touch()
    assert query.count() == 0
    open_writer(store).close()
    assert open_close(store) == LATEST


def open_close(store: Path) -> int:
    database = open_reader(store)
    number = database.execute("PRAGMA user_version").fetchone()[0]
    database.close()
    return int(number)


def test_a_store_that_is_created_between_two_questions_is_a_store(store):
    store.mkdir()
    reader = sqlite3.connect(store / "skribe.db", isolation_level=None)
    others = []

    def create(statement: str) -> None:
        if "user_version" in statement and not others:
            others.append(open_writer(store))

    reader.set_trace_callback(create)
    assert migrations.check(reader, "it") == LATEST
    for each in (reader, *others):
        each.close()
