"""What a round costs the driver as the history grows: a search over the table of NAS-Bench-201, for
each rival of conf/propose and each role of a model.

A stand-in for the model answers at once with any reply that the schema allows. A yard is a fixed
piece of work done after each round: cores that other programs share are slower for both.

python benchmarks/rounds.py --rounds 2000
"""

import argparse
import gc
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from rich.console import Console

from lmanet.app import CONF, Run
from lmanet.run.records import Trial
from lmanet.track import Progress

PAGE = os.sysconf("SC_PAGE_SIZE")
WINDOW = 12  # rounds; roles take turns, and their rounds differ
LAST = 112  # rounds before the one that is asked about
ROLES = ("generate", "mutate", "rank")


class Moment(NamedTuple):
    """What the process has used by the end of a round.

    Attributes:
        cpu_seconds: of the round.
        yard_seconds: of CPU that the same work took right after it, whatever the round.
    """

    cpu_seconds: float
    yard_seconds: float
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
        spent = time.process_time() - before
        self.moments.append(Moment(now - self.last, spent, resident, files))
        self.last = time.process_time()

    def on_search_start(self, *_: object) -> None:
        gc.collect()

    def on_front_change(self, *_: object) -> None: ...

    def on_search_end(self, *_: object) -> None: ...

    def on_run_end(self) -> None: ...

    def yards_a_round(self, around: int, last: int = LAST) -> float:
        """CPU time of a round, in yards: the median of the windows of the last rounds."""
        moments = self.moments[:around][-last:]
        windows = [moments[start : start + WINDOW] for start in range(len(moments) - WINDOW + 1)]
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


def rivals() -> list[str]:
    """The options of conf/propose that ask no model and need no setting; not what only sets another
    anew.
    """
    found = {path.stem: OmegaConf.load(path) for path in sorted((CONF / "propose").glob("*.yaml"))}
    return [
        name
        for name, option in found.items()
        if "defaults" not in option and "model" not in option and not OmegaConf.missing_keys(option)
    ]


def searched(folder: Path, rounds: int, overrides: Sequence[str]) -> Watch:
    """So many rounds in all, watched; what the folder's history holds counts."""
    settings = (f"budget.proposals={rounds}", "budget.trained=null", "pareto=accuracy_params")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        where = ("+experiment=bench_nasbench201", f"folder={folder}")
        run = Run(compose("config", [*where, *settings, *overrides]))
    watch = Watch(folder / "yard.json")
    with Path(os.devnull).open("w") as nowhere:
        run.listeners = [Progress(Console(file=nowhere)), *run.listeners[1:], watch]
        run.start()
    return watch


def main() -> None:
    """A line for each rival and each role."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--at", type=int, nargs="+", default=[200, 500, 1000, 2000])
    parser.add_argument("--only", nargs="+", default=[*rivals(), *ROLES])
    parser.add_argument("--base-url", help="of a server that answers the roles at once")
    options = parser.parse_args()
    print(f"| | {' | '.join(f'at {at:,}' for at in options.at)} | CPU ms at the end | growth |")
    print(f"|---|{'---:|' * (len(options.at) + 2)}")
    for name in options.only:
        chosen = [f"propose={name}"]
        if name in ROLES:
            address = f"propose.server.base_url={options.base_url}"
            roles = f"propose.strategy.roles=[{name}]"
            chosen = ["propose=llm", "propose.model=double", address, roles]
        with TemporaryDirectory() as folder:
            watch = searched(Path(folder), options.rounds, chosen)
        yards = [watch.yards_a_round(at) for at in options.at]
        ms = 1000 * median(each.cpu_seconds for each in watch.moments[-LAST:])
        figures = " | ".join(f"{each:.2f}" for each in yards)
        print(f"| {name} | {figures} | {ms:.1f} | {yards[-1] / yards[0]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
