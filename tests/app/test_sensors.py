"""Sounds to firmware that hears them on an emulated core; signals to a report."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from lmanet.app import Run
from lmanet.data.sound_file import fitted, read_sound
from lmanet.deploy import load_deployed
from lmanet.deploy.int8.read_tflite import read_tflite
from lmanet.deploy.run.stream import EmulatedStream
from lmanet.deploy.run.toolchain import toolchain_named
from lmanet.deploy.run.verify import MODEL
from lmanet.errors import ConfigError
from lmanet.network.weights import load_network
from lmanet.run.folder import RunFolder
from lmanet.sound import FrontEnd

pytestmark = pytest.mark.slow  # searches, trains, compiles and emulates
SHORT = (
    "propose=random",
    "execute=in_process",
    "budget={proposals:40,trained:1,seconds:null,tokens:null}",
    "train.mini.recipe.epochs=1",
    "train.full.recipe.epochs=2",
    "++space.choices={num_stages:[3],stem:null,head:null,stage:{layers:[1],channels:[8,16]}}",
)


@pytest.fixture(scope="module")
def words(tmp_path_factory) -> Path:
    """Two words in synthetic voices."""
    if not shutil.which("espeak-ng"):
        pytest.skip("needs espeak-ng: apt-get install espeak-ng")
    root = tmp_path_factory.mktemp("words")
    for word in ("yes", "stop"):
        (root / word).mkdir()
        for number in range(20):
            voice, speed = f"en-us+{'mf'[number % 2]}{1 + number % 5}", 120 + 5 * number
            file = root / word / f"{voice}_nohash_{number}.wav"
            command = ["espeak-ng", "-v", voice, "-s", str(speed), "-w", str(file), word]
            subprocess.run(command, check=True, capture_output=True)
    return root


def test_a_file_pushed_sample_by_sample_is_classified_by_the_firmware(composed, tmp_path, words):
    cfg = composed(
        "+experiment=keywords",
        *SHORT,
        f"data.root={words}",
        "data.front_end={clip_ms:480,step_ms:30}",
        "stages=[search,train,deploy,evaluate,report]",
        "deploy.packages=[arduino]",
        f"folder={tmp_path}",
    )
    run = Run(cfg)
    run.start()
    deployed = RunFolder(tmp_path).deployments.read()[-1].deployed
    network = tmp_path / deployed.folder / deployed.firmware / "network"
    front_end = FrontEnd(clip_ms=480, step_ms=30, smoothed_windows=3)
    stream = EmulatedStream(network, front_end, toolchain_named("zig"), "cortex-m4")
    file = sorted(words.glob("yes/*.wav"))[0]
    samples = fitted(read_sound(file, front_end.sample_rate_hz), front_end.clip_samples)
    windows = [place for place in range(len(samples)) if stream.push(samples[place : place + 1])]
    whole = front_end.window_samples + (front_end.frames - 1) * front_end.step_samples
    assert windows == [whole - 1]  # where the clip was complete, and nowhere else

    # the same clip through the int8 network as it is evaluated
    clip = run.data.read([each for each in run.data.folder.part("train") if each.path == file])
    best = load_network(tmp_path / "student.ckpt")
    folder, known = tmp_path / deployed.folder, best.network.architecture
    with torch.inference_mode():
        expected = load_deployed(folder, known, 2)(clip.features)
    graph = read_tflite(folder / MODEL, known, 2)
    scale = graph.scales[graph.operators[-1].name]
    heard = scale.scale * (stream.logits() - float(scale.zero_point))
    np.testing.assert_allclose(heard, expected[0].numpy(), rtol=1e-6)
    assert abs(stream.posteriors().sum() - 1) < 0.01
    hearing = deployed.hearing
    assert hearing.measured_ram_bytes <= hearing.estimated_ram_bytes
    assert "front end of audio" in (tmp_path / "report.md").read_text()
    library = tmp_path / deployed.folder / deployed.packages[0] / "lmanet"
    assert (library / "src" / "lmanet_network_sound.c").is_file()
    assert "lmanet_check_heard" in (library / "examples" / "classify" / "check.h").read_text()


def waves(folder):
    """Settings of an experiment with small signals."""
    for part in ("TRAIN", "TEST"):
        rng = np.random.default_rng(len(part))
        rows = []
        for number in range(24):
            wave = np.sin(np.arange(60) * (0.3 + 0.6 * (number % 2)) + rng.uniform(0, 6))
            noisy = wave + rng.normal(0, 0.1, (3, 60))
            rows.append(":".join(",".join(f"{v:.4f}" for v in row) for row in noisy))
            rows[-1] += f":{('slow', 'fast')[number % 2]}"
        (folder / f"Waves_{part}.ts").write_text("@data\n" + "\n".join(rows))
    return f"data.root={folder}", "data.name=Waves", "data.windows.length=30"


def test_a_window_that_finds_no_room_on_the_board_is_refused_before_the_search(composed, tmp_path):
    few = "target.input_buffer_bytes=89"
    cfg = composed("+experiment=motion", *waves(tmp_path), few, f"folder={tmp_path / 'run'}")
    with pytest.raises(ConfigError, match="a window of the sensor has 90 bytes, and stm32f446"):
        Run(cfg).prepare()


def test_signals_are_searched_trained_and_deployed(composed, tmp_path):
    folder, data = tmp_path / "run", waves(tmp_path)
    packages = "deploy.packages=[arduino]"
    cfg = composed("+experiment=motion", *SHORT, *data, packages, f"folder={folder}")
    Run(cfg).start()
    best = load_network(folder / "student.ckpt").network
    assert best.architecture.input_shape == (3, 1, 30)
    assert (folder / "report.md").exists() and (folder / "examination.json").exists()
    deployed = RunFolder(folder).deployments.read()[-1].deployed
    assert deployed.hearing is None
    firmware = folder / deployed.folder / deployed.firmware
    assert (firmware / "network" / "network_moments.c").exists()
    assert (firmware / "SIGNALS.md").exists()
    library = folder / deployed.folder / deployed.packages[0] / "lmanet"
    assert "lmanet_push_moments" in (library / "src" / "lmanet_moments.h").read_text()
    assert "lmanet_check_felt" in (library / "examples" / "classify" / "check.h").read_text()
