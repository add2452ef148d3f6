"""What is off about a training although it ended: its figures look right and may mean nothing."""

from collections.abc import Iterator

from lmanet.base import Notice

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
