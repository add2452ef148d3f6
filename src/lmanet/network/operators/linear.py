"""A linear layer: in our C a convolution of one pixel, in torch and TFLite a layer of its own."""

from lmanet.network.operators.builtin import Builtin, Params, Sizes
from lmanet.network.operators.conv import CONV, filter_shape
from lmanet.network.operators.kind import Form, OperatorKind, Shape


def shape(in_shape: Shape, form: Form) -> Shape:
    """One pixel of so many channels."""
    return form.channels, 1, 1


KIND = OperatorKind(
    name="linear",
    shape=shape,
    filter_shape=filter_shape,
    layer="Linear",
    scale_per_channel=False,
    c=CONV,
    tflite=Builtin(
        name="FULLY_CONNECTED",
        version=4,
        # Known with ``objects`` of the layout as a sum only, from the arena on a Cortex-M7.
        cortex_m=Sizes(56, Params(8, 4)),
        host=Sizes(72, Params(32, 8)),  # with the fields for compressed weights, as the wheel has
        cmsis_nn_op_data=84,  # the index of a scratch buffer, shape and sums are more
        options="FullyConnectedOptions",
        settings=("activation",),
        flat=True,
    ),
)
