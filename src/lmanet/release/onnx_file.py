"""A network -> an ONNX file that takes any number of images."""

import logging
import warnings
from pathlib import Path

import torch

from lmanet.errors import ConfigError
from lmanet.space.weights import Checkpoint


def write_onnx(checkpoint: Checkpoint, path: Path, opset: int) -> None:
    """Export to one file: ``images`` (N, 3, R, R), normalised, -> ``logits`` (N, classes).

    Raises:
        ConfigError: a package of the extra ``release`` is missing.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401  by way of torch's exporter
    except ImportError as error:
        raise ConfigError(f"an ONNX file needs the package {error.name}: pip install 'lmanet[release]'") from error
    network, size = checkpoint.network.eval(), checkpoint.network.architecture.resolution
    images = torch.zeros(2, 3, size, size)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    logging.getLogger("onnxscript").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's exporter about itself
        torch.onnx.export(
            network,
            (images,),
            path,
            dynamo=True,
            external_data=False,
            verbose=False,
            opset_version=opset,
            input_names=["images"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
        )
    onnx.checker.check_model(path, full_check=True)
