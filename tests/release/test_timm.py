"""A released network, and the shipped ones, as someone who knows timm uses them."""

import json
import shutil

import pytest
import timm
import torch
from torchvision.transforms.functional import to_pil_image

import lmanet
from lmanet.errors import ConfigError
from lmanet.network import load_architecture
from lmanet.release import register
from lmanet.space import staged

pytestmark = pytest.mark.slow  # trains


def test_it_is_made_by_name_with_its_weights(released, images, logits):
    model = timm.create_model(
        register(released), checkpoint_path=str(released / "model.safetensors")
    ).eval()
    torch.testing.assert_close(model(images), logits)
    assert model.num_classes == 10 and model.num_features == 24
    features = model.forward_features(images)
    assert features.shape == (3, 24, 8, 8)
    torch.testing.assert_close(model.forward_head(features), logits)
    assert model.forward_head(features, pre_logits=True).shape == (3, 24)


def test_timm_knows_where_a_registered_network_has_its_weights_and_labels(
    released, images, logits, data
):
    model = timm.create_model(register(released), pretrained=True).eval()
    torch.testing.assert_close(model(images), logits)
    assert tuple(model.pretrained_cfg["label_names"]) == data.classes


def test_it_is_made_from_its_folder(released, images, logits):
    model = timm.create_model(f"local-dir:{released}", pretrained=True).eval()
    torch.testing.assert_close(model(images), logits)


def test_a_checkpoint_of_a_run_is_read_as_it_is(run, architecture, images, logits):
    described = architecture.model_dump(mode="json")
    model = timm.create_model(
        "lmanet_network",
        architecture=described,
        num_classes=10,
        checkpoint_path=run / "student.ckpt",
    ).eval()
    torch.testing.assert_close(model(images), logits)
    assert timm.data.resolve_model_data_config(model)["input_size"] == (3, 32, 32)


def test_images_are_prepared_as_in_the_training(released, pixels, images, data):
    model = timm.create_model(f"local-dir:{released}")
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
    prepared = torch.stack([transform(to_pil_image(image)) for image in pixels])
    step = 1 / 255 / min(data.std)  # Pillow rounds to whole pixel values
    torch.testing.assert_close(prepared, images, rtol=0, atol=1.01 * step)


@pytest.mark.parametrize("by_name", [False, True])
def test_it_is_fine_tuned_for_other_classes(released, images, by_name):
    source = register(released) if by_name else f"local-dir:{released}"
    model, whole = (
        timm.create_model(source, pretrained=True, num_classes=count) for count in (4, 10)
    )
    before = model.get_submodule("stem").conv.conv.weight.detach().clone()
    torch.testing.assert_close(before, whole.get_submodule("stem").conv.conv.weight.detach())
    assert model(images).shape == (3, 4) and model.get_classifier().out_features == 4
    torch.nn.functional.cross_entropy(model(images), torch.tensor([0, 1, 2])).backward()
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    assert not torch.equal(before, model.get_submodule("stem").conv.conv.weight)
    model.reset_classifier(0)
    assert model(images).shape == (3, 24)


def test_it_reads_images_of_another_size_with_the_same_weights(released, architecture):
    model = timm.create_model(f"local-dir:{released}", pretrained=True, img_size=49).eval()
    expected = lmanet.build(architecture.model_copy(update={"resolution": 49}), 10).eval()
    expected.load_state_dict(model.state_dict())
    images = torch.randn(2, 3, 49, 49)
    torch.testing.assert_close(model(images), expected(images))
    wide = timm.create_model("lmanet_elite", num_classes=10, img_size=(32, 48)).eval()
    assert wide(torch.randn(1, 3, 32, 48)).shape == (1, 10)


@pytest.mark.parametrize("name", ["lmanet_elite", "lmanet_core", "qwnet_core"])
def test_the_shipped_architectures_begin_with_the_weights_of_our_own(name):
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=10)
    torch.manual_seed(0)
    expected = lmanet.build(load_architecture(name), 10)
    torch.testing.assert_close(dict(model.state_dict()), dict(expected.state_dict()))
    assert name in timm.list_models("*net_*")
    assert timm.data.resolve_model_data_config(model)["input_size"] == (3, 160, 160)


def test_features_of_every_scale(images):
    model = timm.create_model(
        "lmanet_network", architecture="lmanet_elite", features_only=True
    ).eval()
    found = model(torch.zeros(1, 3, 160, 160))
    assert model.feature_info.reduction() == [2, 4, 8, 16]
    assert [tuple(each.shape[1:]) for each in found] == [
        (count, 160 // step, 160 // step)
        for count, step in zip(
            model.feature_info.channels(), model.feature_info.reduction(), strict=True
        )
    ]
    assert (
        model.feature_info.channels()[-1]
        == staged(load_architecture("lmanet_elite")).stages[-1].channels
    )


def test_another_folder_of_the_same_architecture_takes_its_place(released, tmp_path):
    copy = shutil.copytree(released, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    config["pretrained_cfg"]["mean"] = [0.25, 0.5, 0.75]
    (copy / "config.json").write_text(json.dumps(config))
    name = register(released)
    assert register(released) == name  # without a warning
    with pytest.warns(UserWarning, match="Overwriting"):
        assert register(copy) == name
    assert timm.data.resolve_model_data_config(timm.create_model(name))["mean"] == [0.25, 0.5, 0.75]
    with pytest.warns(UserWarning, match="Overwriting"):
        register(released)


def test_what_timm_may_ask_and_we_have_not_is_said(released):
    with pytest.raises(ConfigError, match="in_chans=1"):
        timm.create_model("lmanet_elite", in_chans=1)
    with pytest.raises(ConfigError, match="global_pool=max"):
        timm.create_model("lmanet_elite").reset_classifier(3, "max")
    with pytest.raises(ConfigError, match="holds no network that lmanet released"):
        register(released / "firmware")
    with pytest.raises(ConfigError, match="needs architecture="):
        timm.create_model("lmanet_network")
