"""How many candidates are best trained at once: training steps of 1, 2, 4, 8 processes on the CPU
or on one GPU, in turns.

python benchmarks/candidates_at_once.py --device cpu --at-once 1 2 4 --rounds 5
A candidate is 30 epochs of 45,000 images; the steps are on random images, so that no data pipeline
counts.
"""

import argparse
import multiprocessing
import time
from multiprocessing.queues import Queue
from statistics import median

import joblib
import torch
from torch.nn import functional

from lmanet.cost import estimate
from lmanet.network import Architecture, Stage, Stem
from lmanet.network.build import build
from lmanet.train.compute import Kernels, applied

BATCH, CLASSES = 128, 100
IMAGES_A_CANDIDATE = 30 * 45_000


def architecture() -> Architecture:
    """About ten million MACs at 32 pixels."""
    settings = {
        "block": "mbconv",
        "kernel": 3,
        "se_ratio": 0.0,
        "skip": True,
        "activation": "relu6",
    }
    shapes = [(24, 2, 4, 2), (40, 2, 6, 3), (80, 2, 6, 3)]
    stages = tuple(
        Stage(**settings, channels=channels, stride=stride, expansion=expansion, layers=layers)
        for channels, stride, expansion, layers in shapes
    )
    return Architecture(
        resolution=32,
        padding="same",
        stem=Stem(channels=16, kernel=3, stride=1, activation="relu6"),
        stages=stages,
    )


def train(device_name: str, threads: int, orders: Queue, results: Queue) -> None:
    """Whenever seconds are ordered, train so long; the result is images a second, by the clock and
    by the process's CPU time.
    """
    torch.set_num_threads(threads)
    device = torch.device(device_name)
    network = build(architecture(), CLASSES).to(device)
    kernels = Kernels(precision="bf16-mixed" if device.type == "cuda" else "32-true")
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    images = torch.randn(BATCH, 3, 32, 32, device=device).to(memory_format=torch.channels_last)
    labels = torch.randint(CLASSES, (BATCH,), device=device)
    with applied(kernels, network, device) as forward:
        while seconds := orders.get():
            start, cpu, steps = time.perf_counter(), time.process_time(), 0
            while time.perf_counter() - start < seconds:
                with torch.autocast(
                    device.type, torch.bfloat16, enabled=kernels.precision == "bf16-mixed"
                ):
                    loss = functional.cross_entropy(forward(images).float(), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                steps += 1
                loss.item()  # waits for the GPU, as a log would
            results.put(
                (
                    steps * BATCH / (time.perf_counter() - start),
                    steps * BATCH / (time.process_time() - cpu),
                )
            )


class Group:
    """So many processes, which share the cores."""

    def __init__(self, device: str, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.count, self.threads = count, max(1, joblib.cpu_count() // count)
        self.orders, self.results = context.Queue(), context.Queue()
        for _ in range(count):
            context.Process(
                target=train, args=(device, self.threads, self.orders, self.results), daemon=True
            ).start()

    def images_a_second(self, seconds: float) -> tuple[float, float]:
        """Of all together; and for a second of CPU time."""
        for _ in range(self.count):
            self.orders.put(seconds)
        speeds = [self.results.get() for _ in range(self.count)]
        return sum(clock for clock, _ in speeds), sum(cpu for _, cpu in speeds) / self.count

    def close(self) -> None:
        """End the processes."""
        for _ in range(self.count):
            self.orders.put(0)


def main() -> None:
    """Time the groups in turns and print a line for each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu", help="cpu, or cuda:0")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each group in a round")
    options = parser.parse_args()
    print(
        f"{estimate(architecture(), CLASSES).macs / 1e6:.1f}M MACs, batch {BATCH}, "
        f"{options.device}, {joblib.cpu_count()} cores"
    )
    groups = [Group(options.device, count) for count in options.at_once]
    for group in groups:
        group.images_a_second(0.1)  # warm
    rounds = [
        [group.images_a_second(options.seconds) for group in groups] for _ in range(options.rounds)
    ]
    for number, group in enumerate(groups):
        speed, by_cpu = (median(each[number][which] for each in rounds) for which in (0, 1))
        ratio = median(each[number][0] / each[0][0] for each in rounds)
        print(
            f"{group.count} at once, {group.threads} threads each: {speed:.0f} images/s in all "
            f"({ratio:.2f} times the first), {by_cpu:.0f} for a second of CPU, "
            f"{3600 * speed / IMAGES_A_CANDIDATE:.2f} candidates an hour"
        )
        group.close()


if __name__ == "__main__":
    main()
