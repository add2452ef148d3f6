"""A folder of real pictures as people have them, cut from CIFAR-100.

python benchmarks/photos_folder.py --archive cifar100_train_1.npz cifar100_train_2.npz
cifar100_train_3.npz cifar100_test.npz --folder pictures

Five classes of 60: PNG and JPEG, half of them enlarged to 40 to 120 pixels a side and not square,
one in ten grey. Then: python run.py +experiment=photos data.root=pictures
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from lmanet.data import Cifar100

CLASSES = ("bicycle", "bottle", "fox", "orchid", "rocket")


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--archive", nargs="+", help=".npz files as in conf/data/cifar100.yaml")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--each", type=int, default=60, help="pictures a class")
    given = parser.parse_args()
    data, rng = Cifar100(archive=given.archive), np.random.default_rng(0)
    images = data.read_train()
    for name in CLASSES:
        (given.folder / name).mkdir(parents=True)
        chosen = (images.labels == data.classes.index(name)).nonzero().flatten()[: given.each]
        for number, index in enumerate(chosen.tolist()):
            picture = Image.fromarray(images.images[index].permute(1, 2, 0).numpy())
            if number % 2:
                size = int(rng.integers(40, 121)), int(rng.integers(40, 121))
                picture = picture.resize(size, Image.Resampling.BICUBIC)
            if number % 10 == 0:
                picture = picture.convert("L")
            options = {"quality": 92} if number % 3 == 0 else {}
            suffix = "jpg" if number % 3 == 0 else "png"
            picture.save(given.folder / name / f"{number:02}.{suffix}", **options)


if __name__ == "__main__":
    main()
