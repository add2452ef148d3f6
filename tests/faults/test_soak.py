"""Two thousand rounds in one process: memory, open files and the time of a round stay flat."""

import gc
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
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
    """What the process has used by the end of a round.

    Attributes:
        cpu_seconds: of the round.
        yard_seconds: of CPU that the same work took right after it, whatever the round.
        stalled: the front had not changed for long, so that other roles were tried as well.
    """

    cpu_seconds: float
    yard_seconds: float
    stalled: bool
    resident_bytes: int
    open_files: int


class Watch:
    """A listener that looks at the process whenever a trial ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.moments: list[Moment] = []
        self.last = time.process_time()

    def on_trial_end(self, trial: Trial) -> None:
        now = time.process_time()
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
        files = len(list(Path("/proc/self/fd").iterdir()))
        before = time.process_time()
        yard(self.path)
        after = time.process_time()
        stalled = trial.proposal.stalled_for is not None
        self.moments.append(Moment(now - self.last, after - before, stalled, resident, files))
        self.last = time.process_time()

    def on_search_start(self, *_: object) -> None:
        gc.collect()

    def on_front_change(self, *_: object) -> None: ...

    def on_search_end(self, *_: object) -> None: ...

    def on_run_end(self) -> None: ...

    def yards_a_round(self, around: int) -> float:
        """CPU time of a round that was not stalled: the median of the last windows of twelve.
        The unit is the same work done in between: a core that other programs share is slower for
        both.
        """
        last = [each for each in self.moments[:around] if not each.stalled][-112:]
        assert len(last) == 112
        windows = [last[start : start + 12] for start in range(101)]
        return median(
            sum(each.cpu_seconds for each in window) / sum(each.yard_seconds for each in window)
            for window in windows
        )


def yard(path: Path) -> None:
    """Work of the kind that a round does: objects, text, sorting, and a line that is kept."""
    rows = [{"number": number, "name": f"network {number * 7919 % 400}"} for number in range(400)]
    text = json.dumps(sorted(rows, key=lambda row: str(row["name"])))
    json.loads(text)
    with path.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


@pytest.fixture
def soaked(tmp_path: Path) -> Iterator[Callable[..., Watch]]:
    """Two thousand rounds with the table of NAS-Bench-201, watched."""

    def soak(*overrides: str) -> Watch:
        rounds = [f"budget.proposals={ROUNDS}", "budget.trained=null", "pareto=accuracy_params"]
        with initialize_config_dir(str(CONF), version_base="1.3"):
            where = ["+experiment=bench_nasbench201", f"folder={tmp_path}"]
            run = Run(compose("config", [*where, *rounds, *overrides]))
        watch = Watch(tmp_path / "yard.json")
        with Path(os.devnull).open("w") as nowhere:
            run.listeners = [Progress(Console(file=nowhere)), *run.listeners[1:], watch]
            run.start()
        return watch

    yield soak


def check_flat(watch: Watch) -> None:
    assert len(watch.moments) == ROUNDS
    early, late = watch.yards_a_round(200), watch.yards_a_round(ROUNDS)
    assert late <= 1.2 * early, f"a round takes {early:.2f} yards, then {late:.2f}"
    assert watch.moments[-1].open_files <= watch.moments[199].open_files
    grown = watch.moments[-1].resident_bytes - watch.moments[199].resident_bytes
    assert grown < 60 * 2**20, "some 10 KB a trial, which the history holds, are expected"


def test_random_rounds_stay_as_fast_and_small_as_they_were(soaked):
    check_flat(soaked("propose=random"))


def test_rounds_of_a_model_stay_as_fast_and_small_as_they_were(soaked, server_double):
    """In the role generate: near the few best of this small space, mutate and rank find ever fewer
    networks that are new, and so draw ever more, up to their limits. A search that stalls tries
    them too, so its stalled rounds are left out.
    """
    address = f"propose.server.base_url={server_double.base_url}"
    role = "propose.strategy.roles=[generate]"
    check_flat(soaked("propose=llm", "propose.model=double", address, role))
