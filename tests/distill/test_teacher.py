import pytest
import torch
from torch.nn import functional

from lmanet.data import Mnist5k
from lmanet.distill.teacher import Ensemble, Order, Reading, Teacher, average, class_order
from lmanet.errors import ConfigError

pytestmark = pytest.mark.slow  # trains


def test_the_average_is_of_probabilities_not_of_logits() -> None:
    said = [torch.tensor([[0.8, 0.1, 0.1]]).log() + 3, torch.tensor([[0.2, 0.7, 0.1]]).log() - 5]
    torch.testing.assert_close(
        functional.softmax(average(said), 1), torch.tensor([[0.5, 0.4, 0.1]])
    )
    assert average(said[:1]) is said[0]


def test_an_average_of_sure_teachers_is_finite() -> None:
    said = [torch.tensor([[200.0, 0.0]]), torch.tensor([[300.0, 0.0]])]
    torch.testing.assert_close(average(said), torch.tensor([[0.0, -200.0 - 0.6931472]]))


class Pixels(torch.nn.Module):
    """Says the mean of each channel: what comes in, comes out."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.shape = images.shape
        return images.mean((2, 3))


def test_each_teacher_gets_its_own_size_and_normalisation(data: Mnist5k) -> None:
    models, readings = (
        [Pixels(), Pixels()],
        [Reading((0.5,) * 3, (0.25,) * 3, 14), Reading((0.0,) * 3, (1.0,) * 3, 40, True)],
    )
    teachers = [
        Teacher(model, data, reading) for model, reading in zip(models, readings, strict=True)
    ]
    # as the data module normalises it
    white = (torch.ones(2, 3, 28, 28) - data.mean[0]) / data.std[0]
    Ensemble(teachers)(white)
    assert [tuple(model.shape) for model in models] == [(2, 3, 14, 14), (2, 3, 40, 40)]
    torch.testing.assert_close(teachers[0](white), torch.full((2, 3), (1 - 0.5) / 0.25))
    torch.testing.assert_close(teachers[1](white), torch.ones(2, 3))


def test_classes_are_brought_to_the_datas_order_by_name(data: Mnist5k) -> None:
    names = ["ten", *reversed(data.classes)]
    order = class_order("x", names, data)
    assert order.places == tuple(range(10, 0, -1))
    images = torch.arange(3.0).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    reading = Reading(data.mean, data.std, 4)
    assert Teacher(Pixels(), data, reading, Order((2, 0)))(images).tolist() == [[2.0, 0.0]]
    assert class_order("x", data.classes, data) == Order()


def test_a_teacher_without_names_of_classes_is_said_to_have_none(
    data: Mnist5k, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert class_order("x", None, data) == Order()  # the digits are numbers in any case
    monkeypatch.setattr(Mnist5k, "classes", tuple("abcdefghij"))
    order = class_order("x", None, data)
    assert order.places is None
    assert (
        "teacher x has no names of classes, so their order could not be compared"
        in order.notices[0].text
    )


def test_a_teacher_of_other_classes_is_refused(data: Mnist5k) -> None:
    with pytest.raises(
        ConfigError,
        match=r"teacher x does not know 2 of 10 classes of MNIST-5k, such as '8'; choose",
    ):
        class_order("x", "01234567", data)
