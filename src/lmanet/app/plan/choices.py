"""The one table of rules: facts of pictures and machine -> settings, each with its reason."""

from collections.abc import Callable, Sequence
from math import ceil
from typing import NamedTuple

SIDES = (32, 48, 64, 96, 128, 160)  # resolutions of the space mcu, pixels
MOST_SIDE_CPU = 64
VAL_SHARE = 0.15  # of the pictures that train or validate (conf/data/photos.yaml)
LEAST_VALIDATION = 20  # pictures of a class, below which a split says too little
FOLDS = 5
UNEQUAL = 3.0  # pictures of the largest class for one of the smallest
FEW, MANY = 1_000, 10_000  # pictures to train on
MOST_IN_SEARCH_CPU = 10_000  # pictures that a candidate is trained on
MINI_EPOCHS, FULL_EPOCHS, TEACHER_EPOCHS = 6, 15, 5
VIEWS = 10  # passes that a teacher is asked of
CANDIDATES = (6, 100)
WITHOUT_TEACHER = "[search,train,deploy,explain,evaluate,release,report]"


class Facts(NamedTuple):
    """What the choice goes by.

    Attributes:
        train: pictures to train on.
        smallest, largest: pictures of such a class that train or validate.
        side: median of the shorter sides, pixels.
        given_val: validation pictures have a folder of their own.
        workers: candidates that are trained at once.
        search: the run has one.
        teacher: its weights can be had.
        donor: shipped network to begin with; None where there is none.
        unlabelled: pictures without labels, which the student is taught on, too.
        channels: of a picture as networks read it.
        minutes: that the search may take.
        seconds: measured, of one candidate; None before that.
    """

    train: int
    smallest: int
    largest: int
    side: int
    given_val: bool = False
    gpu: bool = False
    workers: int = 1
    search: bool = True
    teacher: bool = True
    donor: str | None = None
    minutes: float = 20.0
    seconds: float | None = None
    unlabelled: int = 0
    channels: int = 3

    @property
    def batch(self) -> int:
        """Pictures a step."""
        return 32 if self.train < FEW else 64 if self.train < MANY else 128

    @property
    def in_search(self) -> int:
        """Pictures that a candidate is trained on."""
        return self.train if self.gpu else min(self.train, MOST_IN_SEARCH_CPU)

    @property
    def is_few(self) -> bool:
        """Too few to train without strong augmentation."""
        return self.train < FEW

    @property
    def candidates(self) -> int | None:
        """Networks that the search can train in its time; None where that was not measured."""
        if not self.seconds:
            return None
        wanted = int(60 * self.minutes * self.workers / self.seconds)
        return min(max(wanted, CANDIDATES[0]), CANDIDATES[1])

    @property
    def balance(self) -> float:
        """How many pictures the largest class has for one of the smallest."""
        return self.largest / max(1, self.smallest)

    @property
    def folds(self) -> int:
        """Trainings of a candidate, each validated on other pictures."""
        if self.given_val or round(VAL_SHARE * self.smallest) >= LEAST_VALIDATION:
            return 1
        return max(1, min(FOLDS, self.smallest))


class Passes(NamedTuple):
    """Passes over the pictures: epochs, and passes in each."""

    epochs: int
    repeats: int

    @property
    def all(self) -> int:
        """Of the whole training."""
        return self.epochs * self.repeats


def passes(steps: int, pictures: int, batch: int, epochs: int, least: int) -> Passes:
    """So many passes that the optimiser takes about ``steps`` steps.

    Args:
        epochs: into which they are divided where they are many; each ends with a validation.
        least: passes in any case.
    """
    wanted = max(least, ceil(steps / max(1, pictures // batch)))
    return Passes(wanted, 1) if wanted <= epochs else Passes(epochs, ceil(wanted / epochs))


def mini(facts: Facts) -> Passes:
    """Of a candidate of the search; of each fold, where there are several."""
    steps = 600 if facts.gpu else 250 if facts.folds == 1 else 150
    return passes(steps, facts.in_search, facts.batch, MINI_EPOCHS, least=3)


def full(facts: Facts) -> Passes:
    """Of the best of the front."""
    return passes(6000 if facts.gpu else 1200, facts.train, facts.batch, FULL_EPOCHS, least=10)


def student(facts: Facts) -> Passes:
    """Of the best of the front once more, with a teacher."""
    taught = facts.train + facts.unlabelled
    return passes(6000 if facts.gpu else 1200, taught, facts.batch, FULL_EPOCHS, least=10)


def teacher(facts: Facts) -> Passes:
    """Of the teacher that is fine-tuned."""
    return passes(1000 if facts.gpu else 200, facts.train, 32, TEACHER_EPOCHS, least=2)


class Choice(NamedTuple):
    """A setting, its value as it is typed, and why."""

    setting: str
    value: str
    why: str


class Rule(NamedTuple):
    """One line of the table.

    Attributes:
        settings: that get the value.
        value: facts -> the value as it is typed; None leaves what conf/ says.
        why: facts -> the reason, one line.
    """

    settings: tuple[str, ...]
    value: Callable[[Facts], object]
    why: Callable[[Facts], str]


TEACHER = ("distill.",)  # settings that a run without one does not read
SEARCH = ("train.mini.recipe.", "budget.")  # likewise
BOTH = ("train.mini.recipe", "train.full.recipe")
STUDENTS = (*BOTH, "distill.trainer.recipe")


def _of(recipes: Sequence[str], name: str) -> tuple[str, ...]:
    return tuple(f"{recipe}.{name}" for recipe in recipes)


RULES = (
    Rule(
        ("data.resolution",),
        lambda f: max(
            [s for s in SIDES if s <= f.side and (f.gpu or s <= MOST_SIDE_CPU)] or SIDES[:1]
        ),
        lambda f: (
            f"half of the pictures have {f.side} pixels or fewer"
            + ("" if f.gpu else f"; at most {MOST_SIDE_CPU} without a GPU")
        ),
    ),
    Rule(
        ("target",),
        lambda f: "stm32h743" if f.gpu else None,
        lambda f: "a GPU trains networks of 100 million MACs in minutes; name your own board",
    ),
    Rule(
        _of(STUDENTS, "batch_size"),
        lambda f: f.batch,
        lambda f: f"{f.train:,} pictures to train on",
    ),
    Rule(
        ("train.mini.recipe.images",),
        lambda f: f.in_search if f.in_search < f.train else None,
        lambda f: f"a candidate needs no more than {MOST_IN_SEARCH_CPU:,} without a GPU",
    ),
    Rule(
        ("train.mini.recipe.epochs",),
        lambda f: mini(f).epochs,
        lambda f: f"{mini(f).all} passes over the pictures, for a few hundred steps",
    ),
    Rule(
        ("train.mini.recipe.repeats",),
        lambda f: mini(f).repeats,
        lambda f: "passes in an epoch; few pictures need few validations",
    ),
    Rule(
        ("train.full.recipe.epochs",),
        lambda f: full(f).epochs,
        lambda f: f"{full(f).all} passes over the pictures",
    ),
    Rule(
        ("distill.trainer.recipe.epochs",),
        lambda f: student(f).epochs,
        lambda f: (
            f"{student(f).all} passes over the pictures"
            + (f", {f.unlabelled:,} without labels among them" if f.unlabelled else "")
        ),
    ),
    Rule(
        ("train.full.recipe.repeats",),
        lambda f: full(f).repeats,
        lambda f: "passes in an epoch",
    ),
    Rule(
        ("distill.trainer.recipe.repeats",),
        lambda f: student(f).repeats,
        lambda f: "passes in an epoch",
    ),
    Rule(
        ("train.full.recipe.patience",),
        lambda f: max(3, full(f).epochs // 3) if f.is_few else None,
        lambda f: "epochs without a lower validation loss end the training: few pictures overfit",
    ),
    Rule(
        _of(STUDENTS[1:], "augment.auto_augment"),
        lambda f: "trivial_wide" if f.is_few else None,
        lambda f: f"fewer than {FEW:,} pictures: strong augmentation",
    ),
    Rule(
        _of(STUDENTS[1:], "augment.random_erasing"),
        lambda f: 0.25 if f.is_few else None,
        lambda f: f"fewer than {FEW:,} pictures: strong augmentation",
    ),
    Rule(
        ("train.mini.recipe.folds",),
        lambda f: f.folds if f.folds > 1 else None,
        lambda f: (
            f"a split would leave fewer than {LEAST_VALIDATION} validation pictures in the "
            "smallest class: k-fold validation"
        ),
    ),
    Rule(
        _of(STUDENTS, "balance"),
        lambda f: 1.0 if f.balance >= UNEQUAL else None,
        lambda f: f"the largest class has {f.balance:.1f} times the pictures of the smallest",
    ),
    Rule(
        ("pareto",),
        lambda f: "balanced_accuracy_macs_sram" if f.balance >= UNEQUAL else None,
        lambda f: "classes are unequal: each counts alike in the search",
    ),
    Rule(
        ("train.mini.donor",),
        lambda f: f.donor,
        lambda f: "networks begin with the weights of a shipped network",
    ),
    Rule(
        ("stages",),
        lambda f: None if f.teacher else WITHOUT_TEACHER,
        lambda f: "no distillation, as there is no teacher",
    ),
    Rule(
        ("distill.teacher.trainer.recipe.epochs",),
        lambda f: teacher(f).epochs,
        lambda f: f"{teacher(f).all} passes to fine-tune the teacher",
    ),
    Rule(
        ("distill.teacher.trainer.recipe.repeats",),
        lambda f: teacher(f).repeats,
        lambda f: "passes in an epoch",
    ),
    Rule(
        ("distill.trainer.recipe.views",),
        lambda f: min(VIEWS, student(f).all),
        lambda f: "passes that the teacher is asked of, and that come again",
    ),
    Rule(
        ("budget.trained",),
        lambda f: f.candidates,
        lambda f: (
            f"{f.minutes:g} minutes of search, {f.workers} at once, {f.seconds or 0:.0f} s a "
            f"candidate (measured); at least {CANDIDATES[0]}, at most {CANDIDATES[1]}"
        ),
    ),
)


def choose(facts: Facts) -> list[Choice]:
    """The settings that the rules give, in the order of the table."""
    unused = (*(() if facts.teacher else TEACHER), *(() if facts.search else SEARCH))
    chosen = []
    for rule in RULES:
        if (value := rule.value(facts)) is not None:
            names = [name for name in rule.settings if not name.startswith(unused)]
            chosen += [Choice(name, str(value), rule.why(facts)) for name in names]
    return chosen
