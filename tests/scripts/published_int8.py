"""The three published networks with their published weights in int8, on the whole CIFAR-100 test
set; prints rows of a table.

    LMANET_DATA=... python tests/scripts/published_int8.py [--float] [--calibration mse] [NAME ...]

NAME is a file of reference/lmanet without its suffix, such as vit_LMaNet_elite; all six by default.
--float measures the float network in the same run, which takes ten times as long.
"""

import argparse
import os
import tempfile
from pathlib import Path

import torch

from lmanet.board import load_target
from lmanet.cost.tflm.arena import tflm_arena
from lmanet.data import Cifar100
from lmanet.deploy.deployer import Deployer
from lmanet.deploy.int8.int8_network import int8_network
from lmanet.deploy.settings import Settings
from lmanet.network import load_architecture
from lmanet.network.graph import operators
from lmanet.network.images import fit, normalise
from lmanet.network.weights import Checkpoint, load_published_weights

ARCHITECTURES = {
    "LMaNet_elite": "lmanet_elite",
    "LMaNet-Core": "lmanet_core",
    "QwNet-Core": "qwnet_core",
}
BATCH = 100


def accuracy(network, images, labels, prepare):
    """Share of 1."""
    right = 0
    with torch.no_grad():
        for start in range(0, len(labels), BATCH):
            logits = network(prepare(images[start : start + BATCH]))
            right += int((logits.argmax(1) == labels[start : start + BATCH]).sum())
    return right / len(labels)


def row(name, folder, data, options):
    """One network: accuracies, then memory, flash, instructions and latency as deployed."""
    architecture = load_architecture(ARCHITECTURES[name.removeprefix("vit_")])
    network = load_published_weights(folder / f"{name}.pth", architecture)
    checkpoint = Checkpoint(network, data.classes, data.mean, data.std)

    def prepare(images):
        return normalise(fit(images, architecture.resolution), data.mean, data.std)

    deployer = Deployer(load_target("stm32h743"), Settings(calibration=options.calibration))
    calibration = next(iter(data.train_dataloader(deployer.settings.calibration_images, 0))).images
    inputs = prepare(calibration)
    graph = deployer.quantize(checkpoint, inputs)
    int8 = int8_network(graph, deployer.verifier.toolchain)
    found = [accuracy(int8, *data.test_images[:], prepare)]
    found += [accuracy(network, *data.test_images[:], prepare)] if options.float else []
    with tempfile.TemporaryDirectory() as out:
        deployed = deployer.deploy(graph, checkpoint, inputs, Path(out) / name, name)
    measured, latency = deployed.measurement, deployed.estimated_latency_ms
    arena = tflm_arena(operators(architecture, 100))
    shares = " | ".join(f"{100 * share:.2f}" for share in found)
    figures = (
        measured.measured_bss_bytes,
        arena.arena_bytes,
        measured.measured_flash_bytes,
        measured.tflite_bytes,
    )
    sizes = " | ".join(f"{size:,}" for size in figures)
    return (
        f"| {name} | {shares} | {sizes} | {measured.measured_instructions / 1e6:.1f}M | "
        f"{latency[0]:.0f} to {latency[1]:.0f} |"
    )


def main():
    root = Path(os.environ["LMANET_DATA"])
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "names", nargs="*", default=[p + n for p in ("", "vit_") for n in ARCHITECTURES]
    )
    parser.add_argument("--float", action="store_true")
    parser.add_argument("--calibration", default="mse")
    options = parser.parse_args()
    parts = [
        str(root / "data" / f"cifar100_{part}.npz")
        for part in ("train_1", "train_2", "train_3", "test")
    ]
    data = Cifar100(archive=parts)
    data.setup("fit")
    data.setup("test")
    floats = " float |" if options.float else ""
    print(
        f"| weights | int8 |{floats} c_static RAM | TFLM arena (CMSIS-NN) | flash | .tflite | "
        "instructions | ms at 480 MHz |"
    )
    for name in options.names:
        print(row(name, root / "reference" / "lmanet", data, options), flush=True)


if __name__ == "__main__":
    main()
