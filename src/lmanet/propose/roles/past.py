"""What the roles look up in the trials, kept from one request to the next."""

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from lmanet.propose.roles.niches import Niche
from lmanet.run.growing import Growing
from lmanet.run.records import Status, Trial
from lmanet.space import AnyCost, SearchSpace, Value
from lmanet.space.protocol import changed

MOST_CENTRES = 16  # networks whose surroundings are kept: more than parents of all roles and niches


class Place(NamedTuple):
    """Of an eligible trial in a ranking; the number decides between equals."""

    distance: float
    loss: float
    number: int
    trial: Trial


class Past:
    """The trials so far: ranked, and by what they differ.

    Args:
        space: of their networks.

    Attributes:
        ids: of all networks that were proposed.
        noted: the newest trial that bears a note of the strategist.
        reached: choice -> value, as text -> accuracies of the eligible trials that have it.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.ids: dict[str, None] = {}
        self.noted: Trial | None = None
        self.reached: dict[str, dict[str, list[float]]] = {}
        self._eligible: list[int] = []  # numbers, rising
        self._rankings: dict[Niche | None, list[Place]] = {None: []}
        self._trained: list[Trial] = []
        self._written: dict[int, Mapping[str, Value]] = {}
        self._around: dict[int, list[tuple[Trial, Mapping[str, Value]]]] = {}

    def add(self, trial: Trial) -> None:
        """Take in a trial that has ended or paused."""
        if trial.id:
            self.ids[trial.id] = None
        if trial.proposal.note and (self.noted is None or trial.number >= self.noted.number):
            self.noted = trial
        if trial.eligible:
            insort(self._eligible, trial.number)
            for band, ranking in self._rankings.items():
                insort(ranking, _place(trial, band), key=_order)
            if trial.architecture:
                for name, value in self.choices(trial).items():
                    of_value = self.reached.setdefault(name, {})
                    of_value.setdefault(str(value), []).append(accuracy(trial))
        if trial.status is Status.TRAINED and trial.architecture:
            self._trained.append(trial)
            for number, around in self._around.items():
                self._compare(around, self._written[number], trial)

    def ranked(self, band: Niche | None = None) -> Sequence[Place]:
        """Eligible trials: those nearest to the band first, of equals the most accurate."""
        if band not in self._rankings:
            places = [_place(place.trial, band) for place in self._rankings[None]]
            self._rankings[band] = sorted(places, key=_order)
        return self._rankings[band]

    @property
    def note(self) -> str:
        """The newest; empty where there is none."""
        return self.noted.proposal.note or "" if self.noted else ""

    @property
    def eligible_since_note(self) -> int:
        """Eligible trials from the one with the newest note on."""
        since = self.noted.number if self.noted else 0
        return len(self._eligible) - bisect_left(self._eligible, since)

    def choices(self, trial: Trial) -> Mapping[str, Value]:
        """Of its network, as a prompt writes them; written once."""
        if trial.number not in self._written:
            assert trial.architecture is not None
            self._written[trial.number] = self.space.write_choices(trial.architecture)
        return self._written[trial.number]

    def around(self, centre: Trial) -> Sequence[tuple[Trial, Mapping[str, Value]]]:
        """Trained networks that differ from a trained one in one choice, and that choice; in the
        order in which they ended.
        """
        found = self._around.pop(centre.number, None)
        if found is None:
            found = []
            for trial in self._trained:
                self._compare(found, self.choices(centre), trial)
        self._around[centre.number] = found
        if len(self._around) > MOST_CENTRES:
            del self._around[next(iter(self._around))]
        return found

    def _compare(
        self,
        around: list[tuple[Trial, Mapping[str, Value]]],
        centre: Mapping[str, Value],
        trial: Trial,
    ) -> None:
        if len(found := changed(centre, self.choices(trial))) == 1:
            around.append((trial, found))


def follow(space: SearchSpace) -> Growing[Past]:
    """Looks up the past of any history; one that goes on costs what is new in it."""
    start: Callable[[], Past] = partial(Past, space)
    return Growing(start, Past.add)


def cost_of(trial: Trial) -> AnyCost:
    """By formula, of a network within the limits."""
    assert trial.verdict is not None and trial.verdict.cost is not None
    return trial.verdict.cost


def accuracy(trial: Trial) -> float:
    """On validation images, of a trained network."""
    assert trial.score is not None
    return trial.score.val_accuracy


def _place(trial: Trial, band: Niche | None) -> Place:
    return Place(
        band.distance(cost_of(trial)) if band else 0.0, -accuracy(trial), trial.number, trial
    )


def _order(place: Place) -> tuple[float, float, int]:
    return place[:3]
