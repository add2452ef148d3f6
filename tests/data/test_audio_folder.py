"""Folders of sounds: their layouts, their splits, and what training does to them."""

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from lmanet.data import AudioFolder, Augment, Recordings, SoundAugment, Split
from lmanet.errors import ConfigError, DataError
from lmanet.sound import FrontEnd
from lmanet.sound.host import HostFrontEnd

sys.path.insert(0, str(Path(__file__).parent))
from sounds import RATE, sound_folder, tone

SPEAKER = Recordings(subject="([^/]+)_nohash_")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return sound_folder(tmp_path / "words", each=12)


def opened(data: AudioFolder) -> AudioFolder:
    data.setup("fit")
    data.setup("test")
    return data


def test_a_network_reads_one_channel_of_frames_and_bands(folder: Path) -> None:
    data = opened(AudioFolder(str(folder)))
    image, _ = data.train_images[0]
    assert image.shape == (data.channels, data.height, data.width) == (1, 49, 40)
    assert image.dtype == torch.uint8 and len(data.mean) == len(data.std) == 1
    assert data.classes == ("high", "low")


def test_features_are_those_of_the_front_end(folder: Path) -> None:
    data = opened(AudioFolder(str(folder), FrontEnd(kind="mfcc")))
    clips = data.test_images
    again = HostFrontEnd(data.front_end).features(clips.samples)
    assert np.array_equal(torch.cat(list(clips.blocks([torch.arange(len(clips))])))[:, 0], again)


def speakers(data: AudioFolder) -> dict[str, set[str]]:
    """Part -> speakers, found by the sounds alone."""
    recordings = data.folder.part("train")
    known = {
        sound.tobytes(): recording.path.name.split("_")[0]
        for sound, recording in zip(data.read(recordings).samples, recordings, strict=True)
    }
    parts = {"train": data.train_images, "val": data.val_images, "test": data.test_images}
    return {part: {known[row.tobytes()] for row in clips.samples} for part, clips in parts.items()}


@pytest.mark.parametrize("seed", range(4))
def test_a_speaker_never_stands_in_two_parts(folder: Path, seed: int) -> None:
    data = opened(AudioFolder(str(folder), recordings=SPEAKER, split=Split(0.3, seed)))
    parts = speakers(data)
    assert all(parts.values())
    assert sum(map(len, parts.values())) == len(set.union(*parts.values())) == 4


def test_the_folds_keep_a_speaker_together(folder: Path) -> None:
    data = AudioFolder(str(folder), recordings=SPEAKER)
    data.setup("fit")
    for number in range(3):
        fold = data.fold(number, 3)
        fold.setup("fit")
        train, val = (set(part.groups.tolist()) for part in (fold.train_images, fold.val_images))
        assert train and val and not train & val


def test_the_sounds_of_a_fold_are_changed_in_training_too(folder: Path) -> None:
    def first(change: SoundAugment | None) -> torch.Tensor:
        data = AudioFolder(str(folder), recordings=SPEAKER, augment=change)
        data.setup("fit")
        fold = data.fold(0, 3)
        fold.setup("fit")
        batches = fold.train_dataloader(4, 5, augment=Augment())
        batches.set_epoch(1)
        return next(iter(batches)).images

    assert not torch.equal(first(SoundAugment()), first(None))


def test_the_lists_of_speech_commands_say_what_validates_and_tests(folder: Path) -> None:
    (folder / "validation_list.txt").write_text("high/anna_nohash_0.wav\nlow/anna_nohash_0.wav\n")
    (folder / "testing_list.txt").write_text("high/bert_nohash_1.wav\nlow/bert_nohash_1.wav\n")
    (folder / "_background_noise_").mkdir()
    soundfile.write(folder / "_background_noise_" / "tap.wav", tone(50, 2), RATE)
    data = opened(AudioFolder(str(folder)))
    sizes = [len(part) for part in (data.train_images, data.val_images, data.test_images)]
    assert sizes == [20, 2, 2] and data.classes == ("high", "low")
    assert len(data.noises()) == 1


def test_a_list_that_names_a_file_that_is_gone_is_an_error(folder: Path) -> None:
    (folder / "testing_list.txt").write_text("high/gone.wav\n")
    with pytest.raises(DataError, match=r"testing_list\.txt names high/gone\.wav"):
        AudioFolder(str(folder)).require_part("test")


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (b"high/anna_nohash_0.wav\n", "class low has no recording in .*testing_list"),
        (b"\n", "class high has no recording in .*testing_list"),
        (b"\xff\xfe", r"testing_list\.txt cannot be read"),
        (
            b"high/bert_nohash_1.wav\nlow/anna_nohash_0.wav\n",
            "bert_nohash_1.wav validates and tests",
        ),
    ],
)
def test_a_list_that_would_spoil_the_test_is_refused(folder: Path, test: bytes, said: str) -> None:
    (folder / "validation_list.txt").write_text("high/bert_nohash_1.wav\nlow/bert_nohash_1.wav\n")
    (folder / "testing_list.txt").write_bytes(test)
    with pytest.raises(DataError, match=said):
        AudioFolder(str(folder)).require_part("test")


def test_one_class_alone_is_told_how_recordings_lie(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError, match=r"1 class folder, .*root/<class>/<recording>"):
        AudioFolder(str(tmp_path))


def test_classes_that_are_not_asked_for_become_unknown(folder: Path) -> None:
    data = AudioFolder(str(folder), recordings=Recordings(classes=["low"]))
    assert data.classes == ("low", "unknown")
    with pytest.raises(ConfigError, match="the class stop has no folder"):
        AudioFolder(str(folder), recordings=Recordings(classes=["stop"]))


def test_training_sounds_are_changed_anew_in_each_epoch_and_follow_from_the_seed(
    folder: Path,
) -> None:
    def first(epoch: int, change: SoundAugment | None) -> torch.Tensor:
        data = AudioFolder(str(folder), augment=change)
        data.setup("fit")
        batches = data.train_dataloader(8, 5, augment=Augment())
        batches.set_epoch(epoch)
        return next(iter(batches)).images

    changed = SoundAugment()
    assert torch.equal(first(1, changed), first(1, changed))
    assert not torch.equal(first(1, changed), first(1, None))


def test_a_sound_is_moved_with_silence_behind_it_and_noise_is_not_louder_than_asked() -> None:
    sounds = np.full((200, 1000), 1000, np.int16)
    torch.manual_seed(0)
    moved = SoundAugment(shift_ms=10, noise_probability=0).each(sounds, 16000, [])
    silent = (moved == 0).sum(1)
    assert silent.max() == 160 and silent.min() < 10 and set(np.unique(moved)) == {0, 1000}
    noise = np.full(2000, 500, np.int16)
    noisy = SoundAugment(shift_ms=0, noise_probability=0.5, noise_volume=0.2).each(
        sounds, 16000, [noise]
    )
    assert noisy.max() <= 1100 and 60 < (noisy[:, 0] > 1000).sum() < 140


def test_one_speaker_alone_cannot_be_divided(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(4):
            soundfile.write(tmp_path / name / f"anna_nohash_{number}.wav", tone(300, 0.1), RATE)
    with pytest.raises(
        DataError, match=r"the class a has 1 recording to be divided.*of one subject"
    ):
        AudioFolder(str(tmp_path), recordings=SPEAKER).read_train()


@pytest.mark.parametrize("root", [None, "nowhere"])
def test_missing_data_are_one_sentence_that_says_what_to_do(tmp_path: Path, root: str) -> None:
    with pytest.raises((ConfigError, DataError), match=r"root/<class>/<recording>.*data\.root"):
        AudioFolder(str(tmp_path / root) if root else None)


def test_a_worker_gets_the_opened_sounds(folder: Path) -> None:
    data = AudioFolder(str(folder))
    data.setup("fit")
    clips = pickle.loads(pickle.dumps(data.train_images))
    assert torch.equal(clips.features, data.train_images.features)
    other = pickle.loads(pickle.dumps(data))
    other.setup("fit")
    assert other.checksum() == data.checksum()
