from lmanet.explain.facts.ledger import answers_to_stalls, by_role, by_status
from lmanet.run.records import Epoch, Proposal, Score, Status, Trial, Usage, Verdict


def trial(
    number: int, status: Status, role: str | None = "rank", price: float | None = None, **fields
) -> Trial:
    usage = Usage(
        prompt_tokens=100,
        cached_tokens=60,
        completion_tokens=10,
        requests=2,
        retries=1,
        seconds=0.5,
        price=price,
    )
    stalled = fields.pop("stalled_for", None)
    proposal = Proposal(proposer="model", usage=usage, role=role, stalled_for=stalled)
    common = {
        "number": number,
        "status": status,
        "seed": 0,
        "started_at": "",
        "seconds": 1.0,
        "elapsed_seconds": 1.0,
    }
    return Trial(**{"proposal": proposal, **common, **fields})


def test_what_proposals_cost_by_status():
    rows = {
        row.name: row
        for row in by_status(
            [
                trial(0, Status.TRAINED, price=0.5),
                trial(1, Status.TIMED_OUT),
                trial(2, Status.TRAINED),
            ]
        )
    }
    assert list(rows) == ["trained", "timed out", "all"]
    assert rows["trained"].trials == 2 and rows["trained"].usage == Usage(
        prompt_tokens=200,
        cached_tokens=120,
        completion_tokens=20,
        requests=4,
        retries=2,
        seconds=1.0,
        price=0.5,
    )
    assert rows["all"].usage.tokens == 330 and rows["timed out"].usage.price is None


def test_epochs_are_counted_where_trials_are():
    epoch = Epoch(epoch=0, train_loss=1, val_loss=1, val_accuracy=0.5, seconds=1)
    paused, ended = (
        Score(val_accuracy=0.5, seconds=1, curve=[epoch] * epochs) for epochs in (1, 3)
    )
    rows = by_status(
        [
            trial(0, Status.PAUSED, score=paused),
            trial(1, Status.TRAINED, score=ended),
            trial(2, Status.REJECTED),
        ]
    )
    assert {row.name: row.epochs for row in rows} == {
        "paused": 1,
        "trained": 3,
        "rejected": 0,
        "all": 4,
    }


def test_what_each_role_came_to():
    verdict, score = Verdict(accepted=True), Score(val_accuracy=0.7, seconds=1.0)
    trials = [
        trial(0, Status.TRAINED, verdict=verdict, score=score),
        trial(1, Status.UNPARSABLE, unseen_trials=1),
        trial(
            2,
            Status.TRAINED,
            "generate",
            verdict=verdict,
            score=Score(val_accuracy=0.6, seconds=1.0),
        ),
        trial(3, Status.TRAINED, None, verdict=verdict, score=score),
    ]
    rank, generate = by_role(trials)
    assert (rank.name, rank.trials, rank.valid, rank.useful, rank.stale, rank.best_accuracy) == (
        "rank",
        2,
        1,
        1,
        1,
        0.7,
    )
    assert (generate.name, generate.best_accuracy) == ("generate", 0.6)


def test_an_answer_to_a_stall_is_told_once():
    trials = [
        trial(n, Status.TRAINED, stalled_for=stalled)
        for n, stalled in enumerate((None, 5, 6, None, 5))
    ]
    assert [t.number for t in answers_to_stalls(reversed(trials))] == [1, 4]
