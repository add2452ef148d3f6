"""The best networks as things that others can use: safetensors with a model card, ONNX, int8 files, and models of timm.

Importing it registers ``lmanet``, ``lmanet_elite``, ``lmanet_core`` and ``qwnet_core`` with timm.
"""

from lmanet.release.timm_models import register
from lmanet.release.timm_network import TimmNetwork

__all__ = ["TimmNetwork", "register"]
