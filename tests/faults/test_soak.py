"""Two thousand rounds in one process: memory, open files and the time of a round stay flat."""

import gc
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

import pytest
from hydra import compose, initialize_config_dir
from rich.console import Console

from lmanet.app import CONF, Run
from lmanet.run.records import Trial
from lmanet.track import Progress

pytestmark = pytest.mark.slow
ROUNDS = 2000
PAGE = os.sysconf("SC_PAGE_SIZE")


class Moment(NamedTuple):
    """What the process has used by the end of a round."""

    cpu_seconds: float
    resident_bytes: int
    open_files: int


class Watch:
    """A listener that looks at the process whenever a trial ends."""

    def __init__(self) -> None:
        self.moments: list[Moment] = []

    def on_trial_end(self, trial: Trial) -> None:
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
        files = len(list(Path("/proc/self/fd").iterdir()))
        self.moments.append(Moment(time.process_time(), resident, files))

    def on_search_start(self, *_: object) -> None:
        gc.collect()

    def on_front_change(self, *_: object) -> None: ...

    def on_search_end(self, *_: object) -> None: ...

    def on_run_end(self) -> None: ...

    def seconds_a_round(self, around: int) -> float:
        """Of CPU: the lower quartile of windows of twelve rounds, over the last hundred: other
        programs on the machine make rounds slower, never faster.
        """
        times = [moment.cpu_seconds for moment in self.moments[around - 112 : around]]
        windows = [(end - start) / 12 for start, end in zip(times, times[12:], strict=False)]
        return quantiles(windows, n=4)[0]


@pytest.fixture
def soaked(tmp_path: Path) -> Iterator[Callable[..., Watch]]:
    """Two thousand rounds with the table of NAS-Bench-201, watched."""

    def soak(*overrides: str) -> Watch:
        rounds = [f"budget.proposals={ROUNDS}", "budget.trained=null", "pareto=accuracy_params"]
        with initialize_config_dir(str(CONF), version_base="1.3"):
            where = ["+experiment=bench_nasbench201", f"folder={tmp_path}"]
            run = Run(compose("config", [*where, *rounds, *overrides]))
        watch = Watch()
        with Path(os.devnull).open("w") as nowhere:
            run.listeners = [Progress(Console(file=nowhere)), *run.listeners[1:], watch]
            run.start()
        return watch

    yield soak


def check_flat(watch: Watch) -> None:
    assert len(watch.moments) == ROUNDS
    early, late = watch.seconds_a_round(200), watch.seconds_a_round(ROUNDS)
    assert late <= 1.2 * early, f"{1000 * early:.2f} ms of CPU a round, then {1000 * late:.2f}"
    assert watch.moments[-1].open_files <= watch.moments[199].open_files
    grown = watch.moments[-1].resident_bytes - watch.moments[199].resident_bytes
    assert grown < 60 * 2**20, "some 10 KB a trial, which the history holds, are expected"


def test_random_rounds_stay_as_fast_and_small_as_they_were(soaked):
    check_flat(soaked("propose=random"))


def test_rounds_of_a_model_stay_as_fast_and_small_as_they_were(soaked, server_double):
    """In the role generate: near the few best of this small space, mutate and rank find ever fewer
    networks that are new, and so draw ever more, up to their limits.
    """
    address = f"propose.server.base_url={server_double.base_url}"
    role = "propose.strategy.roles=[generate]"
    check_flat(soaked("propose=llm", "propose.model=double", address, role))
