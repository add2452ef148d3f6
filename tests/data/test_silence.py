"""Classes that nobody recorded as such: silence cut from noise, and a few of all other words."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from lmanet.data import AudioFolder, Recordings, Split
from lmanet.errors import ConfigError, DataError

sys.path.insert(0, str(Path(__file__).parent))
from sounds import RATE, sound_folder

PARTS = ("train", "val", "test")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = sound_folder(tmp_path / "words", each=20)
    (root / "_background_noise_").mkdir()
    noise = np.random.default_rng(0).normal(0, 0.1, 21 * RATE)
    soundfile.write(root / "_background_noise_" / "hum.wav", noise, RATE)
    return root


def given_lists(root: Path) -> None:
    """Lists as Speech Commands has them."""
    for name, numbers in (("validation", range(4)), ("testing", range(4, 8))):
        files = [
            file.relative_to(root).as_posix()
            for kind in ("high", "low")
            for number in numbers
            for file in (root / kind).glob(f"*_nohash_{number}.wav")
        ]
        (root / f"{name}_list.txt").write_text("\n".join(files))


def opened(root: Path, **settings: Any) -> AudioFolder:
    data = AudioFolder(str(root), split=Split(0.2), **settings)
    data.setup("fit")
    data.setup("test")
    return data


def sounds(data: AudioFolder, label: int) -> list[np.ndarray]:
    return [
        part.samples[part.labels.numpy() == label]
        for part in (data.train_images, data.val_images, data.test_images)
    ]


@pytest.mark.parametrize("lists", [False, True])
def test_silence_is_cut_from_noise_and_no_piece_is_in_two_parts(folder: Path, lists: bool) -> None:
    if lists:
        given_lists(folder)
    data = opened(folder, silence_fraction=0.5)
    assert data.classes == ("high", "low", "silence") and data.num_classes == 3
    parts = sounds(data, 2)
    assert sum(map(len, parts)) == 20 and all(len(part) for part in parts)
    hum = data.noises()[0].astype(float)
    pieces = hum[: len(hum) // RATE * RATE].reshape(-1, RATE)
    places = []
    for part in parts:
        heard = part[part.any(axis=1)].astype(float)  # without those of no volume at all
        likeness = (heard / np.linalg.norm(heard, axis=1, keepdims=True)) @ pieces.T
        assert (likeness.max(1) > 0.99 * np.linalg.norm(pieces[likeness.argmax(1)], axis=1)).all()
        places.append(set(likeness.argmax(1).tolist()))
    assert not (places[0] & places[1] or places[0] & places[2] or places[1] & places[2])
    volumes = [float(np.abs(row).max()) for part in parts for row in part]
    assert min(volumes) == 0 and max(volumes) > 0.7 * np.abs(hum).max()


def test_without_the_option_there_is_no_such_class(folder: Path) -> None:
    assert opened(folder).classes == ("high", "low")


def test_unknown_words_are_no_more_than_asked_for(folder: Path) -> None:
    asked = Recordings(["high"], unknown_fraction=0.25)
    data = opened(folder, recordings=asked, silence_fraction=0.2)
    assert data.classes == ("high", "unknown", "silence")
    assert [sum(map(len, sounds(data, label))) for label in range(3)] == [20, 5, 5]


def test_words_that_are_left_out_of_a_part_are_in_no_other(folder: Path) -> None:
    given_lists(folder)
    asked = Recordings(["high"], unknown_fraction=0.5)
    folder_ = AudioFolder(str(folder), recordings=asked).folder
    listed = {
        folder / line
        for name in ("validation", "testing")
        for line in (folder / f"{name}_list.txt").read_text().split()
    }
    assert not listed & {each.path for each in folder_.part("train")}
    unknown = [sum(each.label for each in folder_.part(part)) for part in PARTS]
    assert unknown == [6, 2, 2]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"silence_fraction": 1.5}, "silence_fraction=1.5 must lie between 0 and 1"),
        ({"max_memory_bytes": 1000}, "GB of memory, and at most 1e-06 are allowed; raise data.max"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    folder: Path, settings: dict[str, float], told: str
) -> None:
    with pytest.raises((ConfigError, DataError), match=told):
        opened(folder, **settings)


def test_silence_needs_noise_and_a_free_name(folder: Path) -> None:
    (folder / "_background_noise_" / "hum.wav").unlink()
    with pytest.raises(DataError, match="has 0 pieces as long as a clip"):
        opened(folder, silence_fraction=0.1)
    (folder / "low").rename(folder / "silence")
    with pytest.raises(ConfigError, match="makes a class silence, and there is a folder"):
        opened(folder, silence_fraction=0.1)


def test_a_share_of_unknown_needs_known_classes() -> None:
    with pytest.raises(ConfigError, match=r"set data\.recordings\.classes"):
        Recordings(unknown_fraction=0.1)
