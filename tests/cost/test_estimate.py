"""Cost by hand: MACs, parameters, flash, and peak SRAM by liveness."""

import pytest

import lmanet
from lmanet.cost import Cost, estimate
from lmanet.cost.memory import live_bytes
from lmanet.errors import ArchitectureError, ConfigError
from lmanet.network import load_architecture
from lmanet.network.graph import operators


def test_a_depthwise_stage_by_hand(make):
    """3 x 32 x 32 image, 3x3 depthwise, 1x1 to 16 channels, 10 classes.

    MACs: 1024 x 3 x 9 = 27,648; 1024 x 3 x 16 = 49,152; 16 x 10 = 160.
    Parameters: 27 + 2 x 3; 48 + 2 x 16; 160 + 10.
    Live: 3,072 + 3,072; 3,072 + 16,384; 16,384 + 16; 16 + 10.
    Flash: 27 + 12 x 3; 48 + 12 x 16; 160 + 12 x 10.
    """
    assert estimate(make(), 10, "plain") == Cost(
        macs=76_960,
        params=33 + 80 + 170,
        runtime="plain",
        peak_sram_bytes=19_456,
        flash_bytes=63 + 240 + 280,
        peak_operator="stage1.0.project",
    )
    assert list(live_bytes(operators(make(), 10))) == [6_144, 19_456, 16_400, 26]


def test_a_skip_keeps_its_tensor_alive(make):
    """8 channels at 8 x 8 = 512 bytes after the stem; expanded four times: 2,048.

    stem: 192 x 1 + 512 (8 x 8 image: 192 bytes)
    expand: 512 + 2,048; depthwise: 512 + 2,048 + 2,048 = 4,608, the peak; project: 512 + 2,048 +
    512; add: 512 + 512 + 512.
    """
    stem = {"channels": 8, "kernel": 3, "stride": 1, "activation": "relu6"}
    stage = {"block": "mbconv", "expansion": 4, "channels": 8}
    skip, plain = (make({**stage, "skip": skip}, resolution=8, stem=stem) for skip in (True, False))
    assert list(live_bytes(operators(skip, 10))) == [704, 2_560, 4_608, 3_072, 1_536, 520, 18]
    assert list(live_bytes(operators(plain, 10))) == [704, 2_560, 4_096, 2_560, 520, 18]
    assert estimate(skip, 10, "plain").peak_operator == "stage1.0.depthwise"


def test_a_projected_skip_has_both_branches_alive(make):
    """Image 192 bytes; depthwise 192; project to 16 x 64 = 1,024; skip reads the image again; add
    reads both branches.

    depthwise: 192 + 192; project: 192 + 192 + 1,024; skip: 192 + 1,024 + 1,024; add: 3 x 1,024.
    """
    network = make({"skip": True}, resolution=8)
    assert list(live_bytes(operators(network, 10))) == [384, 1_408, 2_240, 3_072, 1_040, 26]
    # MACs: 64 x 27; 64 x 48 twice; 160
    assert estimate(network, 10, "plain").macs == 1_728 + 2 * 3_072 + 160


def test_squeeze_and_excitation_by_hand(make):
    """Depthwise on 3 channels at 8 x 8, gate of max(1, int(3 x 0.5)) = 1 hidden channel.

    Live: 192 + 192 depthwise; + 3 mean (the image is gone); 192 + 3 + 1 reduce; 192 + 1 + 3 expand;
    192 + 3 + 192 scale; 192 + 1,024 project; 1,024 + 16 pool; 16 + 10 linear. MACs: 1,728
    depthwise, 3 + 3 gate, 3,072 project, 160 linear. Parameters: 27 + 6; 3 + 1; 3 + 3; 48 + 32;
    170.
    """
    network = make({"se_ratio": 0.5}, resolution=8)
    assert list(live_bytes(operators(network, 10))) == [384, 195, 196, 196, 387, 1_216, 1_040, 26]
    cost = estimate(network, 10, "plain")
    assert (cost.macs, cost.params) == (1_728 + 6 + 3_072 + 160, 33 + 4 + 6 + 80 + 170)
    # weights 27, 3, 3, 48, 160 and 12 bytes for each of 3, 1, 3, 16, 10 channels
    assert cost.flash_bytes == 241 + 12 * 33


def test_a_conv_stage_by_hand(make):
    """3 x 8 x 8 image, twice a 3x3 convolution to 16 channels, the second with a skip.

    MACs: 64 x 27 x 16 = 27,648; 64 x 144 x 16 = 147,456; 160. Parameters: 432 + 32; 2,304 + 32;
    170. Live: 192 + 1,024; 1,024 + 1,024; 3 x 1,024; 1,024 + 16; 16 + 10.
    """
    network = make(
        {"block": "conv", "skip": True, "layers": 2, "se_ratio": 0.5, "expansion": 6}, resolution=8
    )
    assert list(live_bytes(operators(network, 10))) == [1_216, 2_048, 3_072, 1_040, 26]
    cost = estimate(network, 10, "plain")
    assert (cost.macs, cost.params) == (27_648 + 147_456 + 160, 464 + 2_336 + 170)
    assert cost.flash_bytes == 432 + 2_304 + 160 + 12 * (16 + 16 + 10)
    # columns of 27 and 144 inputs in whole words; 64 bytes a call, and two tables of 256 words for
    # the sum
    assert (
        estimate(network, 10).flash_bytes
        == 16 * (28 + 12) + 16 * (144 + 12) + 10 * (16 + 12) + 4 * 64 + 2 * 1024 + 24
    )


def test_a_fused_stage_by_hand(make):
    """3 x 8 x 8 image, a 3x3 convolution at stride 2 to 2 x 3 channels, gate of 3 hidden channels,
    1x1 to 16 channels.

    MACs: 16 x 27 x 6 = 2,592; 18 + 18; 16 x 6 x 16 = 1,536; 160. Parameters: 162 + 12; 18 + 3; 18 +
    6; 96 + 32; 170. Live: 192 + 96; 96 + 6; 96 + 6 + 3; 96 + 3 + 6; 96 + 6 + 96; 96 + 256; 256 +
    16; 16 + 10.
    """
    network = make({"block": "fused", "expansion": 2, "stride": 2, "se_ratio": 0.5}, resolution=8)
    assert list(live_bytes(operators(network, 10))) == [288, 102, 105, 105, 198, 352, 272, 26]
    cost = estimate(network, 10, "plain")
    assert (cost.macs, cost.params) == (2_592 + 36 + 1_536 + 160, 174 + 21 + 24 + 128 + 170)


def test_stem_stride_and_head_by_hand(make):
    """Stem 3x3 to 8 channels at stride 2 on 16 x 16: 64 x 27 x 8 = 13,824; stage at stride 2: 16 x
    72 + 16 x 8 x 16 = 3,200; head to 32 channels: 16 x 16 x 32 = 8,192; linear 32 x 10.
    """
    stem = {"channels": 8, "kernel": 3, "stride": 2, "activation": "relu6"}
    network = make(
        {"stride": 2}, resolution=16, stem=stem, head={"channels": 32, "activation": "relu6"}
    )
    cost = estimate(network, 10, "plain")
    assert cost.macs == 13_824 + 3_200 + 8_192 + 320
    # the image and the stem's output: 768 + 512
    assert (cost.peak_sram_bytes, cost.peak_operator) == (1_280, "stem.conv")


@pytest.mark.parametrize(
    ("name", "params", "macs", "peak_kib"),
    [
        ("lmanet_elite", 497_997, 81_963_264, 200),
        ("lmanet_core", 453_220, 76_432_000, 300),
        ("qwnet_core", 154_749, 67_051_008, 400),
    ],
)
def test_the_published_networks(name, params, macs, peak_kib):
    cost = estimate(load_architecture(name), 100, "plain")
    assert (cost.params, cost.macs, cost.peak_sram_bytes) == (params, macs, peak_kib * 1024)


def test_a_wider_classifier_costs_its_own_weights(make):
    narrow, wide = estimate(make(), 10, "plain"), estimate(make(), 100, "plain")
    assert wide.macs - narrow.macs == 90 * 16
    assert wide.params - narrow.params == 90 * 17
    assert wide.flash_bytes - narrow.flash_bytes == 90 * (16 + 12)


def test_padding_changes_neither_macs_nor_memory_of_even_sizes(make):
    same, torch = (
        estimate(make({"stride": 2, "kernel": 5}, padding=padding), 10, "plain")
        for padding in ("same", "torch")
    )
    assert same == torch


def test_a_runtime_that_is_unknown_is_refused_with_the_legal_ones():
    with pytest.raises(
        ConfigError, match=r"runtime='tfml' is unknown; legal are c_static, tflm, plain"
    ):
        lmanet.estimate(lmanet.load_architecture("lmanet_core"), num_classes=100, runtime="tfml")


@pytest.mark.parametrize("call", [lmanet.estimate, lmanet.build], ids=["estimate", "build"])
@pytest.mark.parametrize(
    ("architecture", "num_classes", "says"),
    [
        (
            "lmanet_core",
            10,
            r'str "lmanet_core" is no architecture; pass what lmanet.load_architecture',
        ),
        (None, 0, "num_classes=0 is no whole number of at least 1"),
        (None, 10.0, "num_classes=10.0 is no whole number"),
        (None, True, "num_classes=true is no whole number"),
        (None, "10", 'num_classes="10" is no whole number'),
    ],
)
def test_what_no_network_can_be_made_of_is_named(call, architecture, num_classes, says):
    with pytest.raises(ArchitectureError, match=says):
        call(architecture or lmanet.load_architecture("lmanet_core"), num_classes)


def test_a_space_or_an_architecture_that_is_unknown_lists_the_shipped_ones():
    with pytest.raises(
        ConfigError, match="space 'lmanett' is neither one of lmanet, mcu nor a file"
    ):
        lmanet.load_space("lmanett")
    with pytest.raises(
        ArchitectureError,
        match=(
            "architecture 'elite' is neither one of cifar100_record, lmanet_core, lmanet_elite, "
            "qwnet_core nor a file"
        ),
    ):
        lmanet.load_architecture("elite")
