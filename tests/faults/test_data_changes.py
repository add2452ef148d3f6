"""A file of images that cannot be read, is gone or has changed in a run: one sentence that names it
ends the run, and no candidate is blamed.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lmanet.data import ImageFolder, Split
from lmanet.data.image_folder import Loading
from lmanet.errors import DataError, HistoryError
from lmanet.execute.job import run_job
from lmanet.run.folder import RunFolder
from lmanet.run.records import Job, Proposal, Status, Trial
from lmanet.run.shared_settings import other_images, remember_settings
from lmanet.train import Trainer

FROM_FILES = Loading(max_memory_bytes=0, num_workers=0)


def picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two classes, each with 16 pictures to train with and 4 for validation."""
    root = tmp_path / "pictures"
    for part, count in (("train", 16), ("val", 4), ("test", 4)):
        for label, name in enumerate(("cat", "dog")):
            for number in range(count):
                seed = 1000 * label + 100 * len(part) + number
                picture(root / part / name / f"{number:02}.png", seed)
    return root


def images(root: Path, loading: Loading = FROM_FILES) -> ImageFolder:
    return ImageFolder(str(root), 32, 0.2, Split(val_fraction=0.2), loading)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


def change(path: Path) -> None:
    picture(path, 77)
    path.write_bytes(path.read_bytes() + b" ")  # of another size, whatever the clock says


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "happens", "says"),
    [
        ("train", Path.unlink, "cannot be read as an image (No such file"),
        ("val", Path.unlink, "cannot be read as an image (No such file"),
        ("train", truncate, "has changed since this start of the run"),
        ("val", change, "has changed since this start of the run"),
    ],
)
def test_a_file_that_is_gone_or_changes_ends_the_run_and_is_named(
    pictures: Path, small, make_recipe, part: str, happens: Callable[[Path], None], says: str
):
    data = images(pictures)
    trainer = Trainer(data, make_recipe(batch_size=8, epochs=1))
    job = Job(number=0, architecture=small, seed=0)
    assert run_job(trainer, job).status is Status.TRAINED
    path = pictures / part / "dog" / "02.png"
    happens(path)
    with pytest.raises(DataError) as error:
        run_job(trainer, job)
    assert str(error.value).startswith(f"{path} {says}")


def test_a_worker_that_reads_the_images_later_sees_that_one_has_changed(pictures: Path):
    """It is sent the list, and opens the files itself."""
    import pickle

    data = images(pictures, Loading())
    data.setup("fit")
    sent = pickle.dumps(data)
    change(pictures / "train" / "cat" / "00.png")
    with pytest.raises(DataError, match=r"cat/00.png has changed since this start"):
        pickle.loads(sent).setup("fit")
    assert torch.equal(data.train_images.labels.unique(), torch.tensor([0, 1])), "here it is known"


def test_images_that_changed_between_the_list_and_their_checksum_are_refused(pictures: Path):
    data = images(pictures)
    data.require_part("fit")
    change(pictures / "val" / "cat" / "00.png")
    with pytest.raises(DataError, match=r"val/cat/00.png has changed"):
        data.checksum()


@pytest.mark.parametrize("part", ["train", "val"])
def test_the_checksum_covers_contents_and_validation_folders(pictures: Path, part: str):
    before = images(pictures).checksum()
    assert images(pictures).checksum() == before
    shutil.copy(pictures / part / "cat" / "01.png", pictures / part / "cat" / "02.png")
    assert images(pictures).checksum() != before


def test_a_search_is_refused_other_images_and_a_later_stage_is_told(pictures: Path, tmp_path: Path):
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    remember_settings(run, {"data_checksum": images(pictures).checksum()})
    run.history.append(
        Trial(
            number=0,
            status=Status.FAILED,
            proposal=Proposal(proposer="test"),
            seed=0,
            started_at="",
            seconds=0.0,
            elapsed_seconds=0.0,
        )
    )
    assert not list(other_images(run, images(pictures).checksum))
    (pictures / "val" / "cat" / "00.png").unlink()
    with pytest.raises(HistoryError, match="a search on other images"):
        remember_settings(run, {"data_checksum": images(pictures).checksum()})
    (notice,) = other_images(run, images(pictures).checksum)
    assert notice.kind == "other_images" and "others than those of the search" in notice.text


@pytest.mark.slow
def test_a_run_whose_images_vanish_ends_and_goes_on_once_they_are_back(
    drivers, pictures: Path, tmp_path: Path
):
    settings = (
        "+experiment=smoke",
        "stages=[search]",
        "data=image_folder",
        f"data.root={pictures}",
        "data.resolution=32",
        "data.loading={max_memory_bytes:0,num_workers:0}",
        "budget={proposals:100,trained:6}",
        "++space.choices={resolution:[32],num_stages:[3],stage:{layers:[1],channels:[8,16,24]}}",
        "train.mini.recipe.batch_size=8",
    )
    driver = drivers.start(tmp_path, *settings, "hydra.run.dir=run")
    driver.until(lambda: " on validation in " in driver.said)
    (pictures / "train").rename(pictures / "away")
    assert driver.wait() == 1
    run = RunFolder(tmp_path / "run")
    known = run.history.path.read_bytes()
    assert Status.FAILED not in {trial.status for trial in run.trials()}
    assert "cannot be read as an image (No such file or directory)" in driver.said
    assert "Traceback" not in driver.said and driver.said.rstrip().endswith("resume=run")
    (pictures / "away").rename(pictures / "train")
    drivers.run(tmp_path, "resume=run")
    assert run.history.path.read_bytes().startswith(known)
    assert sum(trial.status is Status.TRAINED for trial in run.trials()) == 6
