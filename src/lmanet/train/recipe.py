"""Recipe: how a network is trained."""

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import zeros
from torch.nn import Parameter
from torch.optim import Optimizer

from lmanet.errors import ConfigError
from lmanet.steps import Augmentation
from lmanet.train.compute import KernelChoice, Kernels
from lmanet.train.schedules import Schedule

# Name of a setting, its least value, and what to say of it.
LEAST = (
    ("epochs", 1, ""),
    ("batch_size", 2, ", for batch norm"),
    ("batch_norm_images", 0, ", which keeps the averages of the training"),
    ("views", 1, ", or null for as many as there are epochs"),
    ("images", 2, ", or null for all"),
    ("repeats", 1, ""),
    ("patience", 1, ", or null for a training to its end"),
    ("folds", 1, ", which is one division of the images"),
)


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
        epochs: passes over the training images.
        batch_size: images a step.
        optimizer: parameters -> optimizer; its ``lr`` is the peak that ``schedule`` scales.
        schedule: learning rate over the epochs.
        augment: what is done to training images; None leaves them.
        label_smoothing: share of the target that is spread over all classes, 0 to below 1.
        dropout: probability before the classifier, 0 to below 1.
        decay_norms: whether weight decay pulls at batch norm and biases, too.
        ema_decay: of the exponential moving average of weights that is validated and kept, above 0
            and below 1; it begins lower. None is off: the last weights count.
        batch_norm_images: training images, without augmentation, from which batch norm's running
            averages are taken anew before each validation; more than there are is all of them. 0
            keeps the averages of the training, which lag behind after few steps.
        views: distinct epochs: after so many the same augmented images come again in the same
            order; None is never. What a teacher says of them can then be stored.
        again: what is done to the images of a view once more, in each epoch anew: where views come
            again, no two epochs are alike. What a teacher says of a view is mixed as its images
            are; what is done to each for itself it has not seen. None is nothing.
        repeats: passes over the training images in an epoch, each augmented anew: few images then
            take few epochs, and few validations.
        patience: end the training after so many epochs without a lower validation loss; None goes
            on to the end. The last weights count all the same, so average them (``ema_decay``).
        balance: how much more an image of a rare class counts: the loss of each has the weight
            (mean count / count of its class) ** balance. 0 is off, with 1 all classes count alike.
        folds: candidates of a search are trained so many times, each on other parts of the images,
            and each image validates once: the score is of all images (stratified k-fold).
        images: train on so many of the training images, in proportion to the classes and the same
            for all; None is all.
        max_seconds: a training that takes longer is given up; None is no limit.
        kernels: memory format, precision and compilation: forced, or chosen by a trial on the
            machine at hand.
        accelerator: of Lightning's trainer: ``auto``, ``cpu``, ``gpu``.
    """

    epochs: int
    batch_size: int
    optimizer: Callable[..., Optimizer]
    schedule: Schedule
    augment: Augmentation | None = None
    label_smoothing: float = 0.0
    dropout: float = 0.0
    decay_norms: bool = False
    ema_decay: float | None = None
    batch_norm_images: int = 1024
    views: int | None = None
    again: Augmentation | None = None
    images: int | None = None
    repeats: int = 1
    patience: int | None = None
    balance: float = 0.0
    folds: int = 1
    max_seconds: float | None = None
    kernels: KernelChoice = field(default_factory=Kernels)
    accelerator: str = "auto"

    def __post_init__(self) -> None:
        for name, least, words in LEAST:
            given = getattr(self, name)
            if given is not None and given < least:
                raise ConfigError(
                    f"{name}={given} must be at least {least}{words}; correct the recipe in conf/"
                )
        for name in ("label_smoothing", "dropout", "ema_decay"):
            if not 0 <= (getattr(self, name) or 0) < 1:
                raise ConfigError(
                    f"{name}={getattr(self, name)} must be 0 to below 1; correct the recipe in "
                    "conf/"
                )
        if not 0 <= self.balance <= 1:
            raise ConfigError(
                f"balance={self.balance} must be 0, which is off, to 1; correct the recipe in conf/"
            )
        if self.max_seconds is not None and self.max_seconds <= 0:
            raise ConfigError(
                f"max_seconds={self.max_seconds} must be above 0, or null for no limit; correct "
                "the recipe in conf/"
            )
        self.schedule(0.0, self.epochs)  # says so now if it does not fit
        try:
            self.optimizer([Parameter(zeros(1))])
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"the optimizer does not take its settings: {error}; correct the recipe's "
                "optimizer in conf/"
            ) from error
