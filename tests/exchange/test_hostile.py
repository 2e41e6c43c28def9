"""Archives that somebody has damaged or made up are refused, before anything of them is written."""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from pathlib import Path

import pytest

import skribe
from skribe.errors import StoreDamaged, StoreError, StoreTooNew
from skribe.exchange import export_runs, import_runs
from skribe.records import Changes, End, Metric, Model, Param, ProcessInfo, Registration, Start, new_id
from skribe.store.artifacts import ArtifactStore
from skribe.store.journal import Journal

MOMENT = 1_790_000_000.0


@pytest.fixture
def contents(store: Path) -> dict[str, bytes]:
    """The parts of an honest archive: a run with a file and a model, which is registered."""
    run = new_id()
    ArtifactStore(store).put_folder(run, "model", lambda folder: (folder / "model.pkl").write_bytes(b"x" * 50))
    ArtifactStore(store).put_bytes(run, "notes/a.txt", b"hello")
    with Journal(store, lambda: ProcessInfo("t", "nowhere", "boot", 1, "1", {}, None)) as journal:
        journal.write(
            Changes(
                run=run,
                start=Start("e", "r", "fit", MOMENT),
                params=(Param("C", "1.0", "float"),),
                metrics=(Metric("acc", 0.5, 3, MOMENT),),
                models=(Model("model", "model.pkl", "pickle", 50, "sha256:1", "sklearn.svm.SVC"),),
                registered=(Registration("iris", "model"),),
                end=End("finished", MOMENT + 1),
            )
        )
    export_runs("honest.zip", store=store)
    with zipfile.ZipFile("honest.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(contents: dict[str, bytes], *, honest: bool = True) -> None:
    """Make an archive of these parts; with digests that agree with them, as somebody who knows the format would."""
    if honest:
        told = json.loads(contents["manifest.json"])
        lines = [json.loads(line) for line in contents["files.jsonl"].splitlines()]
        told["files"], told["size"] = len(lines), sum(line[2] for line in lines if isinstance(line[2], int))
        for name in told["parts"]:
            told["parts"][name] = {
                "size": len(contents[name]),
                "sha256": hashlib.sha256(contents[name]).hexdigest(),
            }
        contents["manifest.json"] = json.dumps(told).encode()
    with zipfile.ZipFile("bad.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)


def refused(match: str, kind: type[Exception] = StoreDamaged) -> None:
    with pytest.raises(kind, match=match):
        import_runs("bad.zip", store="other")
    assert not Path("other").exists()


def test_an_honest_one_that_was_packed_again_is_taken(contents):
    pack(contents)
    assert import_runs("bad.zip", store="other").new == 1


def add_file(contents: dict[str, bytes], path: str, content: bytes = b"evil") -> None:
    run = json.loads(contents["runs.jsonl"])["run"]
    line = [run, path, len(content), hashlib.sha256(content).hexdigest()]
    contents["files.jsonl"] += json.dumps(line).encode() + b"\n"
    contents[f"files/{run}/{path}"] = content


@pytest.mark.parametrize(
    "path", ["../../../evil.txt", "/etc/evil", "C:/evil", "a/../../evil", "a\\..\\..\\evil", "", ".", "a//b", "a/./b"]
)
def test_no_file_leads_out_of_its_run(contents, path, own_folder):
    add_file(contents, path)
    pack(contents)
    refused("path|not a plain file")
    assert not list(own_folder.rglob("*evil*"))


def test_a_file_in_a_file(contents):
    add_file(contents, "a")
    add_file(contents, "a/b")
    pack(contents)
    refused("lies in something that is a file")


def test_a_run_that_is_no_run(contents):
    run = json.loads(contents["runs.jsonl"])["run"]
    for old in [name for name in contents if name.startswith("files/")]:
        contents[old.replace(run, "../../../../etc/x")] = contents.pop(old)
    contents["files.jsonl"] = contents["files.jsonl"].replace(run.encode(), b"../../../../etc/x")
    contents["runs.jsonl"] = contents["runs.jsonl"].replace(run.encode(), b"../../../../etc/x")
    pack(contents)
    refused("is not the id of a run")


def test_links_and_folders(contents):
    pack(contents)
    with zipfile.ZipFile("bad.zip", "a") as archive:
        link = zipfile.ZipInfo("files/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc")
    refused("is not a plain file")


def test_files_that_nobody_told_of_and_files_that_are_missing(contents):
    pack({**contents, "files/extra": b"x"})
    refused("is not among its files.jsonl")
    gone = next(name for name in contents if name.endswith("a.txt"))
    pack({name: content for name, content in contents.items() if name != gone})
    refused("is not in it")


@pytest.mark.parametrize("name", ["runs.jsonl", "processes.jsonl", "files.jsonl", "registered.jsonl", "a.txt"])
def test_other_contents_than_those_that_were_put_in(contents, name):
    whole = next(each for each in contents if each.endswith(name))
    content = contents[whole]
    pack({**contents, whole: content.replace(b"e", b"E") if b"e" in content else content + b"{}\n"}, honest=False)
    refused("has another size|not what was put into it")


def test_more_than_the_manifest_says(contents):
    """A bomb: a small file that becomes a large one."""
    name = next(each for each in contents if each.endswith("a.txt"))
    pack({**contents, name: b"\0" * 50_000_000}, honest=False)
    assert Path("bad.zip").stat().st_size < 100_000
    refused("has another size")


def test_more_than_the_disk_holds(contents, monkeypatch):
    monkeypatch.setattr("skribe.exchange.importing.free_space", lambda folder: 54)
    pack(contents)
    refused(r"holds 55 bytes of files, and where .* is 54 are free", StoreError)


def test_a_later_format(contents):
    contents["manifest.json"] = contents["manifest.json"].replace(b'"format": 1', b'"format": 2')
    pack(contents, honest=False)
    refused("format number 2; this skribe reads 1: update skribe", StoreTooNew)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.95])
def test_a_file_that_was_cut_off(contents, share):
    content = Path("honest.zip").read_bytes()
    Path("bad.zip").write_bytes(content[: int(len(content) * share)])
    refused("is damaged, or is none")


def test_bytes_that_were_changed_on_the_way(contents):
    content = bytearray(Path("honest.zip").read_bytes())
    content[200] ^= 0xFF
    Path("bad.zip").write_bytes(content)
    refused("is damaged, or is none")


def test_no_archive_at_all(own_folder):
    Path("bad.zip").write_text("hello")
    refused("is damaged, or is none")
    with zipfile.ZipFile("bad.zip", "w") as archive:
        archive.writestr("hello.txt", "hello")
    refused("it has no manifest.json")
    with pytest.raises(skribe.NotFound, match="nothing at"):
        import_runs("no-such.zip", store="other")
    with pytest.raises(skribe.ArgumentError, match="not the address of a server"):
        import_runs("http://user:secret@host:5000", store="other")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"fit"', b'"no such kind"'),
        (b"0.5", b'"half"'),
        (b"0.5", b"[1,2]"),
        (b',3,', b",99999999999999999999,"),
        (b'"C"', b'"\\ud800"'),
        (b'"C"', b"7"),
        (b'"model","model.pkl"', b'"../../m","model.pkl"'),
        (b"1790000000.0,null", b"1e300,null"),
        (b"1790000000.0,null", b'1790000000.0,"no run"'),
        (b'{"run"', b'{"erased":["x"],"run"'),
        (b'{"run"', b'{"unknown":1,"run"'),
        (b'{"run"', b'["run"'),
        (b'"start"', b'"start":[' + b"[" * 100_000 + b'],"start"'),
    ],
)  # fmt: skip
def test_records_that_no_store_has_written(contents, old, new):
    line = contents["runs.jsonl"]
    assert old in line
    pack({**contents, "runs.jsonl": line.replace(old, new, 1)})
    refused("is damaged")


def test_a_run_twice_or_before_its_parent(contents):
    line = contents["runs.jsonl"]
    pack({**contents, "runs.jsonl": line + line})
    refused("is there twice")
    pack({**contents, "runs.jsonl": line.replace(b"1790000000.0,null", b'1790000000.0,"%s"' % new_id().encode())})
    refused("before the run that it is inside of")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"name":"iris"', b'"name":"a/b"'),
        (b'"stage":"None"', b'"stage":"Elsewhere"'),
        (b'"aliases":[]', b'"aliases":["latest"]'),
        (b'"version":1', b'"version":-1'),
        (b'"tags":{}', b'"tags":{"a":1}'),
        (b'"versions":', b'"verses":'),
    ],
)
def test_registered_names_that_no_store_has(contents, old, new):
    line = contents["registered.jsonl"]
    assert old in line
    pack({**contents, "registered.jsonl": line.replace(old, new, 1)})
    refused("is damaged, or is none")
