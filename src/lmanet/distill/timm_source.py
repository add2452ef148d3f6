"""A teacher of timm: any model, with weights from the hub, from a local file, or drawn afresh."""

import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import timm
import torch
from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError
from safetensors import SafetensorError
from timm.data.config import resolve_model_data_config
from timm.models import load_state_dict
from torch import Tensor, nn

from lmanet.distill.matching import differences, match
from lmanet.distill.teacher import Reading, Teacher, class_order
from lmanet.errors import ConfigError
from lmanet.network.weights import refuse_compressed, why_unreadable
from lmanet.steps import ImageData

log = logging.getLogger(__name__)
HUB_FILES = ("model.safetensors", "pytorch_model.bin")  # in the order in which timm looks
# Arguments of timm.create_model that say by other ways which file is read.
WAYS_TO_WEIGHTS = ("checkpoint_path", "pretrained_cfg", "pretrained_cfg_overlay", "cache_dir")
CORRECT = "correct its checkpoint in distill.teacher"
HUB_SECONDS = 5.0  # for the answer to one question, before a run


@dataclass(frozen=True)
class TeacherSource:
    """Which model of timm is the teacher, and where its weights come from.

    Attributes:
        name: of any timm model (``timm.list_models()``).
        checkpoint: local weights, .safetensors or .pth. They are taken by name, or in order where
            the names are others than timm's and all shapes agree. A classifier of another width
            than the data's is dropped, and the teacher is then fine-tuned.
        pretrained: timm's own weights, from the Hugging Face hub; the teacher is then fine-tuned.
        resolution: height and width, pixels, of its input; None is what the model is made for.
        timm_options: more arguments of ``timm.create_model``, such as ``img_size``.
        mean, std: of each RGB channel, for pixels in 0..1; None is what the model is made for.
    """

    name: str = "vit_base_patch16_224"
    checkpoint: str | None = None
    pretrained: bool = False
    resolution: int | None = None
    timm_options: Mapping[str, Any] = field(default_factory=dict)
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None

    @property
    def origin(self) -> str:
        """Where its weights come from, as given."""
        return str(self.checkpoint or ("Hugging Face hub" if self.pretrained else "fresh weights"))

    def require(self, data: ImageData) -> None:
        """Find out whether `build` will work, without a download.

        Raises:
            ConfigError: as `build`; the hub has no such weights, or cannot be reached.
        """
        self._check()
        if self.pretrained:
            require_hub(self.name)
        elif self.checkpoint:
            data.setup("fit")  # for the names of the classes
            self.build(data)

    def build(self, data: ImageData) -> tuple[Teacher, bool]:
        """The teacher, and whether its classifier has been trained on the data's classes.

        Raises:
            ConfigError: no such model, or its weights cannot be had or do not fit.
        """
        self._check()
        weights = _read(self.checkpoint, data) if self.checkpoint else None
        classes = weights.classes if weights else None
        model = self._create(len(classes or data.classes))
        fitted = self._load(model, weights) if weights else False
        order = class_order(self.name, classes, data) if fitted else None
        own = resolve_model_data_config(model)
        resolution = self.resolution or int(own["input_size"][-1])
        reading = Reading(
            self.mean or own["mean"], self.std or own["std"], resolution, bicubic=True
        )
        return Teacher(model, data, reading, order), fitted

    def with_weights(self, checkpoint: str) -> "TeacherSource":
        """The same model with local weights."""
        return replace(self, checkpoint=checkpoint, pretrained=False)

    def _check(self) -> None:
        if self.pretrained and self.checkpoint:
            raise ConfigError(
                "the teacher has both pretrained=true and a checkpoint; keep one of them in "
                "distill.teacher"
            )
        if not timm.is_model(self.name):
            near = (
                ", ".join(timm.list_models(f"*{self.name.split('_')[0]}*")[:5])
                or "see timm.list_models()"
            )
            raise ConfigError(
                f"timm has no model {self.name!r}; correct its name in distill.teacher ({near})"
            )

        if of_weights := sorted({*self.timm_options} & {*WAYS_TO_WEIGHTS}):
            raise ConfigError(
                f"timm_options has {', '.join(of_weights)}, by which timm reads files of its own "
                "choice; name weights by checkpoint or pretrained (distill.teacher)"
            )

    def _create(self, num_classes: int) -> nn.Module:
        options = {"num_classes": num_classes, **self.timm_options}
        try:
            model: nn.Module = timm.create_model(self.name, pretrained=self.pretrained, **options)
        except TypeError as error:
            raise ConfigError(
                f"timm's {self.name} refuses timm_options of distill.teacher: {error}"
            ) from error
        except Exception as error:  # hub, network and disk each raise their own
            if not self.pretrained:
                raise
            raise _not_to_be_had(self.name, error) from error
        return model

    def _load(self, model: nn.Module, weights: "_Weights") -> bool:
        """Load the checkpoint; whether its classifier fitted."""
        wanted, heads = model.state_dict(), _classifiers(model)
        found = match(wanted, weights.tensors, heads)
        if found is None:
            wrong = differences(wanted, weights.tensors, heads)
            raise ConfigError(
                f"{self.checkpoint} does not fit {self.name}: {len(wrong)} tensors differ, such as "
                f"{wrong[0]}; {CORRECT}"
            )
        if found.renamed:
            log.info(
                "%s names its %d tensors otherwise than timm's %s, such as %s for %s; kinds and "
                "shapes agree one to one, so they are taken in order",
                *(self.checkpoint, len(weights.tensors), self.name, *found.renamed),
            )
        fitted = found.fitted and not weights.of_others
        kept = {
            name: each
            for name, each in found.tensors.items()
            if fitted or not name.startswith(heads)
        }
        model.load_state_dict(kept, strict=False)
        return fitted


class _Weights(NamedTuple):
    """What a file holds.

    Attributes:
        classes: their names, where the file is of an earlier run and all of the data are among
            them.
        of_others: it names classes, and not all of the data's, so that its classifier is of no use.
    """

    tensors: dict[str, Tensor]
    classes: tuple[str, ...] | None
    of_others: bool


def require_hub(name: str) -> None:
    """Find out whether timm's weights of a model are in the cache, or can be had from the hub.

    Raises:
        ConfigError: there are none, or they cannot be reached.
    """
    known = timm.get_pretrained_cfg(name, allow_unregistered=False)
    if known is None or not known.has_weights:
        raise ConfigError(
            f"timm has no weights of {name}; choose one of timm.list_pretrained(), or set "
            "checkpoint to a local file and pretrained to false (distill.teacher)"
        )
    if not known.hf_hub_id:
        return  # from the author's own server, which answers no such question
    repository, _, revision = known.hf_hub_id.partition("@")
    at: dict[str, Any] = {"revision": revision or None}
    names = (known.hf_hub_filename,) if known.hf_hub_filename else HUB_FILES
    if any(isinstance(try_to_load_from_cache(repository, each, **at), str) for each in names):
        return
    fault: Exception | None = None
    for each in names:
        try:
            get_hf_file_metadata(hf_hub_url(repository, each, **at), timeout=HUB_SECONDS)
            return
        except EntryNotFoundError as error:
            fault = error
        except Exception as error:  # hub and network each raise their own
            raise _not_to_be_had(name, error) from error
    raise _not_to_be_had(name, fault) from fault


def _not_to_be_had(name: str, error: Exception | None) -> ConfigError:
    return ConfigError(
        f"the weights of {name} cannot be had from the Hugging Face hub ({type(error).__name__}); "
        "connect to the internet, or download them elsewhere and set checkpoint to the file and "
        "pretrained to false (distill.teacher)"
    )


def _read(checkpoint: str, data: ImageData) -> _Weights:
    """The tensors of a file, as timm or we write it."""
    if not Path(checkpoint).is_file():
        raise ConfigError(f"no teacher's checkpoint at {checkpoint}; {CORRECT}")
    try:
        refuse_compressed(Path(checkpoint))
        with warnings.catch_warnings(action="ignore"):  # of files that are refused
            given = load_state_dict(checkpoint, weights_only=True)
            whole = (
                {}
                if checkpoint.endswith(".safetensors")
                else torch.load(checkpoint, "cpu", weights_only=True)
            )
        tensors = {name: each for name, each in given.items() if isinstance(each, Tensor)}
        names = whole.get("classes")
    except ConfigError:
        raise
    except Exception as error:  # torch and safetensors raise many kinds for a file not theirs
        reason = str(error) if isinstance(error, SafetensorError) else why_unreadable(error)
        raise ConfigError(f"{checkpoint} cannot be read as weights: {reason}; {CORRECT}") from None
    if not tensors:
        raise ConfigError(
            f"{checkpoint} holds no weights at its top, nor under state_dict or model; {CORRECT}"
        )
    classes = tuple(map(str, names)) if isinstance(names, list) else None
    of_others = classes is not None and not set(data.classes) <= set(classes)
    return _Weights(tensors, None if of_others else classes, of_others)


def _classifiers(model: nn.Module) -> tuple[str, ...]:
    """Prefixes of the parameters whose width is the number of classes."""
    names = vars(model)["pretrained_cfg"]["classifier"]
    return tuple(f"{name}." for name in ([names] if isinstance(names, str) else names))
