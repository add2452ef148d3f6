"""What the user sees, on a terminal and elsewhere."""

import io
import logging
import re

import pytest
from rich.console import Console

from lmanet.run.brief import Budget
from lmanet.run.records import Status
from lmanet.track import Progress
from lmanet.track.live import ShortLines
from lmanet.track.progress import line


@pytest.fixture
def terminal() -> Console:
    return Console(
        file=io.StringIO(), force_terminal=True, width=120, color_system=None, legacy_windows=False
    )


@pytest.fixture
def file() -> Console:
    return Console(file=io.StringIO(), force_terminal=False, width=120)


def test_the_live_view_shows_where_the_search_stands(terminal, trials):
    progress = Progress(terminal)
    progress.on_search_start([], Budget(proposals=40, trained=10, tokens=50_000))
    for trial in trials:
        progress.on_trial_end(trial)
    progress.on_front_change([trials[3], trials[0]], 0.4321)
    probe = Console(width=120, color_system=None, file=io.StringIO())
    with probe.capture() as view:
        probe.print(progress._view())
    progress.on_search_end(trials, [trials[3]])
    for words in (
        "proposals 4/40, trained 2/10",
        "2 trained · 1 rejected · 1 unparsable",
        "best 80.0% on validation · hypervolume 0.432 · 4,800 of 50,000 tokens",
        "gone, about 0:00:",
    ):
        assert words in view.get()


def test_the_view_is_really_drawn_and_taken_down(terminal, trials, tell):
    progress = Progress(terminal)
    tell(progress, trials)
    assert progress.live is None
    drawn = terminal.file.getvalue()
    assert "proposals 4/10" in drawn
    assert "Pareto front" in drawn and "SRAM of c_static" in drawn
    assert "┘" in drawn.splitlines()[-2], "the table stays, the live view is gone"


def test_a_warning_during_the_search_stands_above_the_live_view(trials):
    class Tty(io.StringIO):
        def isatty(self) -> bool:
            return True

    shown = Tty()
    handler = logging.StreamHandler(shown)
    logging.getLogger().addHandler(handler)
    progress = Progress(
        Console(file=shown, force_terminal=True, width=120, color_system=None, legacy_windows=False)
    )
    try:
        progress.on_search_start([], Budget(proposals=40))
        progress.live.refresh()
        drawn = shown.getvalue()
        logging.getLogger("lmanet").warning("the pixels do not vary")
        said = shown.getvalue().removeprefix(drawn)
        progress.on_search_end([], [])
    finally:
        logging.getLogger().removeHandler(handler)
    before, after = said.split("the pixels do not vary")
    assert before.count("\x1b[2K") == 3 and not before.endswith("K\n"), (
        "the view's three lines are erased first"
    )
    assert "proposals 0/40" in after, "and drawn again below"
    assert handler.stream is shown


def test_elsewhere_each_trial_is_one_plain_line(file, trials, tell, caplog):
    caplog.set_level(logging.INFO, "lmanet")
    tell(Progress(file), trials)
    lines = caplog.messages
    assert len(lines) == 4
    assert lines[0].startswith(
        f"candidate 0 trained {trials[0].id}, 50.0% on validation in 3 s; best 50.0% on validation"
    )
    assert lines[1].startswith(f"candidate 1 rejected {trials[1].id}: macs=9 exceeds 5; best 50.0%")
    assert lines[2].startswith("candidate 2 unparsable: no JSON in the reply; best")
    assert "\x1b" not in file.file.getvalue()


def test_a_resumed_search_says_so(file, trials, tell, caplog):
    caplog.set_level(logging.INFO, "lmanet")
    tell(Progress(file), trials[3:], before=trials[:3])
    assert caplog.messages[0] == "goes on after 3 trials"
    assert "2 trained · 1 rejected · 1 unparsable" in file.file.getvalue()


def test_the_front_is_a_table_at_the_end(file, trials, tell):
    tell(Progress(file), trials)
    shown = file.file.getvalue()
    cost = trials[3].verdict.cost
    for value in (
        "80.0%",
        f"{cost.macs / 1e6:,.2f}",
        f"{cost.peak_sram_bytes / 1024:,.1f}",
        f"{cost.params:,}",
        trials[3].id,
    ):
        assert value in shown


def test_an_empty_front_is_explained(file):
    progress = Progress(file)
    progress.on_search_start([], Budget(proposals=1))
    progress.on_search_end([], [])
    assert "empty: no network within the limits was trained" in file.file.getvalue()
    assert "no candidate yet" in file.file.getvalue()


def test_one_view_shows_all_stages_with_the_time_left(terminal, trials):
    progress = Progress(terminal, {"search": 60.0, "teacher": 20.0, "report": 10.0})
    probe = Console(width=80, color_system=None, file=io.StringIO())
    with progress.showing([["search", "teacher"], ["report"]]):
        live = progress.live
        progress.on_stages_start()
        progress.on_search_start([], Budget(proposals=40, trained=10))
        progress.on_trial_end(trials[0])
        with probe.capture() as searching:
            probe.print(progress._view())
        progress.on_search_end(trials, [trials[3]])
        progress.on_stages_start()
        logging.getLogger("lmanet").warning("epoch 1/3: " + "a long line " * 10)
        with probe.capture() as reporting:
            probe.print(progress._view())
        assert progress.live is live, "the view of the search is that of the run"
    assert progress.live is None
    assert "1 of 2: search, teacher" in searching.get() and "left" in searching.get()
    assert "proposals 1/40, trained 1/10" in searching.get()
    assert "2 of 2: report" in reporting.get() and "epoch 1/3" in reporting.get()
    assert len(reporting.get().splitlines()) == 2, "a long line is cut, not wrapped"
    drawn = terminal.file.getvalue()
    assert "In all about 0:01:10 on two idle CPU cores" in drawn


def test_the_view_ends_where_the_run_breaks_off(terminal):
    progress = Progress(terminal)
    with pytest.raises(KeyError), progress.showing([["train"]]):
        raise KeyError("broken")
    assert progress.live is None


def test_a_line_for_a_terminal_has_the_time_and_what_is_no_news():
    lines = ShortLines()
    news = logging.LogRecord("lmanet.train", logging.INFO, "", 0, "epoch 1/3", (), None)
    warning = logging.LogRecord("lmanet.train", logging.WARNING, "", 0, "no images", (), None)
    assert re.fullmatch(r"\d\d:\d\d:\d\d epoch 1/3", lines.format(news))
    assert lines.format(warning).endswith(" WARNING: no images")
    hostile = logging.LogRecord("lmanet.data", logging.INFO, "", 0, "class \x1b[2Jcat", (), None)
    assert "\x1b" not in lines.format(hostile)


def test_a_long_reason_is_shortened_in_its_line(trials):
    trial = next(each for each in trials if each.status is Status.UNPARSABLE)
    long = trial.model_copy(update={"error": "the reply holds no network " * 20})
    assert len(line(long)) < 150 and line(long).endswith(" ...")
