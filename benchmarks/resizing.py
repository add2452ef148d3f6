"""What the one arithmetic of resizing costs and changes, beside torchvision's, which it replaced.

python benchmarks/resizing.py files [--count 1000] [--width 500] [--height 375] [--resolution 96]
python benchmarks/resizing.py published DATA [--images 2000]
python benchmarks/resizing.py camera [--toolchain gcc]

``files``: milliseconds a JPEG of smoothed noise: decoding, `fit`, and torchvision's antialiased
bilinear with a centre crop; one thread, a few images for all, each timed in turns. ``published``:
accuracy of the published networks on CIFAR-100 test images enlarged to 160 pixels, as bytes (`fit`)
and as floats (bilinear, never rounded); DATA holds ``data`` and ``reference``. ``camera``:
instructions of the firmware's C from a frame to the network's input, on the emulated core.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from shutil import copyfile

import numpy as np
import torch
from PIL import Image
from torch.nn import functional
from torchvision.transforms.v2 import functional as transforms

from lmanet.data import Cifar100
from lmanet.data.decode import read_image
from lmanet.network import load_architecture
from lmanet.network.images import fit, normalise
from lmanet.network.weights import load_published_weights

NETWORKS = {
    "vit_LMaNet_elite": "lmanet_elite",
    "vit_LMaNet-Core": "lmanet_core",
    "vit_QwNet-Core": "qwnet_core",
}
HEADER = """#include <stdint.h>
#define LMANET_INPUT_HEIGHT {size}
#define LMANET_INPUT_WIDTH {size}
#define LMANET_INPUT_BYTES (3 * {size} * {size})
#define LMANET_OUTPUT_BYTES 4
#define LMANET_NUM_STEPS 1
extern const int lmanet_input_bytes, lmanet_output_bytes, lmanet_arena_bytes, lmanet_num_steps;
extern const int8_t lmanet_input_table[3][256];
int8_t *lmanet_input(void);
const int8_t *lmanet_output(void);
void lmanet_step(int step);
"""
PROGRAM = """#include "network.h"
#include "camera.h"
const int lmanet_input_bytes = LMANET_INPUT_BYTES, lmanet_output_bytes = 4, lmanet_arena_bytes = LMANET_INPUT_BYTES, lmanet_num_steps = 1;
static int8_t arena[LMANET_INPUT_BYTES];
static {type} frame[{values}];
const int8_t lmanet_input_table[3][256] = {{{{1}}}};
int8_t *lmanet_input(void) {{ return arena; }}
const int8_t *lmanet_output(void) {{ return arena; }}
void lmanet_step(int step) {{
    frame[0] = ({type})step;
    lmanet_input_from_{kind}(frame, {width}, {height});
}}
"""
KINDS = {"rgb888": ("uint8_t", 3), "rgb565": ("uint16_t", 1), "grey8": ("uint8_t", 1)}


def milliseconds(work: Callable[[], object]) -> float:
    """Wall time."""
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def files(options: argparse.Namespace) -> None:
    """Times of the steps from a file to an image, in turns."""
    size, kept = options.resolution, 20

    def old(frame: torch.Tensor) -> torch.Tensor:
        resized = transforms.resize(frame.permute(2, 0, 1).contiguous(), [size], antialias=True)
        return transforms.center_crop(resized, [size, size])

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.jpg" for number in range(kept)]
        for path in paths:
            noise = Image.fromarray(
                rng.integers(0, 256, (options.height // 8, options.width // 8, 3), np.uint8)
            )
            noise.resize((options.width, options.height), Image.Resampling.BICUBIC).save(path)
        took: dict[str, list[float]] = {"decode": [], "fit": [], "torchvision": []}
        for number in range(options.count):
            frame = torch.from_numpy(read_image(paths[number % kept]))
            took["decode"].append(
                milliseconds(lambda number=number: read_image(paths[number % kept]))
            )
            took["fit"].append(
                milliseconds(lambda frame=frame: fit(frame, size, -3).permute(2, 0, 1).contiguous())
            )
            took["torchvision"].append(milliseconds(lambda frame=frame: old(frame)))
    for name, values in took.items():
        low, middle, high = statistics.quantiles(values, n=4)
        print(
            f"{name}: {middle:.2f} ms (quartiles {low:.2f}, {high:.2f}); {sum(values) / 1000:.2f} "
            f"s for {options.count}"
        )


def published(options: argparse.Namespace) -> None:
    """Test images enlarged in both ways."""
    parts = [str(options.folder / "data" / f"cifar100_{part}.npz") for part in ("train_1", "test")]
    data = Cifar100(archive=parts)
    data.setup("test")
    for weights, name in NETWORKS.items():
        network = load_published_weights(
            options.folder / "reference" / "lmanet" / f"{weights}.pth", load_architecture(name)
        ).eval()
        right, different, seen = np.zeros(2, int), 0, 0
        with torch.inference_mode():
            for pixels, labels in data.test_dataloader(100):
                enlarged = functional.interpolate(pixels.float(), (160, 160), mode="bilinear")
                answers = [
                    network(normalise(images, data.mean, data.std)).argmax(1)
                    for images in (enlarged, fit(pixels, 160))
                ]
                right += [int((answer == labels).sum()) for answer in answers]
                different += int((answers[0] != answers[1]).sum())
                seen += len(labels)
                if seen >= options.images:
                    break
        print(
            f"{name}: floats {100 * right[0] / seen:.2f} %, bytes {100 * right[1] / seen:.2f} %, "
            f"{different} of {seen} told otherwise"
        )


def camera(options: argparse.Namespace) -> None:
    """Kinds and sizes of frames."""
    from lmanet.deploy.run.emulator import emulator_named
    from lmanet.deploy.run.toolchain import CAMERA, toolchain_named

    for kind, (type_name, channels) in KINDS.items():
        for (width, height), size in (
            ((320, 240), 96),
            ((320, 240), 160),
            ((160, 120), 96),
            ((160, 120), 160),
        ):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                (folder / "network.h").write_text(HEADER.format(size=size))
                words = {
                    "type": type_name,
                    "values": channels * width * height,
                    "kind": kind,
                    "width": width,
                    "height": height,
                }
                (folder / "network.c").write_text(PROGRAM.format(**words))
                for source in CAMERA.parent.glob("camera.*"):
                    copyfile(source, folder / source.name)
                elf = toolchain_named(options.toolchain).compile(
                    folder, "cortex-m4", folder / "camera.elf"
                )
                run = emulator_named("unicorn").run(elf, np.zeros((1, 3 * size**2), np.int8))
            print(f"{kind} {width}x{height} -> {size}: {sum(run.step_instructions):,} instructions")


def main() -> None:
    """Read the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    of_files = commands.add_parser("files")
    for name, default in (("count", 1000), ("width", 500), ("height", 375), ("resolution", 96)):
        of_files.add_argument(f"--{name}", type=int, default=default)
    of_files.set_defaults(work=files)
    of_published = commands.add_parser("published")
    of_published.add_argument("folder", type=Path)
    of_published.add_argument("--images", type=int, default=2000)
    of_published.set_defaults(work=published)
    of_camera = commands.add_parser("camera")
    of_camera.add_argument("--toolchain", default="gcc")
    of_camera.set_defaults(work=camera)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.work(options)


if __name__ == "__main__":
    main()
