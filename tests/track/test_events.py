"""events.jsonl: what is written when, and what a resumed run does with it."""

import json

from lmanet.run.brief import Budget
from lmanet.track import EventLog


def read(folder) -> list[dict]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def test_every_event_is_a_line(tmp_path, trials, tell):
    tell(EventLog(tmp_path), trials, budget=Budget(proposals=4, tokens=99))
    events = read(tmp_path)
    names = [event["event"] for event in events]
    assert names == [
        "search_start",
        *["trial_end", "front_change", "trial_end", "trial_end", "trial_end", "front_change"],
        "search_end",
    ]
    limits = {
        "proposals": 4,
        "trained": None,
        "seconds": None,
        "tokens": 99,
        "training_seconds": None,
        "epochs": None,
    }
    assert events[0]["trials"] == 0 and events[0]["budget"] == limits
    assert {key: events[3][key] for key in ("number", "status", "id")} == {
        "number": 1,
        "status": "rejected",
        "id": trials[1].id,
    }
    assert events[6]["ids"] == [trials[3].id, trials[0].id] and events[6]["hypervolume"] == 0.2
    seconds = [event["elapsed_seconds"] for event in events]
    assert seconds == sorted(seconds) and seconds[0] >= 0


def test_a_line_is_on_the_disk_when_the_listener_returns(tmp_path, trials):
    events = EventLog(tmp_path)
    events.on_search_start([], Budget(proposals=4))
    events.on_trial_end(trials[0])
    assert read(tmp_path)[-1]["number"] == 0


def test_a_resumed_run_appends_and_drops_a_torn_line(tmp_path, trials, tell):
    tell(EventLog(tmp_path), trials[:3])
    whole = (tmp_path / "events.jsonl").read_bytes()
    (tmp_path / "events.jsonl").write_bytes(whole + b'{"event": "trial_e')
    tell(EventLog(tmp_path), trials[3:], before=trials[:3])
    assert (tmp_path / "events.jsonl").read_bytes().startswith(whole)
    events = read(tmp_path)
    assert events[-4]["event"] == "search_start" and events[-4]["trials"] == 3


def test_a_file_that_is_one_torn_line_is_begun_anew(tmp_path, trials, tell):
    (tmp_path / "events.jsonl").write_bytes(b'{"event"')
    tell(EventLog(tmp_path), trials[:1])
    assert read(tmp_path)[0]["event"] == "search_start"
