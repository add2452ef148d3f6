"""One file for each kind of operator: its shapes, weights, and what each runtime and writer needs.

Every module here with a ``KIND`` is found; a kind of one's own is made known by `register`.
"""

from importlib import import_module
from pkgutil import iter_modules

from lmanet.network.operators.builtin import BUILTINS, Builtin
from lmanet.network.operators.kind import (
    INPUT,
    KINDS,
    CKernel,
    Form,
    Operator,
    OperatorKind,
    Shape,
    Side,
    builtin_of,
    c_kernel,
    kind_of,
    make_operator,
    register,
)

for _module in iter_modules(__path__, f"{__name__}."):
    if kind := getattr(import_module(_module.name), "KIND", None):
        register(kind)

__all__ = [
    "BUILTINS",
    "INPUT",
    "KINDS",
    "Builtin",
    "CKernel",
    "Form",
    "Operator",
    "OperatorKind",
    "Shape",
    "Side",
    "builtin_of",
    "c_kernel",
    "kind_of",
    "make_operator",
    "register",
]
