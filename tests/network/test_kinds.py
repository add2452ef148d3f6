"""What holds for every kind of operator."""

import pytest
import torch

from lmanet.cost.c_runtime.fields import field_bits
from lmanet.cost.c_runtime.instructions import instruction_table
from lmanet.errors import ConfigError, DeployError
from lmanet.network.operators import (
    BUILTINS,
    INPUT,
    KINDS,
    Form,
    Operator,
    OperatorKind,
    builtin_of,
    c_kernel,
    kind_of,
    make_operator,
)
from lmanet.network.operators.depthwise import C_WINDOWS
from lmanet.network.operators.kind import Side

SHAPE, FORM = (8, 6, 6), Form(4, 3, 1, (1, 1))


def operator(kind: str) -> Operator:
    """One that has two inputs where it reads two."""
    return make_operator("part.it", kind, (INPUT, "other"), SHAPE, FORM)


def test_the_kinds_of_the_networks_are_found():
    assert {"conv", "depthwise", "linear", "mean", "mul", "add"} <= set(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_it_is_found_by_its_name(name):
    assert KINDS[name].name == name


def test_a_kind_has_weights_or_says_how_it_is_computed():
    conv, add = KINDS["conv"], KINDS["add"]
    for wrong in ({}, {"filter_shape": conv.filter_shape, "compute": add.compute}):
        with pytest.raises(ConfigError, match="kind of operator fft has filter_shape and compute"):
            OperatorKind("fft", conv.shape, **wrong)


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.compute])
def test_what_is_computed_has_the_shape_that_the_kind_says(name):
    tensors = [torch.randn(2, *SHAPE), torch.randn(2, *SHAPE)]
    assert tuple(KINDS[name].compute(tensors).shape[1:]) == operator(name).out_shape


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.filter_shape])
def test_weights_read_all_channels_in_whole_groups(name):
    made = operator(name)
    assert made.filter_shape[0] == made.out_shape[0]
    assert made.groups * made.filter_shape[1] == made.in_shape[0]


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.c])
def test_numbers_of_the_kernel_have_fields_and_its_pieces_figures(name):
    made = operator(name)
    kernel = c_kernel(made)
    for struct, numbers in kernel.numbers(made).items():
        assert set(numbers) <= set(field_bits(struct))
    assert {piece for piece, _ in kernel.pieces(made)} <= set(instruction_table())
    assert kernel.flash_bytes(made) > made.weights


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.tflite])
def test_tflite_knows_it_under_its_own_name(name):
    assert BUILTINS[builtin_of(operator(name)).name] is KINDS[name].tflite


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match=r"part\.it .* unknown kind 'fft'; legal are add, "):
        kind_of(Operator("part.it", "fft", (INPUT,), SHAPE, SHAPE))


@pytest.mark.parametrize(("window", "stride"), C_WINDOWS)
def test_instructions_of_every_depthwise_window_of_the_c_are_known(window, stride):
    high, wide = (int(side) for side in (window.split("x") * 2)[:2])
    sides = [Side(side, stride, (side // 2, side // 2)) for side in (high, wide)]
    form = Form(8, *sides[0], across=sides[1])
    made = make_operator("part.it", "depthwise", (INPUT,), (8, 9, 9), form)
    assert {piece for piece, _ in c_kernel(made).pieces(made)} <= set(instruction_table())


@pytest.mark.parametrize("sides", [(3, 5), (2, 2), (5, 3), (9, 9)])
def test_a_depthwise_window_that_the_c_has_not_is_refused_where_its_instructions_are_asked(sides):
    form = Form(8, sides[0], across=Side(sides[1]))
    made = make_operator("part.it", "depthwise", (INPUT,), (8, 9, 9), form)
    with pytest.raises(DeployError, match=r"part\.it: a depthwise .* legal are kernels 1, 3"):
        c_kernel(made).pieces(made)
