"""The model card of a released network, in the form of the Hugging Face Hub."""

from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import NamedTuple

from lmanet.errors import ConfigError
from lmanet.results import Deployment, Evaluation, TrainedNetwork
from lmanet.space import estimate
from lmanet.space.weights import Checkpoint

TEMPLATE = Path(__file__).parent / "card.md"


class Released(NamedTuple):
    """What is known of a released network.

    Attributes:
        tests: ``float`` and ``int8`` on the test images, where they were opened.
        checksum: of the training images.
    """

    name: str
    trained: TrainedNetwork
    deployment: Deployment | None
    tests: Mapping[str, Evaluation]
    data_name: str
    checksum: str | None
    license: str | None


class Accuracy(NamedTuple):
    """One figure of accuracy, a share of 1."""

    network: str
    split: str
    images: str
    value: float


def write_card(released: Released, checkpoint: Checkpoint, folder: Path) -> None:
    """Write ``README.md``.

    Raises:
        ConfigError: huggingface-hub is missing.
    """
    try:
        from huggingface_hub import EvalResult, ModelCard, ModelCardData
    except ImportError as error:
        raise ConfigError("a model card needs the package huggingface-hub: pip install 'lmanet[release]'") from error
    figures = accuracies(released)
    results = [
        EvalResult(
            task_type="image-classification",
            dataset_type=released.data_name,
            dataset_name=released.data_name,
            dataset_split=figure.split,
            metric_type="accuracy",
            metric_name=f"accuracy, {figure.network}",
            metric_value=round(figure.value, 6),
        )
        for figure in figures
    ]
    data = ModelCardData(
        model_name=released.name,
        license=released.license,
        library_name="timm",
        tags=["image-classification", "timm", "tinyml", "microcontroller", "int8", "lmanet"],
        pipeline_tag="image-classification",
        eval_results=results,
    )
    text = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(_words(released, checkpoint, figures))
    ModelCard(f"---\n{data.to_yaml()}\n---\n\n{text}").save(folder / "README.md")


def accuracies(released: Released) -> list[Accuracy]:
    """Float and int8, on validation and on test images."""
    found = [Accuracy("float", "validation", "", released.trained.score.val_accuracy)]
    if released.deployment:
        found.append(Accuracy("int8", "validation", "", released.deployment.int8_val_accuracy))
    return found + [Accuracy(kind, "test", f"{test.images:,} ", test.test_accuracy) for kind, test in released.tests.items()]


def _words(released: Released, checkpoint: Checkpoint, figures: list[Accuracy]) -> dict[str, str]:
    network, trained = checkpoint.network, released.trained
    teacher = f", distilled from {trained.teacher}" if trained.teacher else ""
    return {
        "name": released.name,
        "size": str(network.architecture.resolution),
        "classes": str(network.num_classes),
        "data": released.data_name,
        "mean": ", ".join(f"{value:.4f}" for value in checkpoint.mean),
        "std": ", ".join(f"{value:.4f}" for value in checkpoint.std),
        "training": f"{len(trained.score.curve)} epochs, seed {trained.seed}{teacher}",
        "checksum": f"Sha-256 of the training images: `{released.checksum}`." if released.checksum else "",
        "accuracies": "\n".join(f"| {figure.network} | {figure.images}{figure.split} | {figure.value:.2%} |" for figure in figures),
        "costs": "\n".join(f"| `{name}` | {value} | {origin} |" for name, value, origin in _costs(released, network.num_classes)),
        "int8": _int8(released),
    }


def _costs(released: Released, num_classes: int) -> list[tuple[str, str, str]]:
    """Name, value, and where it comes from."""
    if not released.deployment:
        cost = estimate(released.trained.architecture, num_classes)
        return [("macs", f"{cost.macs:,}", "formula"), ("params", f"{cost.params:,}", "formula")]
    line = released.deployment.deployed
    cost, found = line.cost, line.measurement
    low, high = line.estimated_latency_ms
    return [
        ("macs", f"{cost.macs:,}", "formula"),
        ("params", f"{cost.params:,}", "formula"),
        ("peak_sram_bytes", f"{cost.peak_sram_bytes:,}", f"formula, of the runtime {cost.runtime}"),
        ("flash_bytes", f"{cost.flash_bytes:,}", f"formula, constants alone, of the runtime {cost.runtime}"),
        ("measured_bss_bytes", f"{found.measured_bss_bytes:,}", f"measured: {found.toolchain}, the ELF of the generated C"),
        ("measured_flash_bytes", f"{found.measured_flash_bytes:,}", f"measured: {found.toolchain}, code and constants of that ELF"),
        ("measured_instructions", f"{found.measured_instructions:,}", f"measured: {found.emulator}, an emulated {found.core}"),
        ("estimated_latency_ms", f"{low:.3g} to {high:.3g}", f"estimate, at {line.clock_mhz} MHz; no board was measured"),
    ]


def _int8(released: Released) -> str:
    if not released.deployment:
        return "It was not brought to int8."
    return (
        "`model_int8.tflite` is the same network in int8, for TensorFlow Lite Micro, LiteRT and STM32Cube.AI. `firmware/` is C without any "
        "library, with start-up code and linker script; its README says how to build and flash it. On "
        f"{released.deployment.deployed.measurement.images} images both gave the same bits."
    )
