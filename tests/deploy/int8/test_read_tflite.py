"""An int8 file is read back as it was written, and nothing is taken that another has put in."""

from dataclasses import replace

import numpy as np
import pytest

from lmanet.deploy.int8.graph import Scale
from lmanet.deploy.int8.read_tflite import read_tflite
from lmanet.deploy.write.flatbuffer import FILE_IDENTIFIER, tflite_schema
from lmanet.deploy.write.program import write_program
from lmanet.deploy.write.tflite import write_tflite
from lmanet.errors import DeployError
from lmanet.network import parse_architecture
from lmanet.network.graph import operators

STAGE = {"block": "mbconv", "channels": 4, "kernel": 3, "stride": 1, "expansion": 2, "layers": 1}
ACTIVATIONS = ("relu6", "leaky_relu", "swish", "hard_swish")
NUM_CLASSES = 10


@pytest.fixture(params=[*ACTIVATIONS, "torch"])
def network(request):
    """With squeeze-and-excitation, a sum, and both kinds of padding."""
    torch = request.param == "torch"
    stage = STAGE | {"activation": "relu6" if torch else request.param, "se_ratio": 0.5}
    return parse_architecture(
        {
            "resolution": 12,
            "padding": "torch" if torch else "same",
            "stem": {"channels": 4, "kernel": 3, "stride": 2, "activation": "relu6"},
            "stages": [stage | {"skip": True}, stage | {"channels": 6, "stride": 2, "skip": False}],
        }
    )


@pytest.fixture
def written(network, integer_graph, tmp_path):
    graph = integer_graph(operators(network, NUM_CLASSES))
    scales = {
        name: Scale(float(np.float32(scale.scale)), scale.zero_point)
        for name, scale in graph.scales.items()
    }
    graph = replace(graph, scales=scales, labels=tuple(map(str, range(NUM_CLASSES))))
    path = tmp_path / "model_int8.tflite"
    path.write_bytes(write_tflite(graph, "run"))
    return graph, path


def changed(path, change):
    """The file with a change in one of its tensors or buffers."""
    import flatbuffers

    model = tflite_schema().ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    change(model)
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
    path.write_bytes(bytes(builder.Output()))


def test_the_c_of_a_file_is_the_c_that_was_deployed(network, written, tmp_path):
    graph, path = written
    write_program(graph, tmp_path / "deployed")
    write_program(read_tflite(path, network, NUM_CLASSES), tmp_path / "anew")
    for deployed in (tmp_path / "deployed").iterdir():
        assert (tmp_path / "anew" / deployed.name).read_bytes() == deployed.read_bytes()


def shorten(model):
    longest = max(model.buffers, key=lambda each: 0 if each.data is None else len(each.data))
    longest.data = longest.data[:-4]


def endless_scale(model):
    model.subgraphs[0].tensors[0].quantization.scale = [float("inf")]


def another_shape(model):
    model.subgraphs[0].tensors[0].shape = [1, 64, 64, 3]


def one_tensor_less(model):
    model.subgraphs[0].tensors.pop()


@pytest.mark.parametrize("change", [shorten, endless_scale, another_shape, one_tensor_less])
def test_a_tensor_of_another_size_or_scale_is_refused(network, written, change):
    _, path = written
    changed(path, change)
    with pytest.raises(DeployError, match="is no int8 file of this network"):
        read_tflite(path, network, NUM_CLASSES)


def test_a_file_of_another_network_a_cut_one_and_none_are_refused(network, written):
    _, path = written
    with pytest.raises(DeployError, match="is no int8 file of this network"):
        read_tflite(path, network, NUM_CLASSES + 1)
    content = path.read_bytes()
    for piece in (content[: len(content) // 2], b"", b"TFL3" * 40):
        path.write_bytes(piece)
        with pytest.raises(DeployError, match=r"is no int8 file of this network|no metadata entry"):
            read_tflite(path, network, NUM_CLASSES)
    path.unlink()
    with pytest.raises(DeployError, match="No such file"):
        read_tflite(path, network, NUM_CLASSES)
