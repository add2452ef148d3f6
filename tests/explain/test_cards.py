"""What the page shows of each network, against the records of its trial."""

import json

import pytest

from lmanet.explain import Report
from lmanet.explain.cards import make_cards, network_file
from lmanet.explain.facts.contents import read_run
from lmanet.explain.facts.facts import Facts
from lmanet.network import load_architecture, parse_architecture
from lmanet.run.folder import RunFolder
from lmanet.run.records import Status
from lmanet.space import architecture_id


def test_every_trained_network_has_one_and_the_front_comes_first(finished_run, setting, tmp_path):
    run = finished_run
    cards = make_cards(Facts(run, setting), tmp_path)
    trained = {trial.number for trial in run.trials if trial.status is Status.TRAINED}
    assert {card.number for card in cards} == trained and len(cards) == len(trained)
    on_front = [card.number for card in cards if card.on_front]
    assert (
        on_front
        == [trial.number for trial in run.front.trials]
        == [card.number for card in cards[: len(on_front)]]
    )


def test_a_card_says_of_its_network_what_its_trial_says(finished_run, setting, tmp_path):
    trial, card = (
        finished_run.front.trials[0],
        make_cards(Facts(finished_run, setting), tmp_path)[0],
    )
    cost = trial.verdict.cost
    assert (card.id, card.macs, card.params, card.curve) == (
        trial.id,
        cost.macs,
        cost.params,
        trial.score.curve,
    )
    assert card.costs[0] == ("MACs (M)", f"{cost.macs / 1e6:.2f}", cost.macs / 6e6)
    assert card.costs[3] == ("parameters", f"{cost.params:,}", None)  # no limit on them
    assert sum(part.macs for part in card.parts) == cost.macs
    assert any(part.is_peak and cost.peak_operator.startswith(part.name) for part in card.parts)
    assert card.text == "A skip keeps the gradient." and len(card.claims) == 2
    assert card.origin == f"candidate {trial.number}, proposed by SmolLM2-135M-Instruct"


@pytest.mark.slow
def test_its_command_names_a_file_of_that_network(make_run, setting):
    folder = make_run(20)
    Report(setting).run(RunFolder(folder))
    run = read_run(RunFolder(folder))
    for card in make_cards(Facts(run, setting), folder):
        path = folder / "networks" / f"{card.id}.json"
        assert card.retrain == f"python run.py resume={folder} 'stages=[train]' arch={path}"
        assert architecture_id(load_architecture(path)) == card.id
        assert architecture_id(parse_architecture(json.loads(card.architecture))) == card.id
    assert {path.name for path in (folder / "networks").iterdir()} == {
        network_file(folder, trial).name for trial in run.trials if trial.status is Status.TRAINED
    }
