"""The best network as things that others can use: safetensors with a model card, ONNX, int8 files,
and models of timm.
"""

from lmanet.release.stage import Release
from lmanet.release.timm_models import register
from lmanet.release.timm_network import TimmNetwork

__all__ = ["Release", "TimmNetwork", "register"]
