"""What Optuna's genetic samplers propose does not change by what is hidden from them, and what they
go through for a proposal does not grow.
"""

import numpy as np
import optuna
import pytest
from optuna.samplers import NSGAIIISampler, NSGAIISampler, TPESampler
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

from lmanet.propose.baselines.generations import Generations, storage_for

pytestmark = pytest.mark.filterwarnings(
    "ignore::optuna.exceptions.ExperimentalWarning"  # of NSGA-III and of constraints
)
GENETIC = [NSGAIISampler, NSGAIIISampler]
POPULATION, TRIALS, WORKERS = 6, 90, 5


@pytest.fixture(params=GENETIC, ids=lambda each: each.__name__)
def sampler(request):
    return request.param(seed=0, population_size=POPULATION)


def searched(storage: InMemoryStorage, sampler) -> tuple[list[dict[str, int]], list[int]]:
    """What was asked for, and how many trials were listed, where several trials are under way at a
    time, end in any order, and some fail.
    """
    study = optuna.create_study(storage=storage, directions=["minimize"] * 2, sampler=sampler)
    rng, running, asked, listed = np.random.default_rng(0), [], [], []
    for _ in range(TRIALS):
        running.append(study.ask())
        drawn = {name: running[-1].suggest_int(name, 0, 9) for name in ("x", "y", "z")}
        asked.append(drawn)
        listed.append(len(storage.get_all_trials(0, deepcopy=False)))
        if len(running) == WORKERS:
            ended = running.pop(int(rng.integers(WORKERS)))
            x, y, z = ended.params.values()
            if rng.random() < 0.2:
                study.tell(ended, state=TrialState.FAIL)
                continue
            ended.set_constraint("z", z - 7)
            study.tell(ended, [x + z, (9 - x) + y])
            if isinstance(storage, Generations):
                storage.renew(study, ended.number)
    return asked, listed


def test_a_genetic_sampler_proposes_the_same_where_old_generations_are_hidden(sampler):
    again = type(sampler)(seed=0, population_size=POPULATION)
    assert searched(Generations(), sampler)[0] == searched(InMemoryStorage(), again)[0]


def test_what_is_listed_stays_few_however_long_the_study(sampler):
    _, listed = searched(Generations(), sampler)
    assert max(listed) <= 2 * (POPULATION + WORKERS) < TRIALS
    assert max(listed[TRIALS // 2 :]) <= max(listed[: TRIALS // 2]) + WORKERS


def test_all_trials_are_listed_to_samplers_that_may_read_them():
    class Mine(NSGAIISampler):
        pass

    assert not isinstance(storage_for(TPESampler(seed=0)), Generations)
    assert not isinstance(storage_for(Mine(seed=0)), Generations)
    assert all(isinstance(storage_for(each(seed=0)), Generations) for each in GENETIC)
