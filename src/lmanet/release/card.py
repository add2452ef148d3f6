"""The model card of a released network, in the form of the Hugging Face Hub."""

import re
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import NamedTuple

from lmanet.base import Notice
from lmanet.command import command
from lmanet.errors import ConfigError
from lmanet.network.weights import Checkpoint
from lmanet.release.costs import cost_rows
from lmanet.release.reads import preparation
from lmanet.release.released import Released, Run
from lmanet.run.results import TrainedNetwork
from lmanet.steps import ImageData

TEMPLATE = Path(__file__).with_name("card.md")
UNLICENSED = (
    "No licence is named: what the training images allow is for whoever publishes the weights to "
    "say."
)
MARKS = re.compile(r"([\\`*_|<>\[\]&~#])")


class Accuracy(NamedTuple):
    """Of one network on one set of images; all but ``images`` are shares of 1, None where they were
    not measured.
    """

    network: str
    split: str
    images: int | None
    accuracy: float
    macro_f1: float | None = None
    calibration_error: float | None = None


class Settings(NamedTuple):
    """What the user says of a release.

    Attributes:
        license: of the weights, as the Hugging Face Hub names it; None names none.
        opset: of the ONNX file.
    """

    license: str | None
    opset: int


def card(
    released: Released, run: Run, checkpoint: Checkpoint, data: ImageData, settings: Settings
) -> str:
    """The whole ``README.md``; the same records give the same text.

    Raises:
        ConfigError: huggingface-hub is missing.
    """
    figures = accuracies(released, run.val_images)
    words = {
        **_of_network(released, checkpoint, figures),
        **_of_run(released, run, data),
        "opset": str(settings.opset),
        "license": "" if settings.license else UNLICENSED,
    }
    text = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(words)
    return f"---\n{_metadata(released.name, figures, data, settings.license)}\n---\n\n{text}"


def _metadata(name: str, figures: list[Accuracy], data: ImageData, license: str | None) -> str:
    try:
        from huggingface_hub import EvalResult, ModelCardData
    except ImportError as error:
        raise ConfigError(
            "a model card needs the package huggingface-hub: pip install 'lmanet[release]'"
        ) from error
    results = [
        EvalResult(
            task_type="image-classification",
            dataset_type=re.sub(r"[^a-z0-9]+", "-", data.name.lower()).strip("-") or "images",
            dataset_name=data.name,
            dataset_split=figure.split,
            dataset_args={"images": figure.images} if figure.images else None,
            metric_type="accuracy",
            metric_name=f"accuracy, {figure.network}",
            metric_value=round(figure.accuracy, 6),
        )
        for figure in figures
    ]
    metadata = ModelCardData(
        model_name=name,
        license=license,
        library_name="timm",
        tags=[
            "image-classification",
            "timm",
            "tinyml",
            "microcontroller",
            "int8",
            "onnx",
            "tflite",
            "lmanet",
        ],
        pipeline_tag="image-classification",
        metrics=["accuracy"],
        eval_results=results,
    )
    return str(metadata.to_yaml())


def accuracies(released: Released, val_images: int | None) -> list[Accuracy]:
    """Float and int8, on validation and on test images."""
    score = released.trained.score
    found = [
        Accuracy(
            "float",
            "validation",
            val_images,
            score.val_accuracy,
            score.val_macro_f1,
            score.val_calibration_error,
        )
    ]
    if released.deployment:
        found.append(
            Accuracy("int8", "validation", val_images, released.deployment.int8_val_accuracy)
        )
    for network, test in (("float", released.float_test), ("int8", released.int8_test)):
        if test:
            found.append(
                Accuracy(
                    network,
                    "test",
                    test.images,
                    test.test_accuracy,
                    test.test_macro_f1,
                    test.test_calibration_error,
                )
            )
    return found


def _of_network(
    released: Released, checkpoint: Checkpoint, figures: list[Accuracy]
) -> dict[str, str]:
    network = checkpoint.network
    return {
        "name": released.name,
        **preparation(network.architecture),
        "classes": str(network.num_classes),
        "params": f"{sum(weights.numel() for weights in network.parameters()):,}",
        "labels": plain(
            ", ".join(checkpoint.classes[:20]) + (", ..." if network.num_classes > 20 else "")
        ),
        "mean": ", ".join(f"{value:.6g}" for value in checkpoint.mean),
        "std": ", ".join(f"{value:.6g}" for value in checkpoint.std),
        "notices": _notices(released.notices),
        "accuracies": "\n".join(_row(*figure) for figure in figures),
        "costs": "\n".join(
            f"| {_code(row.name)} | {row.value} | {row.origin} |"
            for row in cost_rows(released, network.num_classes)
        ),
        "sha256": released.checkpoint_sha256,
        "listed": "; in C `lmanet_classes` of `firmware/network/network.h`"
        if released.deployment
        else "",
        "int8": _int8(released),
    }


def _notices(notices: Sequence[Notice]) -> str:
    """A section; nothing where there is nothing to say."""
    if not notices:
        return ""
    lines = [
        f"- {text[:1].upper()}{text[1:].rstrip('.')}."
        for text in (plain(notice.text) for notice in notices)
    ]
    return "\n".join(["## What to be wary of", "", *lines, "", ""])


def _of_run(released: Released, run: Run, data: ImageData) -> dict[str, str]:
    trained, start = released.trained, run.start
    versions = (
        ", ".join(plain(f"{package} {version}") for package, version in start.versions.items())
        if start
        else ""
    )
    commit = (
        f", of commit {_code(start.commit)}{' with changes' if start.modified else ''}"
        if start and start.commit
        else ""
    )
    return {
        "data": plain(data.name),
        "description": plain(data.description),
        "search": _search(released, run),
        "training": _training(trained, released.taught),
        "checksum": f"Checksum of training and validation images: {_code(run.checksum)}."
        if run.checksum
        else "",
        "command": _command(*run.overrides),
        "retrain": _command(
            *run.overrides,
            "stages=[train,distill,deploy,evaluate,release]",
            "arch=architecture.json",
        ),
        "versions": f"The run was started with {versions}{commit}."
        if start
        else "Its versions were not recorded.",
    }


def _training(trained: TrainedNetwork, taught: TrainedNetwork | None) -> str:
    """Epochs, time, teacher, and what the weights began as, back to fresh ones or a donor's."""
    teacher = (
        f", with {plain(trained.teacher)} as teacher (distillation, "
        f"{plain(trained.divergence or 'not recorded')})"
        if trained.teacher
        else ""
    )
    said = f"{trained.score.epochs} epochs in {_time(trained.score.seconds)}, seed {trained.seed}"
    if taught:
        return f"{said}{teacher}. Before that, without a teacher: {_training(taught, None)}"
    donor = (
        f". Its weights began as those of {_code(trained.began_as)}, whose own training is not in "
        "these figures"
        if trained.began_as and trained.stage == "full"
        else ""
    )
    return f"{said}{teacher}{donor}"


def _time(seconds: float) -> str:
    """Of a training, on its clock."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _search(released: Released, run: Run) -> str:
    found = run.proposers.get(released.name.removeprefix("lmanet_"))
    if not found:
        return "Its architecture was given, not searched for."
    proposer, number = found
    return (
        f"{plain(proposer)} proposed it, as candidate {number}; the search had {run.proposals} "
        "proposals."
    )


def _int8(released: Released) -> str:
    if not released.deployment:
        return "It was not brought to int8."
    line = released.deployment
    tuning = (
        f" and {line.qat_epochs} epochs of quantisation-aware fine-tuning"
        if line.qat_epochs
        else ""
    )
    packages = ", ".join(f"`{package}/`" for package in line.deployed.packages)
    libraries = f" As a library it is {packages}." if packages else ""
    return (
        f"In int8, by calibration ({plain(line.calibration)}){tuning}, it is "
        "`model_int8.tflite`, for TensorFlow Lite Micro, LiteRT and STM32Cube.AI; scales and "
        "labels stand in the file. "
        f"`firmware/` is the same network in C for {plain(line.deployed.target)}, without any "
        "library, with start-up code and linker script; its README says how to build and flash "
        f"it. On {line.deployed.measurement.images} images both gave the same bits."
        f"{libraries}"
    )


def _row(network: str, split: str, images: int | None, *shares: float | None) -> str:
    cells = [
        network,
        split,
        "" if images is None else f"{images:,}",
        *("" if share is None else f"{100 * share:.2f} %" for share in shares),
    ]
    return f"| {' | '.join(cells)} |"


def _command(*overrides: str) -> str:
    """As a line of an indented block, which no text can end."""
    text = command(*overrides)
    shown = "".join(mark if mark.isprintable() or mark == "\n" else "\ufffd" for mark in text)
    return shown.replace("\n", "\n    ")


def _code(text: str) -> str:
    """As a span that only its own mark could end."""
    return "`{}`".format("".join(mark for mark in text if mark.isprintable() and mark != "`"))


def plain(text: str) -> str:
    """Text from anywhere as one line without markup, and without what moves a terminal's cursor or
    turns the direction of writing.
    """
    line = "".join(mark if mark.isprintable() else "\ufffd" for mark in " ".join(text.split()))
    return MARKS.sub(r"\\\1", line)
