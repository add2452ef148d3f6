"""Objectives as conf/pareto names them, and what is refused."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from lmanet.errors import ConfigError
from lmanet.pareto import ParetoFront

CONF = Path(__file__).parents[2] / "conf"
LIMITS = {"macs": 100, "peak_sram_bytes": 10, "flash_bytes": 1000}
WITHOUT_LIMITS = {
    "accuracy": ["val_accuracy"],
    "accuracy_params": ["val_accuracy", "params"],
    "balanced_accuracy": ["val_balanced_accuracy"],
}
GOOD = {"direction": "max", "unit": "share", "reference": 0.0, "ideal": 1.0}


@pytest.mark.parametrize(
    "option",
    sorted(
        path.stem for path in (CONF / "pareto").glob("*.yaml") if path.stem not in WITHOUT_LIMITS
    ),
)
def test_each_option_gives_objectives_in_the_targets_box(option):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        front = instantiate(compose(overrides=[f"+pareto={option}"]).pareto, limits=LIMITS)
    found = {objective.name: objective for objective in front.objectives}
    speeds = {"latency": "estimated_latency_ms", "board": "measured_latency_ms"}
    speed = next((name for word, name in speeds.items() if word in option), "macs")
    accuracy = "val_balanced_accuracy" if option.startswith("balanced") else "val_accuracy"
    assert list(found)[:3] == [accuracy, speed, "peak_sram_bytes"]
    assert (
        found[speed].reference == (100 if speed == "macs" else 1000)
        and found["peak_sram_bytes"].reference == 10
    )
    assert ("params" in found) == option.endswith("params")


@pytest.mark.parametrize(("option", "names"), WITHOUT_LIMITS.items())
def test_some_options_need_no_limits(option, names):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        front = instantiate(compose(overrides=[f"+pareto={option}"]).pareto, limits={})
    assert [objective.name for objective in front.objectives] == names


def test_an_objective_can_be_changed_and_dropped_on_the_command_line():
    overrides = [
        "+pareto=accuracy_macs_sram",
        "pareto.objectives.macs.reference=50",
        "~pareto.objectives.peak_sram_bytes",
    ]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        front = instantiate(compose(overrides=overrides).pareto, limits=LIMITS)
    assert [(objective.name, objective.reference) for objective in front.objectives] == [
        ("val_accuracy", 0.0),
        ("macs", 50.0),
    ]


@pytest.mark.parametrize(
    ("name", "spec", "message"),
    [
        (
            "accuracy",
            GOOD,
            "objective 'accuracy' is unknown; legal are val_accuracy, .*flash_bytes",
        ),
        (
            "params",
            {**GOOD, "direction": "min", "reference": "limit"},
            "the target limits only macs, peak_sram_bytes, flash_bytes",
        ),
        (
            "val_accuracy",
            {**GOOD, "direction": "min"},
            "ideal=1 is not better than reference=0 where direction=min",
        ),
        ("val_accuracy", {**GOOD, "ideal": 0.0}, "ideal=0 is not better"),
        ("val_accuracy", {**GOOD, "direction": "up"}, "direction .*'max' or 'min'"),
        ("val_accuracy", {**GOOD, "ideal": float("nan")}, "ideal .*finite"),
        ("val_accuracy", {**GOOD, "weight": 2}, "weight Extra inputs"),
        (
            "val_accuracy",
            {"direction": "max", "unit": "share"},
            "reference Field required; ideal Field required",
        ),
    ],
)
def test_what_is_refused_is_named(name, spec, message):
    with pytest.raises(ConfigError, match=f"{message}.*conf/pareto"):
        ParetoFront({name: spec}, LIMITS)


def test_no_objective_is_refused():
    with pytest.raises(ConfigError, match="objectives is empty"):
        ParetoFront({}, LIMITS)
