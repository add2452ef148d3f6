"""A network -> an ONNX file that takes any number of images."""

import json
from importlib import import_module
from pathlib import Path

import torch

from lmanet.errors import ConfigError
from lmanet.network.weights import Checkpoint


def write_onnx(checkpoint: Checkpoint, path: Path, opset: int) -> None:
    """Export to one file: ``images`` (N, channels, height, width), normalised, -> ``logits`` (N,
    classes).

    Its metadata ``mean``, ``std`` and ``labels`` are JSON.

    Raises:
        ConfigError: a package of the extra ``release`` is missing.
    """
    try:
        import onnx

        import_module("onnxscript")  # torch's exporter needs it
    except ImportError as error:
        raise ConfigError(
            f"an ONNX file needs the package {error.name}: pip install 'lmanet[release]'"
        ) from error
    shape = checkpoint.network.architecture.input_shape
    torch.onnx.export(
        checkpoint.network.eval(),
        (torch.zeros(2, *shape),),  # of a single image torch would take the number for fixed
        path,
        dynamo=True,
        external_data=False,
        verbose=False,
        opset_version=opset,
        input_names=["images"],
        output_names=["logits"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
    )
    model = onnx.load(path)
    described = {"mean": checkpoint.mean, "std": checkpoint.std, "labels": checkpoint.classes}
    onnx.helper.set_model_props(
        model, {name: json.dumps(value) for name, value in described.items()}
    )
    onnx.save(model, path)
    onnx.checker.check_model(path, full_check=True)
