"""What is wrong with a training as it is set, and what is off about one although it ended."""

from collections.abc import Iterator

from lmanet.base import Notice
from lmanet.errors import ConfigError

# Below it a candidate's accuracy is much noise: with 15 steps candidates hardly differ
# (docs/results.md).
FEW_STEPS = 100


def notices(predicted_classes: int | None, epochs: int, batches: int) -> Iterator[Notice]:
    """The notices of a training; their texts are the same for all candidates, so that each is said
    once.

    Args:
        predicted_classes: different classes among the predictions for the validation images; None
            is not known.
        epochs: of the recipe, whether or not it pauses before.
        batches: steps of the optimiser in an epoch.
    """
    if predicted_classes == 1:
        yield Notice(
            kind="one_class",
            text="a network predicts one class for all validation images, so its "
            "accuracy says nothing; "
            "train for more epochs, or look at the images and the learning rate "
            "(the recipe in conf/)",
        )
    if (steps := epochs * batches) < FEW_STEPS:
        yield Notice(
            kind="few_steps",
            text=f"a training has {steps} steps (epochs={epochs} of {batches} batches "
            f"each), fewer than {FEW_STEPS}: "
            "its accuracy says little; raise epochs, lower batch_size (the recipe "
            "in conf/) or add images",
        )


def require_a_stop_before_the_end(epochs: int, end: int) -> None:
    """Raises `ConfigError` where a training of ``end`` epochs would not be over after ``epochs``:
    it would count as paused for ever.
    """
    if epochs >= end:
        raise ConfigError(
            f"promote.rungs: a candidate cannot pause after {epochs} epochs, as its training ends "
            f"after {end}; give fewer (conf/promote/halving.yaml), or a longer recipe (conf/train)"
        )
