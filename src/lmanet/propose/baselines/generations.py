"""Generations: what Optuna's genetic samplers still read of a study. All else is hidden from them,
so that a proposal costs the same however long the study is.
"""

import copy
from collections.abc import Container, Sequence

from optuna import Study
from optuna.samplers import BaseGASampler, BaseSampler, NSGAIIISampler, NSGAIISampler
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState


class Generations(InMemoryStorage):
    """Keeps all trials of one study, and lists three kinds of them: unfinished ones, completed ones
    of the newest generation, and the parents of that generation.

    The newest generation is the highest with a completed trial. An earlier one is never read again,
    as Optuna keeps the parents of a generation from its first trial on. So proposals are those of a
    storage that lists all trials.
    """

    def __init__(self) -> None:
        super().__init__()
        self._listed: dict[int, int] = {}  # number -> id, rising
        self._newest = 0

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        created = super().create_new_trial(study_id, template_trial)
        self._listed[self.get_trial_number_from_id(created)] = created
        return created

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        if state.is_finished() and state is not TrialState.COMPLETE:
            del self._listed[self.get_trial_number_from_id(trial_id)]
        return super().set_trial_state_values(trial_id, state, values)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        listed = [self.get_trial(each) for each in self._listed.values()]
        found = [trial for trial in listed if states is None or trial.state in states]
        return copy.deepcopy(found) if deepcopy else found

    def renew(self, study: Study, number: int) -> None:
        """Hide what the study's trial ``number``, which is now complete, makes old."""
        sampler = study.sampler
        assert isinstance(sampler, BaseGASampler)
        trial = self.get_trial(self._listed[number])
        generation = sampler.get_trial_generation(study, trial)
        if generation < self._newest:
            del self._listed[number]
        if generation <= self._newest:
            return
        self._newest = generation
        parents = sampler.get_parent_population(study, generation)
        kept = {number, *(parent.number for parent in parents)}
        self._listed = {
            each: identity
            for each, identity in self._listed.items()
            if each in kept or not self.get_trial(identity).state.is_finished()
        }


def storage_for(sampler: BaseSampler) -> InMemoryStorage:
    """Of a study with this sampler; all trials are listed where it is not known what it reads."""
    genetic = type(sampler) in (NSGAIISampler, NSGAIIISampler)
    return Generations() if genetic else InMemoryStorage()
