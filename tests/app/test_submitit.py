"""A search whose trainings are jobs, as it is typed."""

from pathlib import Path
from typing import Any

import pytest

from lmanet.run.folder import RunFolder

pytestmark = pytest.mark.slow  # runs whole searches

TINY = ("+experiment=bench_lmanet", "propose=sampler", "budget.proposals=4")
JOBS = ("execute=submitit", "execute.engine.cluster=local", "execute.engine.resources.cpus=1")


def found(folder: Path) -> dict[int, Any]:
    """What a search found, but for its order and its seconds."""
    return {
        trial.number: (trial.id, trial.status, trial.score and trial.score.val_accuracy)
        for trial in RunFolder(folder).trials()
    }


def test_jobs_find_what_one_process_finds(typed, tmp_path: Path):
    assert typed(*TINY, "hydra.run.dir=one", "execute=in_process", "batch=4").code == 0
    ended = typed(*TINY, "hydra.run.dir=jobs", *JOBS, "batch=4")
    assert ended.code == 0, ended.error
    assert found(tmp_path / "jobs") == found(tmp_path / "one")
    assert len(found(tmp_path / "jobs")) == 4
    assert not list((tmp_path / "jobs" / "jobs").iterdir())


def test_without_slurm_that_is_said_before_the_search(typed, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = typed(*TINY, "hydra.run.dir=run", "execute=submitit")
    assert ended.code == 1 and "execute=submitit needs SLURM's sbatch" in ended.error
    assert not (tmp_path / "run").exists()
