"""Teacher: any timm model, brought to the classes and the pixels of the data."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import timm
import torch
from timm.data.config import resolve_model_data_config
from timm.models import load_state_dict
from torch import Tensor, nn
from torch.nn import functional

from lmanet.errors import ConfigError
from lmanet.space.weights import why_unreadable
from lmanet.steps import ImageData

log = logging.getLogger(__name__)


class Teacher(nn.Module):
    """A timm model that takes the images as the data module normalises them: (N, 3, H, W) of any size -> logits (N, classes).

    Args:
        model: the timm model.
        data: whose normalisation is undone, for the model has its own.
        resolution: height and width, pixels, that the images are brought to; None is what the model is made for.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, model: nn.Module, data: ImageData, resolution: int | None = None) -> None:
        super().__init__()
        own = resolve_model_data_config(model)  # type: ignore[no-untyped-call]
        self.model = model
        self.resolution = resolution or int(own["input_size"][-1])
        # (x * std + mean - own_mean) / own_std as one product and one sum
        self.register_buffer("scale", (torch.tensor(data.std) / torch.tensor(own["std"])).view(3, 1, 1))
        shift = (torch.tensor(data.mean) - torch.tensor(own["mean"])) / torch.tensor(own["std"])
        self.register_buffer("shift", shift.view(3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        images = images * self.scale + self.shift
        if images.shape[-2:] != (self.resolution, self.resolution):
            shrinking = self.resolution < min(images.shape[-2:])
            images = functional.interpolate(images, (self.resolution, self.resolution), mode="bicubic", antialias=shrinking)
        logits: Tensor = self.model(images)
        return logits

    def extra_repr(self) -> str:
        return f"resolution={self.resolution}"


@dataclass(frozen=True)
class TeacherSource:
    """Which model is the teacher, and where its weights come from.

    Attributes:
        name: of any timm model (``timm.list_models()``).
        checkpoint: local weights, .safetensors or .pth, as timm or we write them; a classifier of another width than the data's
            is dropped, and the teacher is then fine-tuned.
        pretrained: timm's own weights, from the Hugging Face hub; the teacher is then fine-tuned.
        resolution: height and width, pixels, of its input; None is what the model is made for.
        timm_options: more arguments of ``timm.create_model``, such as ``img_size``.
    """

    name: str = "vit_base_patch16_224"
    checkpoint: str | None = None
    pretrained: bool = False
    resolution: int | None = None
    timm_options: Mapping[str, Any] = field(default_factory=dict)

    def build(self, data: ImageData) -> tuple[Teacher, bool]:
        """The teacher, and whether its classifier has been trained on as many classes as the data has.

        Raises:
            ConfigError: no such model, or its weights cannot be had or do not fit.
        """
        model = self._create(data.num_classes)
        fitted = self._load(model) if self.checkpoint else False
        return Teacher(model, data, self.resolution), fitted

    def _create(self, num_classes: int) -> nn.Module:
        if self.pretrained and self.checkpoint:
            raise ConfigError("the teacher has both pretrained=true and a checkpoint; keep one of them (distill.teacher.source)")
        if not timm.is_model(self.name):
            near = ", ".join(timm.list_models(f"*{self.name.split('_')[0]}*")[:5]) or "see timm.list_models()"
            raise ConfigError(f"timm has no model {self.name!r}; correct distill.teacher.source.name ({near})")
        try:
            model: nn.Module = timm.create_model(self.name, pretrained=self.pretrained, num_classes=num_classes, **dict(self.timm_options))
        except TypeError as error:
            raise ConfigError(f"timm's {self.name} refuses distill.teacher.source.timm_options: {error}") from error
        except Exception as error:  # hub, network and disk each raise their own
            if not self.pretrained:
                raise
            raise ConfigError(
                f"the weights of {self.name} cannot be had from the Hugging Face hub ({type(error).__name__}); connect to the internet, "
                "or download them elsewhere and set distill.teacher.source.checkpoint to the file and pretrained to false"
            ) from error
        return model

    def _load(self, model: nn.Module) -> bool:
        """Load the checkpoint; whether its classifier fitted."""
        where = "correct distill.teacher.source.checkpoint"
        if not Path(str(self.checkpoint)).is_file():
            raise ConfigError(f"no teacher's checkpoint at {self.checkpoint}; {where}")
        try:
            given = load_state_dict(str(self.checkpoint), weights_only=True)
        except Exception as error:  # torch and safetensors raise many kinds for a file that is not theirs
            raise ConfigError(f"{self.checkpoint} cannot be read as weights: {why_unreadable(error)}; {where}") from None
        wanted = model.state_dict()
        head = {name for name in wanted if name.startswith(_classifiers(model))}
        fitted = all(name in given and given[name].shape == wanted[name].shape for name in head)
        kept = {name: tensor for name, tensor in given.items() if fitted or not name.startswith(_classifiers(model))}
        wrong = {name for name in wanted.keys() ^ kept.keys() if fitted or name not in head}
        wrong |= {name for name in wanted.keys() & kept.keys() if wanted[name].shape != kept[name].shape}
        if wrong:
            raise ConfigError(f"{self.checkpoint} does not fit {self.name}: {len(wrong)} tensors differ, such as {min(wrong)}; {where}")
        model.load_state_dict(kept, strict=False)
        return fitted


def _classifiers(model: nn.Module) -> tuple[str, ...]:
    """Prefixes of the parameters whose width is the number of classes."""
    names = model.pretrained_cfg["classifier"]  # type: ignore[index]
    return tuple(f"{name}." for name in ([names] if isinstance(names, str) else names))
