"""How long a run will take: a few training steps are timed, the rest follows by counting."""

import time
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from lmanet.app.compose import Config, make, plain
from lmanet.app.plan.choices import Facts
from lmanet.app.stages import Run
from lmanet.data.survey import Found
from lmanet.network import Architecture
from lmanet.network.build import build
from lmanet.space import staged

DRAWS, LEGAL = 3000, 7  # networks drawn, and legal ones among them that suffice
WARM_UP, TIMED = 2, 5  # steps
BATCH = 32  # pictures a step of the teacher, when it is timed
FORWARD = 1 / 3  # share of a training step that a validation takes
REST_SECONDS = 150.0  # deployment, examination, report: measured for the quickstart, on two cores


class Forecast(NamedTuple):
    """Seconds of each part of a run, by the settings that it will have; 0 of a stage that it has
    not.

    Attributes:
        candidate: of one candidate, all its folds together.
        candidates: networks that the search trains at most; 0 where there is none.
        workers: of those at once.
        folds: trainings of each.
        training: of the best network.
        teaching: of teacher and student; 0 where there is no teacher.
        rest: deployment, examination, report.
    """

    candidate: float
    candidates: int
    workers: int
    folds: int
    training: float
    teaching: float
    rest: float = REST_SECONDS

    @property
    def search(self) -> float:
        """Of the whole search."""
        return self.candidate * self.candidates / self.workers


class Work(NamedTuple):
    """What one training does.

    Attributes:
        steps: of the optimiser.
        validated: pictures, over all epochs.
        batch: pictures a step.
    """

    steps: int
    validated: int
    batch: int

    def seconds(self, step: float) -> float:
        """The time it takes, at so many seconds a step."""
        return step * (self.steps + FORWARD * self.validated / self.batch)


def forecast(run: Run, facts: Facts, found: Found) -> Forecast | None:
    """Time a few steps of the given network, or of a typical one; None where none is legal.

    Args:
        run: with the settings chosen so far, and those that were typed.
    """
    architecture = run.architecture or typical(run)
    if architecture is None:
        return None
    mini, full = run.cfg.train.mini.recipe, run.cfg.train.full.recipe
    folds = mini.get("folds", 1)
    in_fold = sum(found.counts.values()) // folds if folds > 1 else found.parts["val"]
    device = torch.device("cuda" if facts.gpu else "cpu")
    before = torch.get_num_threads()
    try:
        if facts.workers > 1 and not facts.gpu:
            torch.set_num_threads(1)  # as a worker has
        network = build(architecture, run.data.num_classes)
        step = _step(network, architecture.input_shape, mini.batch_size, device)
        teaching = _teaching(run, found, step, device) if "distill" in run.names else 0.0
    finally:
        torch.set_num_threads(before)
    return Forecast(
        folds * _work(mini, facts.train, in_fold).seconds(step),
        (run.cfg.budget.trained or run.cfg.budget.proposals) if "search" in run.names else 0,
        facts.workers,
        folds,
        _work(full, facts.train, found.parts["val"]).seconds(step) if "train" in run.names else 0.0,
        teaching,
        REST_SECONDS if "deploy" in run.names else 0.0,
    )


def typical(run: Run) -> Architecture | None:
    """A network of the space within the target's limits: of several the one with the median of the
    MACs.
    """
    validator = make(
        run.cfg.validate, space=run.space, target=run.target, num_classes=run.data.num_classes
    )
    rng = np.random.default_rng(0)
    legal: list[tuple[int, int, Architecture]] = []
    for _ in range(DRAWS):
        drawn = run.space.sample(rng)
        verdict = validator.validate(drawn, ())
        if verdict.accepted:
            legal.append((verdict.cost.macs, len(legal), staged(drawn)))
        if len(legal) == LEGAL:
            break
    return sorted(legal)[len(legal) // 2][-1] if legal else None


def _work(recipe: Config, pictures: int, val: int) -> Work:
    taken = min(recipe.get("images") or pictures, pictures)
    passes = recipe.epochs * recipe.get("repeats", 1)
    steps = passes * max(1, taken // recipe.batch_size)
    return Work(steps, recipe.epochs * val, recipe.batch_size)


def _teaching(run: Run, found: Found, step: float, device: torch.device) -> float:
    """Seconds of fine-tuning the teacher, asking it, and training the student."""
    distill, val = run.cfg.distill, found.parts["val"]
    taught = found.parts["train"] + found.unlabelled
    student = _work(distill.trainer.recipe, taught, val)
    if not (asked := _teacher_step(run, device)):
        return student.seconds(step)
    views = distill.trainer.recipe.get("views") or distill.trainer.recipe.epochs
    pictures = views * taught
    recipe = distill.teacher.trainer.recipe
    tuned = _work(recipe, found.parts["train"], val).seconds(asked * recipe.batch_size / BATCH)
    told: float = FORWARD * asked * pictures / BATCH + student.seconds(step)
    return tuned + told


def _teacher_step(run: Run, device: torch.device) -> float:
    """Of a teacher of timm with weights drawn afresh, which cost the same; 0 of any other."""
    import timm  # takes seconds

    given = (plain(run.cfg.distill).get("teacher") or {}).get("source")
    if not isinstance(given, dict) or not timm.is_model(given.get("name", "")):
        return 0.0
    options = {"num_classes": run.data.num_classes, **(given.get("timm_options") or {})}
    model: Any = timm.create_model(given["name"], pretrained=False, **options)
    resolution = given.get("resolution") or model.pretrained_cfg["input_size"][-1]
    return _step(model, (3, resolution, resolution), BATCH, device)


def _step(
    network: nn.Module, shape: tuple[int, int, int], batch: int, device: torch.device
) -> float:
    """Median seconds of a training step on random pixels."""
    network.to(device).to(memory_format=torch.channels_last).train()
    images = torch.randn(batch, *shape, device=device)
    images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.zeros(batch, dtype=torch.long, device=device)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9)
    seconds = []
    for _ in range(WARM_UP + TIMED):
        start = time.perf_counter()
        optimizer.zero_grad()
        functional.cross_entropy(network(images), labels).backward()
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - start)
    return median(seconds[WARM_UP:])
