"""Which stages are done, and how long the rest may take."""

import pytest

from lmanet.track.course import Course

TURNS = [["search", "teacher"], ["train"], ["report"]]
EXPECTED = {"search": 60.0, "teacher": 20.0, "train": 30.0, "report": 10.0}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_stages_that_run_at_once_take_as_long_as_the_longest(clock):
    course = Course(TURNS, EXPECTED, clock)
    course.next_turn()
    assert course.seconds_left() == 100
    assert course.plan() == [
        "search, teacher    60 s",
        "train              30 s",
        "report             10 s",
    ]


def test_a_machine_of_half_the_speed_has_twice_as_long_to_go(clock):
    course = Course(TURNS, EXPECTED, clock)
    course.next_turn()
    clock.now = 60.0
    assert course.seconds_left(share=0.5) == pytest.approx(140)
    clock.now = 120.0
    course.next_turn()
    assert course.title == "2 of 3: train"
    clock.now = 150.0
    assert course.seconds_left() == pytest.approx((100 - 88.5) * 150 / 88.5)


def test_a_stage_that_takes_longer_than_expected_has_not_ended(clock):
    course = Course(TURNS, EXPECTED, clock)
    course.next_turn()
    clock.now = 1000.0
    assert course.seconds_left() > 500


def test_where_a_stage_is_not_known_no_time_is_told(clock):
    course = Course(TURNS, {"search": 60.0}, clock)
    course.next_turn()
    assert course.seconds_left(share=0.5) is None
    assert course.plan() == ["search, teacher", "train", "report"]
