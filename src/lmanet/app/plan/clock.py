"""How long a run will take: a few training steps are timed, the rest follows by counting."""

import time
from statistics import median
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from lmanet.app.compose import make, plain
from lmanet.app.plan.choices import Facts, Passes, full, mini, teacher
from lmanet.app.stages import Run
from lmanet.network import Architecture
from lmanet.network.build import build
from lmanet.space import staged

DRAWS, LEGAL = 3000, 7  # networks drawn, and legal ones among them that suffice
WARM_UP, TIMED = 2, 5  # steps
FORWARD = 1 / 3  # share of a training step that a validation takes
REST_SECONDS = 150.0  # deployment, examination, report: measured for the quickstart, on two cores


class Forecast(NamedTuple):
    """Seconds of each part of a run.

    Attributes:
        candidate: of one candidate.
        training: of the best network.
        teaching: of teacher and student; 0 where there is no teacher.
    """

    candidate: float
    training: float
    teaching: float


def forecast(run: Run, facts: Facts, pictures: int) -> Forecast | None:
    """Time a few steps of a typical network; None where none is legal.

    Args:
        run: with the settings chosen so far.
        pictures: to validate on in a candidate's training.
    """
    architecture = typical(run)
    if architecture is None:
        return None
    device = torch.device("cuda" if facts.gpu else "cpu")
    before = torch.get_num_threads()
    try:
        if facts.workers > 1 and not facts.gpu:
            torch.set_num_threads(1)  # as a worker has
        network = build(architecture, run.data.num_classes)
        step = _step(network, architecture.resolution, facts.batch, device)
        asked = _teacher_step(run, device) if facts.teacher else 0.0
    finally:
        torch.set_num_threads(before)
    return Forecast(
        facts.folds * _training(step, mini(facts), facts.in_search, pictures, facts.batch),
        _training(step, full(facts), facts.train, pictures, facts.batch),
        _teaching(step, asked, facts, pictures) if facts.teacher else 0.0,
    )


def typical(run: Run) -> Architecture | None:
    """A network of the space within the target's limits: of several the one with the median of the
    MACs.
    """
    validator = make(
        run.cfg.validate, space=run.space, target=run.target, num_classes=run.data.num_classes
    )
    rng, legal = np.random.default_rng(0), []
    for _ in range(DRAWS):
        drawn = run.space.sample(rng)
        verdict = validator.validate(drawn, ())
        if verdict.accepted:
            legal.append((verdict.cost.macs, len(legal), staged(drawn)))
        if len(legal) == LEGAL:
            break
    return sorted(legal)[len(legal) // 2][-1] if legal else None


def _training(step: float, done: Passes, pictures: int, val: int, batch: int) -> float:
    steps = done.all * max(1, pictures // batch)
    return step * (steps + FORWARD * done.epochs * -(-val // batch))


def _teaching(step: float, asked: float, facts: Facts, val: int) -> float:
    """Seconds of fine-tuning the teacher, asking it, and training the student."""
    views = min(10, full(facts).all) * facts.train / 32
    fine_tuning = _training(asked, teacher(facts), facts.train, val, 32)
    student = _training(step, full(facts), facts.train, val, facts.batch)
    return fine_tuning + FORWARD * asked * views + student


def _teacher_step(run: Run, device: torch.device) -> float:
    """Of a teacher of timm with weights drawn afresh, which cost the same; 0 of any other."""
    import timm  # takes seconds

    given = (plain(run.cfg.distill).get("teacher") or {}).get("source")
    if not isinstance(given, dict) or not timm.is_model(given.get("name", "")):
        return 0.0
    options = {"num_classes": run.data.num_classes, **(given.get("timm_options") or {})}
    model = timm.create_model(given["name"], pretrained=False, **options)
    resolution = given.get("resolution") or model.default_cfg["input_size"][-1]
    return _step(model, resolution, 32, device)


def _step(network: nn.Module, resolution: int, batch: int, device: torch.device) -> float:
    """Median seconds of a training step on random pixels."""
    network.to(device, memory_format=torch.channels_last).train()
    images = torch.randn(batch, 3, resolution, resolution, device=device)
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


def minutes(seconds: float) -> str:
    """Whole minutes, in words."""
    whole = max(1, round(seconds / 60))
    return f"{whole} minute{'' if whole == 1 else 's'}"
