"""The process that fits, so that others can tell whether it still lives, and what it ran on."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import xxhash

from skribe.capture.git import GitState, head_of, start_dirty_check
from skribe.records import ProcessInfo

__all__ = ["GitState", "is_alive", "process_info", "start_dirty_check"]

# No other variable is read: the environment is where secrets are kept.
_VARIABLES = (
    "OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT", "POLARS_MAX_THREADS",
)  # fmt: skip
# Packages that are imported under another name than the one they are installed by.
_INSTALLED_AS = {
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "PIL": "pillow",
    "cv2": "opencv-python",
    "yaml": "pyyaml",
    "dateutil": "python-dateutil",
    "bs4": "beautifulsoup4",
    "imblearn": "imbalanced-learn",
}
_ALWAYS = ("scikit-learn", "numpy")
_LINUX: bool = sys.platform == "linux"
_known: tuple[int, ProcessInfo] | None = None


def process_info() -> ProcessInfo:
    """This process and its surroundings, as they were when it was first asked for."""
    global _known
    pid = os.getpid()
    if _known is None or _known[0] != pid:  # A forked child is a process of its own.
        _known = (pid, _process_info(pid))
    return _known[1]


def _process_info(pid: int) -> ProcessInfo:
    host, boot, started = _host(), _boot(), _started(pid)
    identity = f"{boot}|{pid}|{started}" if boot and started else os.urandom(16).hex()
    source = _source()
    return ProcessInfo(
        token=xxhash.xxh3_128_hexdigest(identity.encode()),
        host=host,
        boot=boot,
        pid=pid,
        started=started,
        environment=_environment(source),
        source=source,
    )


def _environment(source: str | None) -> dict[str, Any]:
    place = Path(source).parent if source is not None and os.path.isfile(source) else "."
    commit, branch = head_of(place)
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": _platform(),
        "cpu_count": os.cpu_count(),
        "cpu_usable": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "packages": _packages(),
        "git_commit": commit,
        "git_branch": branch,
        "threads": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
    }


def _platform() -> str:
    if hasattr(os, "uname"):  # `platform.platform` reads the C library to learn its version.
        system = os.uname()
        return f"{system.sysname}-{system.release}-{system.machine}"
    return platform.platform()


def _packages() -> dict[str, str]:
    """The versions of what is imported, and of scikit-learn and numpy in any case."""
    installed = _installed()
    found = {name: installed[name] for name in _ALWAYS if name in installed}
    for name, module in sys.modules.copy().items():
        if "." in name or name[0] == "_" or name in sys.stdlib_module_names or name == "__main__":
            continue
        package = _INSTALLED_AS.get(name, name)
        version = _own_version(module) or installed.get(package.lower().replace("_", "-"))
        if version is not None:
            found[package] = version
    return dict(sorted(found.items()))


def _own_version(module: Any) -> str | None:
    """The module's `__version__` as it stands in its dictionary: a module may warn, or load itself, when asked."""
    if not issubclass(type(module), ModuleType):
        return None
    version = object.__getattribute__(module, "__dict__").get("__version__")
    return version if type(version) is str else None


def _installed() -> dict[str, str]:
    """Names and versions as the folder names of the installed packages tell them."""
    found: dict[str, str] = {}
    for place in sys.path:
        if not str(place).rstrip("/\\").endswith(("site-packages", "dist-packages")):
            continue
        try:
            entries = os.listdir(place)
        except OSError:
            continue  # An entry of sys.path need not exist.
        for entry in entries:
            if entry.endswith(".dist-info"):
                name, _, version = entry[: -len(".dist-info")].partition("-")
                found.setdefault(name.lower().replace("_", "-"), version)
    return found


def _source() -> str | None:
    """The script or the notebook that runs. Its arguments are not looked at: they may hold secrets."""
    main = vars(sys.modules["__main__"]) if "__main__" in sys.modules else {}
    notebook = main.get("__vsc_ipynb_file__")
    if isinstance(notebook, str):
        return notebook
    if "ipykernel" in sys.modules and callable(main.get("get_ipython")):
        return os.environ.get("JPY_SESSION_NAME") or "<notebook>"
    script = main.get("__file__")
    if isinstance(script, str):
        return script  # Absolute since Python 3.9, and "<stdin>" for a program that is piped in.
    if callable(main.get("get_ipython")):
        return "<ipython>"
    first = sys.argv[0] if getattr(sys, "argv", None) else ""
    return {"-c": "-c", "-": "<stdin>"}.get(first, "<repl>")


def _host() -> str:
    return os.uname().nodename if hasattr(os, "uname") else platform.node()


def _boot() -> str:
    """`machine/boot/namespace`: where a process id means this process."""
    if _LINUX:
        boot = _read("/proc/sys/kernel/random/boot_id")
        machine = _read("/etc/machine-id")
        try:
            namespace = os.readlink("/proc/self/ns/pid")
        except OSError:
            namespace = ""
        # The machine's id is not for publication; a digest of it tells machines apart just as well.
        known = xxhash.xxh3_64_hexdigest(f"skribe:{machine}".encode()) if machine else ""
        return f"{known}/{boot}/{namespace}" if boot else ""
    try:
        import psutil  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        return ""
    return f"/{psutil.boot_time():.0f}/"


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _stat(pid: int) -> tuple[str, str] | None:
    """A process's state and start, from the kernel's table; the name, in brackets, may hold anything."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (fields[0], fields[19]) if len(fields) > 19 else None


def _started(pid: int) -> str:
    """When the process started, in whatever unit the system keeps; empty if it cannot be known."""
    if _LINUX:
        stat = _stat(pid)
        return stat[1] if stat is not None else ""
    try:
        import psutil

        return f"{psutil.Process(pid).create_time():.2f}"
    except Exception:  # noqa: BLE001 - no psutil, no such process, no permission: all mean "not known".
        return ""


def is_alive(host: str, boot: str, pid: int, started: str) -> bool | None:
    """Whether the process still runs; None where that cannot be known from here, as on another machine."""
    here = _boot()
    if host != _host() or not boot or not here:
        return None
    if boot != here and not _same_boot(boot, here):
        return _after_reboot(boot, here)
    now = _started(pid)
    if not now:
        return None if _exists(pid) else False
    if _LINUX:
        stat = _stat(pid)
        if stat is not None and stat[0] in "ZX":
            return False  # It has ended; its parent has not looked yet.
    return now == started if started else None


def _same_boot(boot: str, here: str) -> bool:
    """Boot times in seconds wander with the clock; boot ids do not."""
    if _LINUX:
        return False
    try:
        return abs(float(boot.strip("/")) - float(here.strip("/"))) < 60
    except ValueError:
        return False


def _after_reboot(boot: str, here: str) -> bool | None:
    """Another boot of this machine means that the process is gone; another container or machine means nothing."""
    then, now = boot.split("/"), here.split("/")
    if len(then) != 3 or len(now) != 3 or then[0] != now[0] or then[2] != now[2]:
        return None
    if _LINUX and not now[0]:
        return None
    return False


def _exists(pid: int) -> bool:
    if sys.platform == "win32":
        return False  # Signal 0 would end the process there; psutil has already said that it is gone.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
