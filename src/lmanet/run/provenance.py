"""Where a run was computed: a line in ``provenance.jsonl`` each time that a run is started."""

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lmanet.base import Record

PACKAGES = (
    "lmanet",
    "torch",
    "torchvision",
    "lightning",
    "timm",
    "numpy",
    "hydra-core",
    "openai",
    "optuna",
    "tflite-micro",
    "ziglang",
    "unicorn",
)
SOURCE = Path(__file__).parents[3]
GIB = 1024**3


class Provenance(Record):
    """One start of a run.

    Attributes:
        started_at: UTC, ISO 8601.
        stages: that were asked for.
        machine: in words: processor, cores, memory, operating system, GPU.
        commit: of the source's git repository; None where it is installed from elsewhere.
        modified: files of the repository had changes that were not committed.
        versions: package -> version.
    """

    started_at: str
    stages: tuple[str, ...]
    machine: Mapping[str, str]
    commit: str | None
    modified: bool
    versions: Mapping[str, str]


def provenance(stages: Sequence[str]) -> Provenance:
    """Of a run that starts now; no name of a host, a user or a folder is in it."""
    commit = _git("rev-parse", "HEAD") if (SOURCE / ".git").exists() else None
    return Provenance(
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        stages=tuple(stages),
        machine=_machine(),
        commit=commit,
        modified=bool(commit and _git("status", "--porcelain")),
        versions={"python": platform.python_version()}
        | {name: found for name in PACKAGES if (found := _version(name))},
    )


def _machine() -> dict[str, str]:
    import torch  # only where a run starts: it takes seconds

    words = {
        "processor": _processor(),
        "cores": str(
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        ),
        "memory": f"{_memory_bytes() / GIB:.0f} GiB" if _memory_bytes() else "",
        "system": f"{platform.system()} {platform.machine()}",
        "gpu": ", ".join(
            torch.cuda.get_device_name(place) for place in range(torch.cuda.device_count())
        ),
    }
    return {name: word for name, word in words.items() if word}


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _memory_bytes() -> int:
    names = getattr(os, "sysconf_names", {})
    return (
        os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if "SC_PHYS_PAGES" in names else 0
    )


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=SOURCE, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
