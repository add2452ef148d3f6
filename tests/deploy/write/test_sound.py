"""The firmware's ears on an emulated core: the bits of training, sample by sample, and their cost.

tests/scripts/check_sound.py does the same with 100 clips.
"""

from dataclasses import replace

import numpy as np
import pytest

from lmanet.cost.c_runtime.plan import plan_c_static
from lmanet.deploy.run.elf import program_sizes
from lmanet.deploy.run.stream import SOURCES, EmulatedStream
from lmanet.deploy.run.toolchain import LINKER_SCRIPT, toolchain_named
from lmanet.deploy.write.program import write_program
from lmanet.deploy.write.sound import write_sound
from lmanet.errors import DeployError
from lmanet.network import Architecture
from lmanet.network.graph import operators
from lmanet.sound import FrontEnd
from lmanet.sound.cost import estimate_sound
from lmanet.sound.host import HostFrontEnd

pytestmark = pytest.mark.slow  # compiles and emulates
CLASSES = 3
# Short, as a call of the emulated core for each sample takes its time.
FRONT_ENDS = {
    "log_mel": FrontEnd(clip_ms=120, hop_frames=2, smoothed_windows=4),
    "mfcc": FrontEnd(clip_ms=120, hop_frames=5, kind="mfcc"),
    "other": FrontEnd(8000, 90, 16, 8, bands=16, low_hz=100, high_hz=3500, hop_frames=1),
}


def _clip(front_end: FrontEnd, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    time = np.arange(front_end.clip_samples) / front_end.sample_rate_hz
    tone = 8000 * rng.random() * np.sin(2 * np.pi * rng.uniform(100, 3000) * time)
    return np.round(tone + rng.normal(0, 500 * rng.random(), len(time))).astype(np.int16)


@pytest.fixture(scope="module", params=FRONT_ENDS)
def front_end(request):
    return FRONT_ENDS[request.param]


@pytest.fixture(scope="module")
def graph(front_end, integer_graph):
    stage = {
        **{"block": "conv", "channels": 8, "kernel": 3, "stride": 2, "expansion": 1},
        **{"se_ratio": 0.0, "skip": False, "activation": "relu6", "layers": 1},
    }
    architecture = Architecture(
        resolution=front_end.frames, width=front_end.columns, input_channels=1, stages=[stage]
    )
    made = integer_graph(operators(architecture, CLASSES))
    return replace(made, mean=(0.4,), std=(0.2,))


@pytest.fixture(scope="module")
def network(graph, front_end, tmp_path_factory):
    folder = tmp_path_factory.mktemp("firmware")
    write_program(graph, folder / "network")
    scale = graph.scales[graph.operators[-1].name].scale
    write_sound(folder, folder / "network", front_end, scale)
    return folder / "network"


@pytest.fixture(scope="module")
def stream(network, front_end):
    return EmulatedStream(network, front_end, toolchain_named("zig"))


def test_the_emulated_cores_features_are_those_of_training_to_the_bit(stream, front_end):
    clips = np.stack([_clip(front_end, seed) for seed in range(5)])
    for clip, trained_on in zip(clips, HostFrontEnd(front_end).features(clips), strict=True):
        assert np.array_equal(stream.features(clip), trained_on)


def test_a_clip_pushed_sample_by_sample_is_classified_as_the_network_classifies_it(
    stream, front_end, graph, on_host
):
    heard = _clip(front_end, 7)
    hop = front_end.hop_frames * front_end.step_samples
    more = np.concatenate((heard, _clip(front_end, 8)))[: len(heard) + 2 * hop]
    stream.forget()
    windows = []
    for place in range(len(more)):
        if stream.push(more[place : place + 1]):
            windows.append((place + 1, stream.logits()))
    length = front_end.window_samples + (front_end.frames - 1) * front_end.step_samples
    starts = range(0, len(more) - length + 1, hop)
    assert [end for end, _ in windows] == [start + length for start in starts]
    clips = np.stack([more[start : start + length] for start in starts])
    padded = np.pad(clips, ((0, 0), (0, front_end.clip_samples - length)))
    features = HostFrontEnd(front_end).features(padded)
    scale = graph.scales["input"]
    real = (np.arange(256) / 255 - graph.mean[0]) / graph.std[0]
    table = np.clip(np.round(real / scale.scale + scale.zero_point), -128, 127).astype(np.int8)
    expected = on_host(graph, table[features][..., None])
    assert np.array_equal(np.stack([logits for _, logits in windows]), expected)


def test_samples_may_come_in_pieces_of_any_size(stream, front_end):
    sound = np.concatenate([_clip(front_end, seed) for seed in (1, 2)])
    found = set()
    for piece in (700, len(sound)):
        stream.forget()
        windows = sum(stream.push(sound[i : i + piece]) for i in range(0, len(sound), piece))
        found.add((windows, stream.logits().tobytes(), stream.posteriors().tobytes()))
    assert len(found) == 1


def test_posteriors_are_the_mean_of_the_last_windows(stream, front_end, graph):
    stream.forget()
    sound = np.concatenate([_clip(front_end, seed) for seed in range(10, 16)])
    scale = graph.scales[graph.operators[-1].name].scale
    windows = []
    for place in range(0, len(sound), front_end.step_samples):
        if stream.push(sound[place : place + front_end.step_samples]):
            logits = stream.logits() * scale
            raised = np.exp(logits - logits.max())
            windows.append(raised / raised.sum())
    last = windows[-front_end.smoothed_windows :]
    assert len(windows) > front_end.smoothed_windows
    np.testing.assert_allclose(stream.posteriors(), np.mean(last, axis=0), atol=2e-4)


@pytest.mark.parametrize(("toolchain", "core"), [("zig", "cortex-m7"), ("gcc", "cortex-m4")])
def test_the_front_end_takes_no_more_than_is_reserved_for_it(
    network, graph, front_end, toolchain, core, tmp_path
):
    estimated = estimate_sound(front_end)
    stream = EmulatedStream(network, front_end, toolchain_named(toolchain), core)
    arena = plan_c_static(graph.operators).arena_bytes
    measured = stream.cost(arena)
    assert 0.8 * estimated.ram_bytes - 800 < measured.ram_bytes <= estimated.ram_bytes
    assert (
        0.3 * estimated.frame_instructions
        < measured.frame_instructions
        <= estimated.frame_instructions
    )
    # what is linked beside a main that runs the network alone
    main = tmp_path / "main.c"
    main.write_text('#include "network.h"\nint main(void) { lmanet_run(); return 0; }\n')
    sources = [each for each in network.glob("*.c") if each.stem not in ("camera", "lmanet_stream")]
    chain = toolchain_named(toolchain)
    sizes = []
    for linked in ([*sources, main, *SOURCES[:2]], [*network.glob("*.c"), *SOURCES]):
        elf = chain.link(linked, core, LINKER_SCRIPT, tmp_path / "a.elf")
        sizes.append(program_sizes(elf).flash_bytes)
    taken = sizes[1] - sizes[0]
    assert 0.5 * estimated.flash_bytes < taken <= estimated.flash_bytes


def test_a_hop_that_skips_sound_is_refused(tmp_path):
    with pytest.raises(DeployError, match="hop_frames=50"):
        write_sound(tmp_path, tmp_path, FrontEnd(hop_frames=50), 0.1)
