"""What was typed and what the pictures are -> the whole command, and what is said of it."""

from pathlib import Path
from typing import NamedTuple

import joblib
import torch

from lmanet.app.compose import Command, Config, build, compose, in_folder, jobs, plain, understood
from lmanet.app.plan.choices import Choice, Facts, choose
from lmanet.app.plan.clock import forecast
from lmanet.app.plan.telling import told
from lmanet.app.stages import Run
from lmanet.data import ImageFolder
from lmanet.data.survey import Found, refuse_broken, survey
from lmanet.errors import ConfigError
from lmanet.network.compact import preferred

ON_GPU = 4  # candidates at once on one GPU


class Planned(NamedTuple):
    """A command with the settings that were chosen by the pictures.

    Attributes:
        text: what was found, what was chosen and why, and how long it will take; empty where
            nothing was to be chosen.
    """

    command: Command
    config: Config
    text: str = ""


def planned(command: Command, config: Config) -> Planned:
    """Choose settings by the pictures, where ``plan_minutes`` is set; what was typed stays.

    Raises:
        LmanetError: the pictures cannot be found or read, or a setting is not legal.
    """
    if config.plan_minutes is None:
        return Planned(command, config)
    _refuse_several(command)
    data = build(config.data)
    if not isinstance(data, ImageFolder):
        raise ConfigError(
            f"plan_minutes={config.plan_minutes:g}: settings are chosen by a folder of pictures, "
            f"and {data.name} is none; take data=photos data.root=FOLDER, or plan_minutes=null"
        )
    found = survey(data)
    refuse_broken(found)
    lacking = _why_no_teacher(command, config, data)
    facts = _facts(config, found, teacher=not lacking)
    chosen, full = _chosen(command, facts)
    measured = forecast(_run(full), facts, found)
    if measured and facts.search:  # the time of a candidate says how many it trains
        facts = facts._replace(seconds=measured.candidate)
        chosen, full = _chosen(command, facts)
        trained = _run(full).cfg.budget.trained
        measured = measured._replace(candidates=trained or measured.candidates)
    full, config = understood(full)
    return Planned(full, config, told(found, chosen, facts, measured, lacking))


def _facts(config: Config, found: Found, teacher: bool) -> Facts:
    gpu = config.train.mini.recipe.accelerator != "cpu" and torch.cuda.is_available()
    cores = joblib.cpu_count() - config.execute.auto.spare_cores if "auto" in config.execute else 1
    return Facts(
        train=found.parts["train"],
        smallest=found.counts[found.smallest],
        largest=found.counts[found.largest],
        side=found.sides[1],
        given_val="val" in found.given,
        gpu=gpu,
        workers=ON_GPU * torch.cuda.device_count() if gpu else max(1, min(8, cores)),
        teacher=teacher,
        search="search" in config.stages,
        donor=config.train.mini.get("donor") or preferred(),
        minutes=float(config.plan_minutes),
        unlabelled=found.unlabelled,
        channels=config.data.channels,
    )


def _chosen(command: Command, facts: Facts) -> tuple[list[Choice], Command]:
    """What the rules say of settings that were not typed, and the command with them."""
    typed = [text.lstrip("+~").partition("=")[0] for text in command.overrides]
    chosen = [
        choice
        for choice in choose(facts)
        if not any(
            choice.setting == name or choice.setting.startswith(f"{name}.") for name in typed
        )
    ]
    settings = [f"{choice.setting}={choice.value}" for choice in chosen]
    # what was typed comes later and holds
    return chosen, command._replace(overrides=[*settings, *command.overrides])


def _run(command: Command) -> Run:
    """The run as it would be; it is not started, and has no folder yet."""
    return Run(in_folder(understood(command)[1], Path()))


def _why_no_teacher(command: Command, config: Config, data: ImageFolder) -> str:
    """Empty where its weights can be had, or somebody typed what is to be done."""
    if "distill" not in config.stages:
        return "stages= names no distill"
    if config.distill.get("teacher") is None:
        return "this option of distill has none"
    if any(text.lstrip("+~").startswith("distill") for text in command.overrides):
        return ""
    try:
        build(config.distill.teacher.source).require(data)
    except ConfigError as error:
        return str(error)
    return ""


def _refuse_several(command: Command) -> None:
    """Raises `ConfigError` where the jobs of a sweep have different pictures."""
    if not command.sweeps:
        return
    roots = {str(plain(compose(overrides).data.root)) for overrides in jobs(command.overrides)}
    if len(roots) > 1:
        raise ConfigError(
            f"data.root has {len(roots)} values in this sweep, and settings are chosen for one; "
            "start each folder by itself, or set plan_minutes=null"
        )
