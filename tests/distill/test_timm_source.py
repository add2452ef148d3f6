import logging
import pickle
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from lmanet.data import Mnist5k
from lmanet.distill import Teacher, TeacherSource
from lmanet.errors import ConfigError

pytestmark = pytest.mark.slow  # trains


def test_images_are_brought_to_the_size_and_the_statistics_of_the_model(data: Mnist5k) -> None:
    teacher, fitted = TeacherSource("test_resnet").build(data)
    seen: list[torch.Tensor] = []
    teacher.model.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    # as the data module normalises it
    white = (torch.ones(2, 3, 28, 28) - data.mean[0]) / data.std[0]
    assert teacher.eval()(white).shape == (2, 10)
    assert seen[0].shape == (2, 3, 160, 160)  # what timm made test_resnet for
    own = timm.get_pretrained_cfg("test_resnet")
    expected = [(1 - mean) / std for mean, std in zip(own.mean, own.std, strict=True)]
    assert seen[0][0].mean((1, 2)).tolist() == pytest.approx(expected, rel=1e-4)
    assert not fitted


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_a_checkpoint_with_the_right_classifier_is_taken_as_it_is(
    data: Mnist5k, suffix: str, tmp_path: Path
) -> None:
    model, path = timm.create_model("test_resnet", num_classes=10), tmp_path / f"weights.{suffix}"
    if suffix == "safetensors":
        save_file(model.state_dict(), path)
    else:
        torch.save({"state_dict": model.state_dict()}, path)
    teacher, fitted = TeacherSource("test_resnet", checkpoint=str(path), resolution=32).build(data)
    assert fitted and same(teacher, model, "")


def test_a_checkpoint_with_another_classifier_is_a_beginning(data: Mnist5k, tmp_path: Path) -> None:
    model, path = timm.create_model("test_resnet", num_classes=1000), tmp_path / "weights.pth"
    torch.save(model.state_dict(), path)
    teacher, fitted = TeacherSource("test_resnet", checkpoint=str(path), resolution=32).build(data)
    assert not fitted and same(teacher, model, "fc.")
    assert teacher(torch.zeros(2, 3, 28, 28)).shape == (2, 10)


def same(teacher: Teacher, model: torch.nn.Module, but: str) -> bool:
    own = teacher.model.state_dict()
    return all(
        torch.equal(own[name], tensor)
        for name, tensor in model.state_dict().items()
        if not but or not name.startswith(but)
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"name": "vit_base_patch16_225"},
            "timm has no model 'vit_base_patch16_225'; correct its name in distill.teacher",
        ),
        (
            {"name": "test_resnet", "checkpoint": "nowhere.pth"},
            "no teacher's checkpoint at nowhere.pth; correct its checkpoint in distill.teacher",
        ),
        (
            {"name": "test_resnet", "timm_options": {"colour": 1}},
            "refuses timm_options of distill.teacher",
        ),
        (
            {"name": "test_resnet", "checkpoint": "x", "pretrained": True},
            "both pretrained=true and a checkpoint; keep one",
        ),
    ],
)
def test_a_source_that_gives_no_teacher_is_named(
    data: Mnist5k, settings: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        TeacherSource(**settings).build(data)


@pytest.mark.parametrize("content", [b"no weights", b""], ids=["text", "empty"])
def test_a_checkpoint_that_cannot_be_read_is_named(
    data: Mnist5k, content: bytes, tmp_path: Path
) -> None:
    for name in ("a.pth", "a.safetensors"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ConfigError, match=rf"{name} cannot be read as weights") as error:
            TeacherSource("test_resnet", checkpoint=str(tmp_path / name)).build(data)
        assert "weights_only" not in str(error.value)  # torch's advice is to read it all the same


def test_the_advice_to_believe_a_teachers_file_is_never_passed_on(
    data: Mnist5k, tmp_path: Path
) -> None:
    (tmp_path / "a.pth").write_bytes(pickle.dumps({"state_dict": [1]}))
    with pytest.raises(
        ConfigError, match=r"it holds more than tensors, which is never run"
    ) as caught:
        TeacherSource("test_resnet", checkpoint=str(tmp_path / "a.pth")).build(data)
    assert "weights_only" not in str(caught.value)


def test_a_checkpoint_of_another_model_is_named(data: Mnist5k, tmp_path: Path) -> None:
    torch.save(timm.create_model("test_vit", num_classes=10).state_dict(), tmp_path / "vit.pth")
    with pytest.raises(ConfigError, match=r"does not fit test_resnet: \d+ tensors differ"):
        TeacherSource("test_resnet", checkpoint=str(tmp_path / "vit.pth")).build(data)


def renamed(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """As another library would list the same model."""
    return {
        f"_{name.replace('.', '_', name.count('.') - 1)}": tensor
        for name, tensor in state.items()
        if "num_batches" not in name
    }


def test_weights_under_other_names_are_taken_in_order_and_that_is_said(
    data: Mnist5k, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    model, path = timm.create_model("test_resnet", num_classes=1000), tmp_path / "theirs.pth"
    torch.save(renamed(model.state_dict()), path)
    teacher, fitted = TeacherSource("test_resnet", checkpoint=str(path), resolution=32).build(data)
    own = teacher.model.state_dict()
    for name, tensor in model.state_dict().items():
        assert name.startswith("fc.") or torch.equal(own[name], tensor), name
    assert not fitted
    assert (
        "such as _conv1_0.weight for conv1.0.weight; kinds and shapes agree one to one, so they "
        "are taken in order"
    ) in caplog.text


@pytest.mark.parametrize(
    "fault", ["one more", "another shape", "another kind", "a known name elsewhere"]
)
def test_an_order_that_only_seems_to_fit_is_refused(
    data: Mnist5k, tmp_path: Path, fault: str
) -> None:
    listed = list(renamed(timm.create_model("test_resnet", num_classes=10).state_dict()).items())
    same = next(number for number, (name, _) in enumerate(listed) if name.endswith("running_mean"))
    if fault == "one more":
        listed.append(("more.weight", torch.zeros(3)))
    elif fault == "another shape":
        listed[0] = (listed[0][0], torch.zeros(1, 3, 3, 3))
    elif (
        fault == "another kind"
    ):  # of the same shape: the running average and the variance after it
        listed[same], listed[same + 1] = listed[same + 1], listed[same]
    else:  # the second of two batch norms of one shape bears the name that timm gives the first
        listed[6] = ("conv1.1.weight", listed[6][1])
    torch.save(dict(listed), tmp_path / "x.pth")
    with pytest.raises(
        ConfigError, match=r"x.pth does not fit test_resnet: \d+ tensors differ, such as"
    ):
        TeacherSource("test_resnet", checkpoint=str(tmp_path / "x.pth")).build(data)


def test_a_teacher_of_an_earlier_run_is_read_by_the_names_of_its_classes(
    data: Mnist5k, tmp_path: Path
) -> None:
    model, path = (
        timm.create_model("test_resnet", num_classes=10).eval(),
        str(tmp_path / "teacher.ckpt"),
    )
    images, said = torch.randn(2, 3, 32, 32), []
    for classes in (data.classes, data.classes[::-1]):
        torch.save({"state_dict": model.state_dict(), "classes": list(classes)}, path)
        teacher, fitted = TeacherSource("test_resnet", checkpoint=path, resolution=32).build(data)
        said.append(teacher.eval()(images))
        assert fitted
    torch.testing.assert_close(said[1], said[0].flip(1))
    torch.save({"state_dict": model.state_dict(), "classes": list("abcdefghij")}, path)
    teacher, fitted = TeacherSource("test_resnet", checkpoint=path, resolution=32).build(data)
    assert not fitted and same(teacher, model, "fc.")  # as many classes, but others: a beginning


def test_the_normalisation_of_a_model_can_be_another_than_timms(data: Mnist5k) -> None:
    teacher, _ = TeacherSource("test_resnet", resolution=28, mean=data.mean, std=data.std).build(
        data
    )
    assert teacher.scale.flatten().tolist() == [1, 1, 1] and teacher.shift.flatten().tolist() == [
        0,
        0,
        0,
    ]


def test_a_hub_that_cannot_be_reached_ends_in_one_sentence(
    data: Mnist5k, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        ConfigError,
        match=(
            r"the weights of test_resnet cannot be had .*; connect to the internet, "
            r"or download them"
        ),
    ):
        TeacherSource("test_resnet", pretrained=True).build(data)
    with pytest.raises(
        ConfigError,
        match=(
            r"the weights of test_resnet cannot be had .*; connect to the internet, "
            r"or download them"
        ),
    ):
        TeacherSource("test_resnet", pretrained=True).require(data)


def test_weights_in_the_cache_of_the_hub_need_no_network(
    data: Mnist5k, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    kept = tmp_path / "models--timm--test_resnet.r160_in1k"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("0" * 40)
    (kept / "snapshots" / ("0" * 40)).mkdir(parents=True)
    save_file(
        timm.create_model("test_resnet").state_dict(),
        kept / "snapshots" / ("0" * 40) / "model.safetensors",
    )
    source = TeacherSource("test_resnet", pretrained=True, resolution=32)
    source.require(data)
    assert not source.build(data)[1]


def test_a_model_that_has_no_weights_is_named_before_the_run(data: Mnist5k) -> None:
    with pytest.raises(
        ConfigError, match="timm has no weights of botnet50ts_256; choose one of timm"
    ):
        TeacherSource("botnet50ts_256", pretrained=True).require(data)


def test_the_papers_teacher_is_a_vit(data: Mnist5k) -> None:
    teacher, _ = TeacherSource("vit_base_patch16_224").build(data)
    assert teacher.size == (224, 224)
    assert sum(parameter.numel() for parameter in teacher.parameters()) == pytest.approx(
        85.8e6, rel=0.01
    )
