"""Recordings of sensors: files in every state, windows, and splits that keep recordings whole."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lmanet.data import Recordings, SignalFolder, Split, TsSignals, Windows
from lmanet.data.signal_file import read_signal, read_ts
from lmanet.errors import ConfigError, DataError

TS = "@problemName Two\n@classLabel true a b\n@data\n"


def motions(root: Path, each: int = 8, moments: int = 200) -> Path:
    """CSV files of three subjects in two classes; every value says of which recording it is."""
    for place, name in enumerate(("run", "walk")):
        (root / name).mkdir(parents=True)
        for number in range(each):
            value = 10 * place + number
            rows = [f"{moment / 1000},{value},{-value}" for moment in range(moments)]
            subject = ("anna", "bert", "carl")[number % 3]
            file = root / name / f"{subject}_{number}.csv"
            file.write_text("\n".join(["t,ax,ay", *rows]))
    return root


def of_recordings(images: torch.Tensor) -> set[int]:
    """Which recordings windows come from: the byte of channel 0, which is constant in each."""
    return set(images[:, 0, 0, 0].tolist())


@pytest.mark.parametrize("seed", range(5))
def test_windows_of_one_recording_never_stand_on_both_sides_of_a_split(
    tmp_path: Path, seed: int
) -> None:
    data = SignalFolder(
        str(motions(tmp_path)), Windows(50, 10), columns=["ax", "ay"], split=Split(0.3, seed)
    )
    data.setup("test")
    parts = [data.train_images.images, data.val_images.images, data.test_images.images]
    found = [of_recordings(part) for part in parts]
    assert sum(map(len, found)) == len(set.union(*found)) == 16
    assert sum(map(len, parts)) == 16 * 16  # and no window is lost


def test_recordings_of_one_subject_never_stand_on_both_sides_of_a_split(tmp_path: Path) -> None:
    whose = Recordings(subject=r"([^/]+)_\d+")
    data = SignalFolder(str(motions(tmp_path)), columns=["ax", "ay"], recordings=whose)
    data.setup("test")
    parts = [data.train_images.images, data.val_images.images, data.test_images.images]
    scaling = data.scaling
    subjects = [
        {round(byte / float(scaling.gain[0]) + float(scaling.lowest[0])) % 10 % 3 for byte in part}
        for part in map(of_recordings, parts)
    ]
    assert sorted(map(tuple, subjects)) == [(0,), (1,), (2,)]


def test_folds_keep_the_windows_of_a_recording_together(tmp_path: Path) -> None:
    data = SignalFolder(str(motions(tmp_path)), Windows(50, 10), columns=["ax", "ay"])
    data.setup("fit")
    for number in range(3):
        fold = data.fold(number, 3)
        fold.setup("fit")
        train, val = (of_recordings(part.images) for part in (fold.train_images, fold.val_images))
        assert train and val and not train & val


def test_a_network_reads_channels_times_one_times_moments(tmp_path: Path) -> None:
    data = SignalFolder(str(motions(tmp_path)), Windows(50, 10))
    data.setup("fit")
    image = data.train_images[0][0]
    assert image.shape == (data.channels, data.height, data.width) == (3, 1, 50)
    assert len(data.mean) == len(data.std) == 3


def test_limits_become_the_ends_of_a_byte_and_what_lies_beyond_is_clipped(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(4):
            np.save(tmp_path / name / f"{number}.npy", np.array([[-9.0, -2, 0, 2, 9]]))
    data = SignalFolder(str(tmp_path), Windows(5, 5, limits=[[-2, 2]]))
    data.setup("fit")
    assert data.train_images[0][0].flatten().tolist() == [0, 0, 128, 255, 255]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("ax,ay\n1,2\n3\n", "line 3 has 1 columns and the first has 2"),
        ("ax,ay\n\n1,2\n3,\n", "line 4 has no value in column 'ay'; fill the gap"),
        (
            'ax,ay\n1,"2,5"\n',
            "line 2 has '2,5' in column 'ay', which is no number; .* decimal point",
        ),
        ("ax;ay\n1,5;2,5\n", "semicolons between its columns; save it with commas"),
        ("1;2\n3;4\n", "semicolons between its columns"),
        ("ax\tay\n1\t2\n", "tabs between its columns"),
        ("ax,ay,ay\n1,2,3\n", "has 2 columns 'ay'"),
        ("ax,ay\n1e99,2\n", "channel 0 at moment 0"),
        ("ax,ay\n1,2\n3,nan\n", "channel 1 at moment 1"),
        ("ax,ay\n1,inf\n", "channel 1 at moment 0"),
        ("ax,az\n1,2\n", "has no column 'ay'; it has ax, az"),
        ("1,2\n3,4\n", "has no header"),
        ("", "has no values"),
        ("ax,ay\n", "has no values"),
    ],
)
def test_a_broken_csv_is_one_sentence_that_names_it(
    tmp_path: Path, content: str, said: str
) -> None:
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(DataError, match=r"a\.csv.*" + said):
        read_signal(tmp_path / "a.csv", ["ax", "ay"])


@pytest.mark.parametrize("first", ["1,2,", ",2,3"])
def test_a_gap_in_the_first_moment_makes_it_no_header(tmp_path: Path, first: str) -> None:
    (tmp_path / "a.csv").write_text(f"{first}\n4,5,6\n")
    with pytest.raises(DataError, match=r"line 1 has no value in column [13]; fill the gap"):
        read_signal(tmp_path / "a.csv")


def test_a_csv_without_a_header_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,2\n3,4\n5,6\n")
    assert read_signal(tmp_path / "a.csv").tolist() == [[1, 3, 5], [2, 4, 6]]


def test_columns_come_in_the_order_asked_for_whatever_the_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\ufeffay,t,ax\n1,text,3\n2,text,4\n")
    assert read_signal(tmp_path / "a.csv", ["ax", "ay"]).tolist() == [[3, 4], [1, 2]]


@pytest.mark.parametrize(
    "array",
    [
        *(np.zeros((500, 3)), np.zeros((2, 3, 4)), np.array([["1"]]), np.array([{}], dtype=object)),
        *(np.ones((2, 3), complex), np.array([["2026-01-01"]], dtype="datetime64[D]")),
    ],
    ids=["time first", "three axes", "text", "pickle", "complex", "dates"],
)
def test_an_npy_that_is_no_recording_is_refused(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(DataError, match=r"a\.npy"):
        read_signal(tmp_path / "a.npy")


def test_an_npy_that_promises_more_than_it_holds_takes_no_memory(tmp_path: Path) -> None:
    with (tmp_path / "a.npy").open("wb") as file:
        head = {"descr": "<f8", "fortran_order": False, "shape": (3, 10**12)}
        np.lib.format.write_array_header_1_0(file, head)
    with pytest.raises(DataError, match=r"a\.npy cannot be read"):
        read_signal(tmp_path / "a.npy")


def test_several_arrays_named_npy_are_refused(tmp_path: Path) -> None:
    with (tmp_path / "a.npy").open("wb") as file:
        np.savez(file, ax=np.ones((2, 3)))
    with pytest.raises(DataError, match=r"a\.npy holds several arrays"):
        read_signal(tmp_path / "a.npy")


def test_a_csv_with_a_row_a_channel_is_to_be_transposed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\n".join([",".join(["1"] * 300)] * 3))
    with pytest.raises(DataError, match=r"has 300 channels, and at most 256.*transpose it"):
        read_signal(tmp_path / "a.csv")


@pytest.mark.parametrize("header", ["t,ay,ax", "t,ax,az"])
def test_without_names_columns_of_another_order_or_name_are_refused(
    tmp_path: Path, header: str
) -> None:
    root = motions(tmp_path)
    odd = root / "walk" / "zed_9.csv"
    odd.write_text("\n".join([header, *["1,2,3"] * 200]))
    with pytest.raises(
        DataError, match=rf"zed_9\.csv has the columns {header.replace(',', ', ')},"
    ):
        SignalFolder(str(root)).setup("fit")
    odd.write_text("\n".join(["t,ay,ax", *["1,2,3"] * 200]))
    SignalFolder(str(root), columns=["ax", "ay"]).setup("fit")


@pytest.mark.parametrize("columns", ["ax", [], ["ax", "ax"]])
def test_columns_that_are_no_list_of_names_are_refused(tmp_path: Path, columns: Any) -> None:
    with pytest.raises(ConfigError, match=r"must be a list of names, each once.*data\.columns"):
        SignalFolder(str(motions(tmp_path)), columns=columns)


@pytest.mark.parametrize("each", [1, 2])
def test_a_class_with_too_few_recordings_says_how_many_there_are(tmp_path: Path, each: int) -> None:
    root = motions(tmp_path)
    for path in sorted((root / "walk").glob("*.csv"))[each:]:
        path.unlink()
    said = rf"class walk has {each} recordings? to be divided, and at least 3 are needed"
    with pytest.raises(DataError, match=said):
        SignalFolder(str(root)).setup("fit")


def test_three_recordings_a_class_are_one_for_each_part(tmp_path: Path) -> None:
    data = SignalFolder(str(motions(tmp_path, each=3)), recordings=Recordings(test_fraction=0.9))
    data.setup("test")
    parts = (data.train_images, data.val_images, data.test_images)
    assert [len(set(part.groups.tolist())) for part in parts] == [2, 2, 2]


def test_a_subject_that_only_some_paths_tell_is_refused(tmp_path: Path) -> None:
    root = motions(tmp_path)
    (root / "walk" / "anna_0.csv").rename(root / "walk" / "anna.csv")
    with pytest.raises(ConfigError, match=r"finds nobody in walk/anna\.csv, and somebody in run/"):
        SignalFolder(str(root), recordings=Recordings(subject=r"([^/]+)_\d+"))


def kinds(data: SignalFolder) -> dict[str, str]:
    data.setup("fit")
    return {notice.kind: notice.text for notice in data.notices}


def test_a_column_of_times_is_noticed_by_name(tmp_path: Path) -> None:
    root = motions(tmp_path)
    assert "Channel 0 (t) never falls" in kinds(SignalFolder(str(root)))["time_as_channel"]
    assert "time_as_channel" not in kinds(SignalFolder(str(root), columns=["ax", "ay"]))


def test_a_channel_that_never_changes_is_noticed_by_name(tmp_path: Path) -> None:
    root = motions(tmp_path)
    assert "still_channel" not in kinds(SignalFolder(str(root)))
    for path in root.rglob("*.csv"):
        head, *rows = path.read_text().splitlines()
        path.write_text("\n".join([f"{head},still", *(f"{row},7" for row in rows)]) + "\n")
    assert "Channel 3 (still) never changes" in kinds(SignalFolder(str(root)))["still_channel"]


def test_files_that_are_no_recordings_are_noticed(tmp_path: Path) -> None:
    root = motions(tmp_path)
    (root / "run" / "notes.txt").write_text("x")
    (root / "run" / ".hidden").write_text("x")
    assert "One entry in" in (told := kinds(SignalFolder(str(root)))["left_out"])
    assert "is no recording and is left out: run/notes.txt" in told


def test_a_subject_that_no_path_tells_is_noticed(tmp_path: Path) -> None:
    root = str(motions(tmp_path))
    told = kinds(SignalFolder(root, recordings=Recordings(subject="(zed)")))
    assert "finds nobody in the path of any recording" in told["no_subjects"]
    assert "no_subjects" not in kinds(SignalFolder(root))


def test_a_recording_shorter_than_a_window_is_refused_or_filled_up(tmp_path: Path) -> None:
    root = motions(tmp_path, each=4, moments=30)
    with pytest.raises(DataError, match=r"has 30 moments of 3 channels, and a window 50.*pad=true"):
        SignalFolder(str(root), Windows(50, 10)).setup("fit")
    data = SignalFolder(str(root), Windows(50, 10, pad=True))
    data.setup("fit")
    assert (data.train_images.images[..., 30:] == data.train_images.images[..., 29:30]).all()


def test_recordings_of_unequal_channels_are_refused(tmp_path: Path) -> None:
    motions(tmp_path, each=4)
    np.save(tmp_path / "run" / "zed.npy", np.zeros((5, 200)))
    with pytest.raises(DataError, match=r"zed\.npy has 5 channels and the first recording has 3"):
        SignalFolder(str(tmp_path)).read(SignalFolder(str(tmp_path)).folder.part("train"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1,2:3,4,5:a", "channels of"),
        ("1,?:3,4:a", "must be a number"),
        ("1,nan:3,4:a", "not finite"),
        ("a", "channels of"),
        ("1,2:3,4", "ends with '3,4', which is no class of @classLabel"),
    ],
)
def test_a_broken_ts_file_names_its_line(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "a.ts").write_text(f"{TS}{line}\n")
    with pytest.raises(DataError, match=rf"a\.ts, line 4.*{said}"):
        read_ts(tmp_path / "a.ts")


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("@classLabel false", "has no classes"),
        ("@targetLabel true", "has no classes"),
        ("@timestamps true", "a time beside each value"),
        ("@classLabel true a b", "no series below @data"),
    ],
)
def test_a_ts_file_of_another_kind_says_what_it_is(tmp_path: Path, head: str, said: str) -> None:
    (tmp_path / "a.ts").write_text(f"{head}\n@data\n")
    with pytest.raises(DataError, match=said):
        read_ts(tmp_path / "a.ts")


def test_a_comment_in_a_ts_file_is_no_series(tmp_path: Path) -> None:
    (tmp_path / "a.ts").write_text(f"{TS}# a note\n1,2:3,4:b\n")
    assert [case.label for case in read_ts(tmp_path / "a.ts")] == ["b"]


@pytest.mark.parametrize(
    ("test", "said"),
    [("1,2:3,4:c", "has the class 'c'"), ("1,2:3,4:a", "has no series of the class 'b'")],
)
def test_a_ts_test_file_of_other_classes_is_refused(tmp_path: Path, test: str, said: str) -> None:
    rows = [f"{n},2:3,4:{name}" for n in range(4) for name in "ab"]
    (tmp_path / "Two_TRAIN.ts").write_text("@data\n" + "\n".join(rows))
    (tmp_path / "Two_TEST.ts").write_text(f"@data\n{test}\n")
    with pytest.raises(DataError, match=rf"Two_TEST\.ts {said}"):
        TsSignals("Two", str(tmp_path), Windows(2, 2)).setup("test")


def test_a_ts_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no .*Two_TRAIN\.ts; download it, or correct"):
        TsSignals("Two", str(tmp_path))


def test_a_ts_file_of_a_user_is_read(tmp_path: Path) -> None:
    for part in ("TRAIN", "TEST"):
        rows = [f"{n},2,3,4:5,6,7,8:{name}" for n in range(4) for name in "ab"]
        (tmp_path / f"Two_{part}.ts").write_text(TS + "\n".join(rows))
    data = TsSignals("Two", str(tmp_path), Windows(4, 4))
    data.setup("test")
    assert (data.classes, data.channels, len(data.test_images)) == (("a", "b"), 2, 8)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"length": 0}, "length=0"),
        ({"stride": 0}, "stride=0"),
        ({"smoothed_windows": 10**9}, "more than 1000"),
        *(
            ({"limits": wrong}, "limits has .* lowest and a higher value")
            for wrong in (
                [[1, 1]],
                [["a", "b"]],
                [1, 2],
                [[-np.inf, 1]],
                [[np.nan, 1]],
                [[1, 2, 3]],
            )
        ),
    ],
)
def test_windows_that_make_no_sense_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Windows(**settings)


def test_a_subject_without_a_group_is_refused() -> None:
    with pytest.raises(ConfigError, match="it has no group"):
        Recordings(subject="anna")


@pytest.mark.skipif(not importlib.util.find_spec("aeon"), reason="pip install --no-deps aeon")
@pytest.mark.parametrize(
    ("option", "shape", "classes", "series"),
    [
        ("BasicMotions", (6, 1, 100), 4, (40, 40)),
        ("JapaneseVowels", (12, 1, 29), 9, (270, 370)),
    ],
)
def test_the_real_series_of_aeon_have_the_shape_that_is_published(
    option: str, shape: tuple[int, ...], classes: int, series: tuple[int, int]
) -> None:
    data = TsSignals(option, windows=Windows(shape[2], shape[2], pad=True), split=Split(0.2))
    data.setup("test")
    assert (data.channels, data.height, data.width) == shape
    assert data.num_classes == classes
    assert (len(data.train_images) + len(data.val_images), len(data.test_images)) == series


def test_windows_that_take_too_much_memory_are_refused(tmp_path: Path) -> None:
    dense = Windows(50, 1, max_memory_bytes=100_000)
    with pytest.raises(DataError, match=r"windows of 50 moments take .* raise data.windows.stride"):
        SignalFolder(str(motions(tmp_path)), dense).setup("fit")


def test_the_firmware_has_the_windows_and_the_bytes_of_the_training(tmp_path: Path) -> None:
    data = SignalFolder(str(motions(tmp_path)), Windows(50, 80), columns=["ax", "ay"])
    data.setup("fit")
    told = data.sensing()
    assert (told.length, told.hop, told.smoothed_windows) == (50, 50, 1)
    assert np.array_equal(told.lowest, data.scaling.lowest)
    assert np.array_equal(told.gain, data.scaling.gain)


def test_a_hop_that_skips_moments_is_refused() -> None:
    with pytest.raises(ConfigError, match="hop=60 is more than the length=50"):
        Windows(50, hop=60)
