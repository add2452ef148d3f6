"""What data cost: training steps on real images, cropped, flipped and with AutoAugment, against the
same steps on one batch that stays.

python benchmarks/real_vs_synthetic.py --archive cifar100_train_1.npz cifar100_train_2.npz
cifar100_train_3.npz [--device cuda]

The step is the classifier's by hand, without Lightning: normalise, forward in channels-last
float32, cross-entropy, backward, SGD. A round is as many steps with the one as with the other, in
turns; each has as many blocks of images to augment as another. Prints the median of the rounds'
ratios, their range, the ratio of CPU time of all threads, and milliseconds a step.
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Callable, Iterator

import torch
from torch.nn import functional

from lmanet.cost import estimate
from lmanet.data import Augment, Cifar100
from lmanet.data.loader import BLOCK_BYTES, TrainBatches
from lmanet.network import parse_architecture
from lmanet.network.build import build
from lmanet.network.images import normalise
from lmanet.steps import Batch

STAGE = {
    "block": "mbconv",
    "kernel": 3,
    "expansion": 3,
    "se_ratio": 0.0,
    "skip": True,
    "activation": "relu6",
}
NETWORK = parse_architecture(
    {
        "resolution": 32,
        "stem": {"channels": 16, "kernel": 3, "stride": 1, "activation": "relu6"},
        "stages": [
            {**STAGE, "channels": channels, "stride": stride, "layers": layers}
            for channels, stride, layers in ((16, 1, 1), (32, 2, 2), (64, 2, 2), (96, 2, 2))
        ],
    }
)


def endless(batches: TrainBatches) -> Iterator[Batch]:
    """Epoch after epoch."""
    epoch = 0
    while True:
        batches.set_epoch(epoch)
        yield from batches
        epoch += 1


def stepper(data: Cifar100, device: torch.device) -> Callable[[Batch], None]:
    """A step of a training of `NETWORK`."""
    network = build(NETWORK, data.num_classes, 0.0).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, nesterov=True)
    mean, std = (torch.tensor(each, device=device).view(3, 1, 1) for each in (data.mean, data.std))

    def step(batch: Batch) -> None:
        images = normalise(batch.images, mean, std).contiguous(memory_format=torch.channels_last)
        loss = functional.cross_entropy(network(images), batch.targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def seconds(
    step: Callable[[Batch], None], batches: Iterator[Batch], steps: int
) -> tuple[float, float]:
    """Wall time and CPU time of some steps."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(steps):
        step(next(batches))
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    """Measure and print a line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--archive",
        nargs="+",
        help=".npz files as in conf/data/cifar100.yaml; without it CIFAR-100 is downloaded",
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--blocks", type=int, default=1, help="of images to augment in each half of a round"
    )
    options = parser.parse_args()
    device = torch.device(options.device)
    data = Cifar100(archive=options.archive)
    data.setup("fit")
    real = endless(
        data.train_dataloader(
            options.batch_size,
            0,
            device,
            Augment(crop_padding=4, flip=True, auto_augment="cifar10"),
        )
    )
    same = next(real)
    step, kinds = stepper(data, device), {"real": real, "synthetic": itertools.repeat(same)}
    steps = options.blocks * BLOCK_BYTES // data.train_images.image_bytes // options.batch_size
    for batches in kinds.values():
        seconds(step, batches, steps)  # warm
    rounds = []
    for number in range(options.rounds):
        turns = list(kinds) if number % 2 else reversed(kinds)
        rounds.append({kind: seconds(step, kinds[kind], steps) for kind in turns})
    wall, cpu = ([each["real"][i] / each["synthetic"][i] for each in rounds] for i in (0, 1))
    milliseconds = [
        1000 * statistics.median(each[kind][0] for each in rounds) / steps for kind in kinds
    ]
    name = (
        torch.cuda.get_device_name()
        if device.type == "cuda"
        else f"cpu, {torch.get_num_threads()} threads"
    )
    macs = estimate(NETWORK, data.num_classes).macs / 1e6
    print(
        "| device | MACs | batch | real / synthetic | range | CPU time | ms real | ms synthetic | "
        "rounds x steps |"
    )
    print(
        f"| {name} | {macs:.1f}M | {options.batch_size} | {statistics.median(wall):.3f} | "
        f"{min(wall):.3f} to {max(wall):.3f} | {statistics.median(cpu):.3f} | "
        f"{milliseconds[0]:.1f} | {milliseconds[1]:.1f} | {options.rounds} x {steps} |"
    )


if __name__ == "__main__":
    main()
