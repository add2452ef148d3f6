"""A network trained on real digits leaves its run, and each of its files is used as someone without the run would."""

import json
import shutil
import subprocess
from functools import partial

import numpy as np
import onnxruntime
import pytest
import timm
import torch
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from huggingface_hub import ModelCard
from safetensors.torch import load_file

import lmanet
from lmanet.data import Augment, Mnist5k, Split
from lmanet.deploy import Deployment, Settings, load_deployed
from lmanet.deploy.board import Stm32H743
from lmanet.deploy.tflm import run_tflm
from lmanet.errors import ConfigError
from lmanet.release import Release, register
from lmanet.results import Deployment as DeploymentRecord
from lmanet.results import Evaluation as EvaluationRecord
from lmanet.results import TrainedNetwork
from lmanet.runfiles import DEPLOY, FULL, TEST, read_records
from lmanet.space import architecture_id, load_architecture, parse_architecture
from lmanet.space.images import normalise, resize
from lmanet.train import Evaluation, FullTraining, Recipe, Trainer, WarmupCosine

STAGE = {"kernel": 3, "expansion": 2, "se_ratio": 0.5, "skip": True, "activation": "hard_swish", "layers": 1}
ARCHITECTURE = parse_architecture(
    {
        "resolution": 32,
        "stem": {"channels": 8, "kernel": 3, "stride": 2, "activation": "relu6"},
        "stages": [{**STAGE, "block": "mbconv", "channels": 16, "stride": 2}, {**STAGE, "block": "depthwise", "channels": 24, "stride": 1}],
    }
)
RECIPE = Recipe(
    epochs=2,
    batch_size=32,
    optimizer=partial(torch.optim.SGD, lr=0.05, momentum=0.9, nesterov=True),
    schedule=WarmupCosine(0.5),
    augment=Augment(crop_padding=2),
    accelerator="cpu",
)


@pytest.fixture(scope="module")
def data():
    torch.set_num_threads(1)
    made = Mnist5k(Split(val_fraction=0.1, max_train_images=640))
    made.setup("fit")
    return made


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    """Trained, deployed and tested."""
    folder, trainer = tmp_path_factory.mktemp("run"), Trainer(data, RECIPE)
    FullTraining(trainer, seed=0, architecture=ARCHITECTURE).run(folder)
    Deployment(data, 0, Stm32H743(), partial(Trainer, recipe=RECIPE), Settings(most_loss=1.0)).run(folder)
    Evaluation(trainer, load_int8=load_deployed).run(folder)
    return folder


@pytest.fixture(scope="module")
def released(data, run):
    Release(data, license="apache-2.0", opset=18).run(run)
    return run / "release" / f"lmanet_{architecture_id(ARCHITECTURE)}"


@pytest.fixture(scope="module")
def images(data):
    """Three validation images as the network reads them."""
    batch, _ = next(iter(data.val_dataloader(3, torch.device("cpu"))))
    return resize(normalise(batch, data.mean, data.std), 32)


@pytest.fixture(scope="module")
def logits(run, images):
    """What the run's own network says of them."""
    checkpoint = run / read_records(run / FULL, TrainedNetwork)[0].checkpoint
    return lmanet.load_network(checkpoint).network(images).detach()


def test_timm_makes_it_by_name_with_its_weights(released, images, logits):
    model = timm.create_model(register(released), checkpoint_path=str(released / "model.safetensors")).eval()
    torch.testing.assert_close(model(images), logits)
    assert model.num_classes == 10 and model.num_features == 24
    features = model.forward_features(images)
    assert features.shape == (3, 24, 8, 8)
    torch.testing.assert_close(model.forward_head(features), logits)
    assert model.forward_head(features, pre_logits=True).shape == (3, 24)


def test_timm_makes_it_from_its_folder(released, images, logits):
    model = timm.create_model(f"local-dir:{released}", pretrained=True).eval()
    torch.testing.assert_close(model(images), logits)


def test_timm_prepares_images_as_in_the_training(released, data):
    config = timm.data.resolve_model_data_config(timm.create_model(register(released)))
    assert config["input_size"] == (3, 32, 32) or config["input_size"] == [3, 32, 32]
    assert tuple(config["mean"]) == pytest.approx(data.mean) and tuple(config["std"]) == pytest.approx(data.std)
    assert config["crop_pct"] == 1.0


def test_it_is_fine_tuned_for_other_classes(released, images):
    model = timm.create_model(f"local-dir:{released}", pretrained=True, num_classes=4)
    assert model(images).shape == (3, 4) and model.get_classifier().out_features == 4
    before = model.get_submodule("stem").conv.conv.weight.detach().clone()
    loss = torch.nn.functional.cross_entropy(model(images), torch.tensor([0, 1, 2]))
    loss.backward()
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    assert not torch.equal(before, model.get_submodule("stem").conv.conv.weight)
    model.reset_classifier(0)
    assert model(images).shape == (3, 24)


@pytest.mark.parametrize("name", ["lmanet_elite", "lmanet_core", "qwnet_core"])
def test_the_shipped_architectures_are_models_of_timm(name):
    model = timm.create_model(name, num_classes=10)
    expected = lmanet.build(load_architecture(name), 10)
    assert {key: value.shape for key, value in model.state_dict().items()} == {k: v.shape for k, v in expected.state_dict().items()}
    assert name in timm.list_models("*net_*")


def test_what_timm_may_ask_and_we_have_not_is_said(released):
    with pytest.raises(ConfigError, match="in_chans=1"):
        timm.create_model("lmanet_elite", in_chans=1)
    with pytest.raises(ConfigError, match="global_pool=max"):
        timm.create_model("lmanet_elite").reset_classifier(3, "max")
    with pytest.raises(ConfigError, match="holds no network that lmanet released"):
        register(released / "firmware")
    with pytest.raises(ConfigError, match="needs architecture="):
        timm.create_model("lmanet_network")


def test_safetensors_load_into_a_network_of_ours(released, images, logits):
    config = json.loads((released / "config.json").read_text())
    network = lmanet.build(parse_architecture(config["model_args"]["architecture"]), config["num_classes"]).eval()
    network.load_state_dict(load_file(released / "model.safetensors"))
    torch.testing.assert_close(network(images), logits)


@pytest.mark.parametrize("count", [1, 3])
def test_onnx_gives_the_same_for_any_number_of_images(released, images, logits, count):
    session = onnxruntime.InferenceSession(released / "model.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(["logits"], {"images": images[:count].numpy()})
    np.testing.assert_allclose(found, logits[:count].numpy(), rtol=1e-3, atol=1e-4)
    assert sorted(path.name for path in released.iterdir()) == sorted(
        ["README.md", "config.json", "firmware", "model.onnx", "model.safetensors", "model_int8.tflite"]
    )


def test_the_int8_file_runs_where_such_files_run(released, images):
    content = (released / "model_int8.tflite").read_bytes()
    interpreter = Interpreter(model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    given, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scale, zero = given["quantization"]
    ints = (images.permute(0, 2, 3, 1) / scale + zero).round().clamp(-128, 127).to(torch.int8).numpy()
    expected = run_tflm(content, ints).outputs
    for image, output in zip(ints, expected, strict=True):
        interpreter.set_tensor(given["index"], image[None])
        interpreter.invoke()
        assert np.abs(interpreter.get_tensor(result["index"])[0].astype(int) - output).max() <= 1
    assert expected.std() > 0


@pytest.mark.skipif(not (shutil.which("cmake") and shutil.which("arm-none-eabi-gcc")), reason="needs cmake and arm-none-eabi-gcc")
def test_the_firmware_builds_where_it_lies(released, tmp_path):
    firmware = shutil.copytree(released / "firmware", tmp_path / "firmware")
    subprocess.run(["cmake", "-B", "build"], cwd=firmware, check=True, capture_output=True)
    subprocess.run(["cmake", "--build", "build"], cwd=firmware, check=True, capture_output=True)
    assert list((firmware / "build").glob("*.elf")) or list((firmware / "build").glob("*firmware*"))


def test_the_card_says_what_the_records_say(released, run):
    card = ModelCard.load(released / "README.md")
    said = {(result.dataset_split, result.metric_name): result.metric_value for result in card.data.eval_results}
    trained, deployment = read_records(run / FULL, TrainedNetwork)[0], read_records(run / DEPLOY, DeploymentRecord)[0]
    tests = {test.stage: test.test_accuracy for test in read_records(run / TEST, EvaluationRecord)}
    assert said == pytest.approx(
        {
            ("validation", "accuracy, float"): trained.score.val_accuracy,
            ("validation", "accuracy, int8"): deployment.int8_val_accuracy,
            ("test", "accuracy, float"): tests["full"],
            ("test", "accuracy, int8"): tests["deploy"],
        },
        abs=1e-6,
    )
    assert card.data.license == "apache-2.0" and card.data.library_name == "timm"
    measured = deployment.deployed.measurement
    for figure in (measured.measured_bss_bytes, measured.measured_instructions, deployment.deployed.cost.macs):
        assert f"{figure:,}" in card.text


def test_the_card_s_code_runs(released, monkeypatch):
    monkeypatch.chdir(released)
    text = (released / "README.md").read_text()
    code = text.split("```python\n")[1].split("```")[0]
    names: dict[str, object] = {}
    exec(code, names)
    assert names["model"].num_classes == 10


def test_it_is_written_anew_and_leaves_nothing_half_done(data, run, released):
    (released / "stray").write_text("")
    Release(data, license=None, opset=18).run(run)
    assert not (released / "stray").exists() and [path.name for path in released.parent.iterdir()] == [released.name]
    assert ModelCard.load(released / "README.md").data.license is None
    Release(data, license="apache-2.0", opset=18).run(run)


def test_without_a_trained_network_there_is_nothing_to_release(data, tmp_path):
    with pytest.raises(ConfigError, match="run the stage train first"):
        Release(data, None, 18).run(tmp_path)
