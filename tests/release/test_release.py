"""Each file of a released network is used as someone without the run would; which networks are
released, and when.
"""

import json
import re
import shutil
import subprocess

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from huggingface_hub import ModelCard
from safetensors.torch import load_file

import lmanet
from lmanet.deploy import load_deployed
from lmanet.deploy.int8.int8_network import to_int8
from lmanet.deploy.run.elf import read_program
from lmanet.deploy.run.tflm import run_tflm
from lmanet.deploy.run.toolchain import toolchain_named
from lmanet.errors import ConfigError
from lmanet.files import sha256_of_files
from lmanet.release import Release
from lmanet.release.released import read_released
from lmanet.run.folder import DEPLOY, FULL, RunFolder
from lmanet.run.lines import append_record, read_records
from lmanet.run.results import Deployment as DeploymentRecord
from lmanet.run.results import TrainedNetwork
from lmanet.space import architecture_id

pytestmark = pytest.mark.slow  # trains


def test_safetensors_load_into_a_network_of_ours(released, images, logits):
    config = json.loads((released / "config.json").read_text())
    network = lmanet.build(
        lmanet.load_architecture(released / "architecture.json"), config["num_classes"]
    ).eval()
    network.load_state_dict(load_file(released / "model.safetensors"))
    torch.testing.assert_close(network(images), logits)
    assert (released / "model.safetensors").stat().st_mode == (
        released / "config.json"
    ).stat().st_mode


@pytest.mark.parametrize("count", [1, 3])
def test_onnx_gives_the_same_for_any_number_of_images(released, images, logits, count):
    session = onnxruntime.InferenceSession(
        released / "model.onnx", providers=["CPUExecutionProvider"]
    )
    (found,) = session.run(["logits"], {"images": images[:count].numpy()})
    np.testing.assert_allclose(found, logits[:count].numpy(), rtol=1e-3, atol=1e-4)


def test_the_onnx_file_says_how_to_use_it(released, data):
    model = onnx.load(released / "model.onnx")
    described = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    assert tuple(described["labels"]) == data.classes
    assert (described["mean"], described["std"]) == (
        pytest.approx(data.mean),
        pytest.approx(data.std),
    )
    assert [each.version for each in model.opset_import if each.domain == ""] == [18]


def test_the_int8_file_gives_what_the_deployed_network_gives(released, run, images, pixels, data):
    (line,) = read_records(run / DEPLOY, DeploymentRecord)
    deployed = load_deployed(run / line.deployed.folder, line.architecture, len(data.classes))
    content = (released / "model_int8.tflite").read_bytes()
    expected = run_tflm(content, to_int8(images, deployed.input_scale)).outputs
    integers = (
        deployed(pixels).numpy() / deployed.output_scale.scale + deployed.output_scale.zero_point
    )
    np.testing.assert_array_equal(integers.round().astype(np.int8), expected)

    interpreter = Interpreter(
        model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    given, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scale, zero = given["quantization"]
    ints = (
        (images.permute(0, 2, 3, 1) / scale + zero).round().clamp(-128, 127).to(torch.int8).numpy()
    )
    for image, output in zip(ints, expected, strict=True):
        interpreter.set_tensor(given["index"], image[None])
        interpreter.invoke()
        assert np.abs(interpreter.get_tensor(result["index"])[0].astype(int) - output).max() <= 1
    assert expected.std() > 0


def test_the_firmware_has_every_file_that_its_readme_names_and_links(released, tmp_path):
    firmware = released / "firmware"
    rows = [
        line for line in (firmware / "README.md").read_text().splitlines() if line.startswith("| `")
    ]
    named = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    assert len(named) > 8 and all([*firmware.rglob(name.rstrip("/"))] for name in named)
    sources = [*sorted(firmware.glob("*.c")), *sorted((firmware / "network").glob("*.c"))]
    elf = toolchain_named("zig").link(
        sources, "cortex-m7", firmware / "lmanet.ld", tmp_path / "firmware.elf", ["-DLMANET_CACHES"]
    )
    assert read_program(elf).symbol("lmanet_different_logits")


@pytest.mark.skipif(
    not (shutil.which("cmake") and shutil.which("arm-none-eabi-gcc")),
    reason="needs cmake and arm-none-eabi-gcc",
)
def test_the_firmware_builds_by_cmake_where_it_lies(released, tmp_path):
    firmware = shutil.copytree(released / "firmware", tmp_path / "firmware")
    subprocess.run(["cmake", "-B", "build"], cwd=firmware, check=True, capture_output=True)
    subprocess.run(["cmake", "--build", "build"], cwd=firmware, check=True, capture_output=True)
    assert (firmware / "build" / "firmware.elf").exists()


def test_the_libraries_go_with_it(run, released):
    (line,) = read_records(run / DEPLOY, DeploymentRecord)
    for name in ("arduino", "cmake"):
        made = sha256_of_files(run / line.deployed.folder / "packages" / name)
        assert made and sha256_of_files(released / "packages" / name) == made
    assert (
        "As a library it is `packages/arduino/`, `packages/cmake/`."
        in (released / "README.md").read_text()
    )


def test_it_stays_until_there_is_something_new_to_say(data, run, released):
    (released / "stray").write_text("")
    Release(data, license="apache-2.0", opset=18).run(RunFolder(run))
    assert (released / "stray").exists()
    (released.parent / f"{released.name}.partial").mkdir()  # of a start that was broken off
    Release(data, license=None, opset=18).run(RunFolder(run))
    assert [path.name for path in released.parent.iterdir()] == [released.name]
    names = [
        "README.md",
        "architecture.json",
        "config.json",
        "firmware",
        "model.onnx",
        "model.safetensors",
        "model_int8.tflite",
        "packages",
    ]
    assert sorted(path.name for path in released.iterdir()) == names
    assert ModelCard.load(released / "README.md").data.license is None
    Release(data, license="apache-2.0", opset=18).run(RunFolder(run))


def test_the_best_network_and_every_deployed_one_are_released(run, tmp_path):
    for name in (FULL, DEPLOY):
        shutil.copyfile(run / name, tmp_path / name)
    shutil.copytree(run / "full", tmp_path / "full")
    (deployed,) = read_records(tmp_path / FULL, TrainedNetwork)
    other = deployed.architecture.model_copy(update={"stages": deployed.architecture.stages[:1]})
    for architecture, seed, accuracy in (
        (other, 1, 0.98),
        (other, 2, 0.99),
        (deployed.architecture, 3, 0.01),
    ):
        score = deployed.score.model_copy(update={"val_accuracy": accuracy})
        append_record(
            tmp_path / FULL,
            deployed.model_copy(
                update={"architecture": architecture, "seed": seed, "score": score}
            ),
        )
    found = {each.name: each for each in read_released(RunFolder(tmp_path))}
    best, second = (
        found[f"lmanet_{architecture_id(other)}"],
        found[f"lmanet_{architecture_id(deployed.architecture)}"],
    )
    assert len(found) == 2
    assert (best.trained.seed, second.trained.seed) == (2, 0)


def test_int8_files_go_with_the_weights_that_they_were_made_of(run, tmp_path):
    shutil.copyfile(run / DEPLOY, tmp_path / DEPLOY)
    shutil.copytree(run / "full", tmp_path / "full")
    (before,) = read_records(run / FULL, TrainedNetwork)
    later = before.model_copy(
        update={
            "checkpoint": "full/later.ckpt",
            "score": before.score.model_copy(update={"val_accuracy": 1.0}),
        }
    )
    shutil.copyfile(run / before.checkpoint, tmp_path / later.checkpoint)
    for network in (before, later):
        append_record(tmp_path / FULL, network)
    (released,) = read_released(RunFolder(tmp_path))
    assert released.trained == later and released.deployment is None


def test_without_a_trained_network_there_is_nothing_to_release(data, tmp_path):
    with pytest.raises(ConfigError, match="run the stage train first"):
        Release(data, None, 18).run(RunFolder(tmp_path))
