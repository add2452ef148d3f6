"""Where a training step's time goes, by operator: one network, in several precisions and memory
formats, one thread.

python benchmarks/step_profile.py network.json
python benchmarks/step_profile.py lmanet_elite --batch-size 32

The network is a shipped name or a file (`lmanet.load_architecture`). For each way of computing it a
table of shares of CPU time, the kinds of operators that take at least two per cent; then images a
second and multiply-accumulates a second, training counted as three passes. Images and labels are
random.
"""

import argparse
import time
from collections import Counter

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

import lmanet
from lmanet.train import Kernels
from lmanet.train.compute import applied

LEAST = 0.02  # share of a line
CPU = torch.device("cpu")
# A part of the profiler's name -> what it is called here; the first that fits counts.
KINDS = {
    "convolution_backward": "convolution, backward",
    "convolution": "convolution, forward",
    "batch_norm_backward": "batch norm, backward",
    "batch_norm": "batch norm, forward",
    "hardswish": "hard swish",
    "hardtanh": "relu6",
    "clamp": "relu6",
    "copy_": "copies and casts",
    "to_copy": "copies and casts",
    "fill_": "zeros",
    "zero_": "zeros",
    "foreach": "optimizer",
    "pad": "padding",
    "sigmoid": "squeeze-and-excitation",
    "mul": "products",
    "add": "sums",
}


class Step:
    """A training step of SGD on the same random batch.

    Args:
        images: (N, 3, R, R).
    """

    def __init__(self, network: nn.Module, images: torch.Tensor, kernels: Kernels) -> None:
        self.network = network.train()
        self.images = images.contiguous(memory_format=kernels.memory_format)
        self.labels = torch.arange(len(images)) % 100
        self.bfloat16 = kernels.precision == "bf16-mixed"
        self.optimizer = torch.optim.SGD(
            network.parameters(), 0.01, momentum=0.9, nesterov=True, foreach=True
        )

    def __call__(self) -> None:
        self.optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            logits = self.network(self.images)
        nn.functional.cross_entropy(logits.float(), self.labels).backward()
        self.optimizer.step()


def shares(step: Step, repeats: int) -> Counter[str]:
    """Kind of operator -> its share of the CPU time."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for _ in range(repeats):
            step()
    found: Counter[str] = Counter()
    for event in profiler.key_averages():
        name = event.key.lower()
        kind = next((kind for part, kind in KINDS.items() if part in name), "the rest")
        found[kind] += event.self_cpu_time_total
    total = sum(found.values())
    return Counter({kind: spent / total for kind, spent in found.items()})


def seconds(step: Step, repeats: int) -> float:
    """CPU time of one step, the least of several: other work on the machine only adds to it."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        step()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    """A table for each way of computing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("network", help="a shipped name, or a file")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    architecture = lmanet.load_architecture(given.network)
    size, macs = architecture.resolution, lmanet.estimate(architecture, num_classes=100).macs
    images = torch.randn(given.batch_size, 3, size, size)
    for last in (False, True):
        for precision in ("32-true", "bf16-mixed"):
            kernels = Kernels(last, precision)
            network = lmanet.build(architecture, num_classes=100)
            with applied(kernels, network, CPU):
                step = Step(network, images, kernels)
                step()
                each = seconds(step, given.repeats) / given.batch_size
                parts = shares(step, given.repeats)
            print(f"{kernels}: {1 / each:.0f} images/s, {3e-9 * macs / each:.1f} GMAC/s")
            print(
                "  "
                + ", ".join(
                    f"{kind} {share:.0%}" for kind, share in parts.most_common() if share >= LEAST
                )
            )


if __name__ == "__main__":
    main()
