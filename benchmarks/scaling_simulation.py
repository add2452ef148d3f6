"""How many workers one driver and one model can keep busy: a search on a simulated clock.

The loop, the proposer with its roles, the prompt, the feedback, the validator and the history are
the real ones, and the CPU time that they take here is on the clock. Stand-ins: a model that answers
with any reply the schema allows; the time of its answers, and the CPU time of its client; the
workers; how long a training takes, and what it reaches.

python benchmarks/scaling_simulation.py --workers 1 10 100 1000 --at-once 1 16 128 --seeds 3
"""

import argparse
import heapq
import json
import random
import time
from collections import deque
from collections.abc import Sequence
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from lmanet.app import CONF
from lmanet.promote import Everything
from lmanet.propose.llm.client import Answer, Query
from lmanet.propose.llm.servers import Endpoint
from lmanet.run.brief import Brief, Budget, Goal, Request
from lmanet.run.folder import RunFolder
from lmanet.run.history import History
from lmanet.run.records import Job, Outcome, Proposal, Score, Status, Usage
from lmanet.search import Search, Steps
from lmanet.space import estimate_on
from lmanet.train.lookup.table import load_table

TABLE = "lmanet_mini"
WARM = 0.5  # of the trainings, before the busy share is counted


class Clock:
    """Simulated seconds. Between `start` and `stop` of a wait the driver's CPU time passes."""

    def __init__(self) -> None:
        self.now = 0.0
        self.driver_seconds = self.model_seconds = 0.0
        self._cpu = time.process_time()

    def tick(self, more: float = 0.0) -> None:
        """What the driver has computed since the last tick passes, and ``more`` seconds."""
        before, self._cpu = self._cpu, time.process_time()
        self.now += self._cpu - before + more
        self.driver_seconds += self._cpu - before + more

    def wait_for_model(self, seconds: float) -> None:
        """An answer passes in which the driver does nothing else."""
        self.now += seconds
        self.model_seconds += seconds


class WorkersDouble:
    """Stands in for workers: each training ends by the clock."""

    def __init__(self, clock: Clock, workers: int, queue: int, seed: int, scale: float) -> None:
        self.capacity = workers + queue
        self.clock, self.workers, self.seed = clock, workers, seed
        seconds = fmean(entry.seconds for entry in load_table(TABLE)[1])
        self.seconds = [scale * e.seconds / seconds for e in load_table(TABLE)[1]]
        self.spans: list[tuple[float, float]] = []
        self._idle = [0.0] * workers  # when each became free
        self._running: list[tuple[float, int, Job, float]] = []
        self._waiting: deque[tuple[float, Job]] = deque()

    def submit(self, job: Job) -> None:
        self.clock.tick()
        self._waiting.append((self.clock.now, job))
        self._hand_out()

    def collect(self, wait: bool) -> list[Outcome]:
        self.clock.tick()
        if wait and self._running:
            self.clock.now = max(self.clock.now, self._running[0][0])
        ended = []
        while self._running and self._running[0][0] <= self.clock.now:
            end, _, job, seconds = heapq.heappop(self._running)
            heapq.heappush(self._idle, end)
            self._hand_out()
            rng = np.random.default_rng([self.seed, job.number])
            cost = estimate_on(job.architecture, 10, PLATFORM)
            reached = 0.4 + 0.08 * np.log10(cost.macs / 1e4) + rng.normal(0, 0.02)
            score = Score(val_accuracy=float(np.clip(reached, 0, 1)), seconds=seconds)
            ended.append(Outcome(number=job.number, status=Status.TRAINED, score=score))
        return ended

    def close(self) -> None: ...

    def _hand_out(self) -> None:
        while self._idle and self._waiting:
            given, job = self._waiting.popleft()
            start = max(heapq.heappop(self._idle), given)
            rng = np.random.default_rng([self.seed, job.number])
            seconds = self.seconds[int(rng.integers(len(self.seconds)))]
            self.spans.append((start, start + seconds))
            heapq.heappush(self._running, (start + seconds, job.number, job, seconds))


class ModelDouble:
    """Stands in for client and server: any reply that the schema allows, drawn by the seed. How
    long the server would take is noted, not waited.
    """

    def __init__(self, answer_seconds: float) -> None:
        self.endpoint = Endpoint("http://double/v1", "double", 1.0, 0)
        self.answer_seconds = answer_seconds
        self.owed, self.requests = 0.0, 0

    def ask(self, query: Query) -> Answer:
        rng = np.random.default_rng(query.seed)
        self.owed += self.answer_seconds * float(rng.lognormal(-0.045, 0.3))  # of mean 1
        self.requests += 1
        reply = "Deeper." if query.schema is None else json.dumps(drawn(query.schema, query.seed))
        usage = Usage(prompt_tokens=1000, completion_tokens=100, requests=1)
        return Answer(text=reply, cut=False, structured=True, usage=usage)

    def close(self) -> None: ...


class TimedProposer:
    """The real proposer; after each call the slowest of its requests passes on the clock."""

    def __init__(self, proposer: Any, clock: Clock, options: argparse.Namespace) -> None:
        self.proposer, self.clock, self.client_ms = proposer, clock, options.client_ms
        lanes = range(proposer.requests_at_once)
        self.models = [ModelDouble(options.answer_seconds) for _ in lanes]
        proposer._clients = self.models

    def propose(self, request: Request) -> list[Proposal]:
        proposals: list[Proposal] = self.proposer.propose(request)
        self.clock.tick(self.client_ms / 1000 * sum(model.requests for model in self.models))
        self.clock.wait_for_model(max(model.owed for model in self.models))
        for model in self.models:
            model.owed, model.requests = 0.0, 0
        return proposals

    def close(self) -> None:
        self.proposer.close()


class Row(NamedTuple):
    """What one search came to.

    Attributes:
        busy: share of the workers that train, once they have been filled.
        driver, model: shares of the time in which the driver computes, and waits for answers.
        useful: share of the proposals that were trained.
    """

    busy: float
    driver: float
    model: float
    driver_ms_a_proposal: float
    useful: float


PLATFORM: Any = None


def simulate(workers: int, at_once: int, seed: int, options: argparse.Namespace) -> Row:
    """One search, until each worker has trained a few networks."""
    global PLATFORM
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose(
            "config",
            [
                "+experiment=quickstart",
                "propose=llm",
                "propose.model=double",
                f"propose.requests_at_once={at_once}",
                f"propose.strategy.roles=[{','.join(options.roles)}]",
            ],
        )
    space, target = instantiate(cfg.space), instantiate(cfg.target)
    PLATFORM = target.platform
    pareto = instantiate(cfg.pareto, _partial_=True)(limits=target.limits)
    brief = Brief(
        space=space,
        seed=seed,
        images="handwritten digits",
        num_classes=10,
        limits=target.limits,
        platform=target.platform,
        objectives=tuple(Goal(name=g.name, maximise=g.maximise) for g in pareto.objectives),
    )
    proposer = instantiate(cfg.propose, _partial_=True)(brief=brief)
    clock = Clock()
    executor = WorkersDouble(clock, workers, options.queue, seed, options.training_seconds)
    steps = Steps(
        TimedProposer(proposer, clock, options),
        instantiate(cfg.validate, _partial_=True)(space=space, target=target, num_classes=10),
        Everything(brief),
        executor,
        pareto,
        instantiate(cfg.feedback, _partial_=True)(space=space),
    )
    trained = max(options.least, options.each * workers)
    budget = Budget(proposals=100 * trained, trained=trained)
    with TemporaryDirectory() as folder:
        history = History(RunFolder(folder))
        clock.tick()
        clock.now = clock.driver_seconds = 0.0
        Search(steps, history, budget, seed, batch=at_once).run()
        proposals = len(history.trials)
    return measured(executor.spans, clock, workers, proposals)


def measured(
    spans: Sequence[tuple[float, float]], clock: Clock, workers: int, proposals: int
) -> Row:
    """Busy share from the warm-up to the start of the last training."""
    begin = sorted(start for start, _ in spans)[int(WARM * len(spans))]
    end = max(start for start, _ in spans)
    busy = sum(max(0.0, min(stop, end) - max(start, begin)) for start, stop in spans)
    return Row(
        busy / (workers * (end - begin)),
        clock.driver_seconds / clock.now,
        clock.model_seconds / clock.now,
        1000 * clock.driver_seconds / proposals,
        len(spans) / proposals,
    )


def drawn(schema: dict[str, Any], seed: int) -> Any:
    """A value of a schema such as those that lmanet sends."""
    rng = random.Random(seed)

    def draw(part: dict[str, Any]) -> Any:
        if "const" in part:
            return part["const"]
        if "enum" in part:
            return rng.choice(part["enum"])
        if "anyOf" in part:
            return draw(rng.choice(part["anyOf"]))
        if part.get("type") == "object":
            return {name: draw(inner) for name, inner in part["properties"].items()}
        if part.get("type") == "array":
            least = part.get("minItems", 0)
            most = min(part.get("maxItems", least), least + 3)
            return [draw(part["items"]) for _ in range(rng.randint(least, most))]
        return "It is deep." if part.get("type") == "string" else None

    return draw(schema)


def main() -> None:
    """A line for each number of workers and of requests at once: mean and range over the seeds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 10, 100, 1000])
    parser.add_argument("--at-once", type=int, nargs="+", default=[1])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--answer-seconds", type=float, default=5.0, help="mean of an answer")
    parser.add_argument("--client-ms", type=float, default=5.0, help="CPU of a request")
    parser.add_argument("--training-seconds", type=float, default=300.0, help="mean of a training")
    parser.add_argument("--each", type=int, default=4, help="trainings for each worker")
    parser.add_argument("--least", type=int, default=40, help="trainings of a search")
    parser.add_argument("--queue", type=int, default=1, help="jobs that may wait for a worker")
    parser.add_argument("--roles", nargs="+", default=["generate", "mutate", "rank"])
    options = parser.parse_args()
    print("| workers | at once | busy | driver | model | ms of driver a proposal | trained |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for workers in options.workers:
        for at_once in options.at_once:
            rows = [simulate(workers, at_once, s, options) for s in range(options.seeds)]
            means = Row(*(fmean(values) for values in zip(*rows, strict=True)))
            low, high = min(row.busy for row in rows), max(row.busy for row in rows)
            print(
                f"| {workers:,} | {at_once} | {means.busy:.0%} ({low:.0%} to {high:.0%}) "
                f"| {means.driver:.0%} | {means.model:.0%} | {means.driver_ms_a_proposal:.0f} "
                f"| {means.useful:.0%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
