"""How kernels are applied, timed and chosen, with real training steps."""

import gc
import logging
import multiprocessing
import weakref
from copy import deepcopy

import pytest
import torch

from lmanet.errors import ConfigError
from lmanet.network import Architecture, Stage
from lmanet.network.build import build
from lmanet.train.compute import Kernels, KernelTrial, applied
from lmanet.train.compute.figures import Figures, Timing, describe_workload

pytestmark = pytest.mark.slow  # trains

CPU = torch.device("cpu")
SHAPE = (4, 3, 16, 16)
BASE, CONTIGUOUS, COMPILED = Kernels(), Kernels(channels_last=False), Kernels(compile="default")


def network(channels: int = 8, block: str = "depthwise") -> torch.nn.Module:
    stage = Stage(
        block=block,
        channels=channels,
        kernel=3,
        stride=2,
        expansion=2,
        se_ratio=0.0,
        skip=False,
        activation="relu6",
        layers=1,
    )
    torch.manual_seed(0)
    return build(Architecture(resolution=16, stages=(stage,)), num_classes=5)


def figures(**step_seconds: tuple[float, list[float]]) -> Figures:
    names = {"base": BASE, "contiguous": CONTIGUOUS, "compiled": COMPILED}
    timings = {
        str(names[name]): Timing(startup_seconds=each[0], step_seconds=tuple(each[1]))
        for name, each in step_seconds.items()
    }
    return Figures(workload="a", timings=timings)


def test_a_faster_candidate_is_taken():
    known = figures(base=(0, [2.0] * 7), contiguous=(0, [1.5] * 7))
    assert known.decide((BASE, CONTIGUOUS), 100, margin=0.05) == CONTIGUOUS


@pytest.mark.parametrize(
    "contiguous",
    [[1.95] * 7, [1.0, 1.0, 1.0, 1.0, 1.0, 2.1, 2.1], [1.5] * 7],
    ids=[
        "by less than the margin",
        "in five rounds of seven",
        "while the machine slowed the first",
    ],
)
def test_noise_does_not_change_the_choice(contiguous):
    base = [2.0] * 7 if contiguous != [1.5] * 7 else [1.4, 1.4, 1.4, 1.4, 90.0, 90.0, 90.0]
    assert (
        figures(base=(0, base), contiguous=(0, contiguous)).decide(
            (BASE, CONTIGUOUS), 100, margin=0.05
        )
        == BASE
    )


def test_compilation_must_be_earned_back_by_the_steps_planned():
    known = figures(base=(0, [2.0] * 7), compiled=(100, [1.0] * 7))
    assert known.decide((BASE, COMPILED), 90, margin=0.05) == BASE
    assert known.decide((BASE, COMPILED), 200, margin=0.05) == COMPILED


def test_a_trial_is_held_once_for_each_class_and_leaves_no_trace(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    trial, first = KernelTrial(rounds=3, folder=tmp_path), network()
    weights, state = deepcopy(first.state_dict()), torch.get_rng_state()
    chosen = trial.choose(first, SHAPE, CPU, steps_planned=10)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, weights[name]) for name, value in first.state_dict().items())
    assert str(chosen) in caplog.text and "ms a step" in caplog.text
    caplog.clear()
    assert (
        KernelTrial(rounds=3, folder=tmp_path).choose(
            network(channels=9), SHAPE, CPU, steps_planned=10
        )
        == chosen
    )
    assert not caplog.records and len(list(tmp_path.glob("*.json"))) == 1
    trial.choose(network(channels=64), SHAPE, CPU, steps_planned=10)
    assert len(list(tmp_path.glob("*.json"))) == 2


def test_classes_tell_apart_what_runs_differently():
    same = describe_workload(network(8), SHAPE, CPU)
    others = [
        (network(64), SHAPE),
        (network(8, "mbconv"), SHAPE),
        (network(8), (8, 3, 16, 16)),
        (torch.nn.Linear(2, 2), SHAPE),
    ]
    texts = {describe_workload(each, shape, CPU) for each, shape in others}
    assert (
        len(texts) == 4 and same not in texts and describe_workload(network(9), SHAPE, CPU) == same
    )


def test_a_torn_file_costs_another_trial(tmp_path, caplog):
    trial = KernelTrial(candidates=[BASE], rounds=3, folder=tmp_path)
    trial.choose(network(), SHAPE, CPU, 10)
    (file,) = tmp_path.glob("*.json")
    file.write_text('{"timings": ')
    assert trial.choose(network(), SHAPE, CPU, 10) == BASE
    assert "taken anew" in caplog.text and Figures.model_validate_json(file.read_text()).timings


def choose_in_a_process(folder, results):
    results.put(str(KernelTrial(rounds=3, folder=folder).choose(network(), SHAPE, CPU, 10)))


def test_processes_share_one_trial(tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [
        context.Process(target=choose_in_a_process, args=(tmp_path, results)) for _ in range(2)
    ]
    for process in processes:
        process.start()
    assert len({results.get(timeout=120) for _ in processes}) == 1
    for process in processes:
        process.join()
        assert process.exitcode == 0


def test_without_a_compiler_the_others_remain(tmp_path, caplog):
    trial = KernelTrial(
        candidates=[BASE, COMPILED], rounds=3, compile_from_seconds=0, folder=tmp_path
    )
    with torch._inductor.config.patch({"cpp.cxx": ("no-such-compiler",)}):
        assert trial.choose(network(), SHAPE, CPU, 10) == BASE
    assert "channels_last,32-true,default are out" in caplog.text


def test_a_compiled_network_computes_the_same_and_stays_itself():
    plain, other = network(), network()
    images = torch.randn(SHAPE)
    with applied(COMPILED, other, CPU) as forward:
        logits = forward(images.contiguous(memory_format=torch.channels_last))
        logits.sum().backward()
    plain_logits = plain(images)
    plain_logits.sum().backward()
    torch.testing.assert_close(logits, plain_logits)
    for ours, theirs in zip(other.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)
    assert list(other.state_dict()) == list(plain.state_dict())


def test_compiled_networks_are_forgotten_after_their_training():
    alive = []
    for channels in (8, 9, 10):
        other = network(channels)
        alive.append(weakref.ref(other))
        with applied(COMPILED, other, CPU) as forward:
            forward(torch.randn(SHAPE)).sum().backward()
        del other, forward
    gc.collect()
    assert [each() for each in alive] == [None] * 3


def test_an_illegal_setting_names_the_legal_ones():
    with pytest.raises(ConfigError, match="bf16-mixed"):
        Kernels(precision="16-mixed")
    with pytest.raises(ConfigError, match="at least 3 rounds"):
        KernelTrial(rounds=2)


def test_slow_depthwise_gradients_are_kept_out_of_bfloat16_and_nothing_stays():
    net = network()  # its depthwise convolution has stride 2
    images = torch.randn(SHAPE).contiguous(memory_format=torch.channels_last)
    seen = {}
    depthwise = next(
        module
        for module in net.modules()
        if isinstance(module, torch.nn.Conv2d) and module.groups > 1
    )
    pointwise = next(
        module
        for module in net.modules()
        if isinstance(module, torch.nn.Conv2d) and module.groups == 1
    )
    for name, module in (("depthwise", depthwise), ("pointwise", pointwise)):
        module.register_forward_hook(
            lambda module, given, result, name=name: seen.update({name: result.dtype})
        )
    with (
        applied(Kernels(precision="bf16-mixed"), net, CPU) as forward,
        torch.autocast("cpu", torch.bfloat16),
    ):
        close = forward(images).float()
        assert depthwise.forward.func.__name__ == "_in_float32" and "forward" not in vars(pointwise)
    assert seen == {"depthwise": torch.float32, "pointwise": torch.bfloat16}
    assert "forward" not in vars(depthwise)
    assert torch.allclose(close, net(images), atol=0.05)
