"""How a training is computed on the machine at hand: memory format, precision and compilation,
forced or chosen by a trial.
"""

from lmanet.train.compute.choice import Forward, KernelChoice, Kernels, applied
from lmanet.train.compute.trial import KernelTrial

__all__ = ["Forward", "KernelChoice", "KernelTrial", "Kernels", "applied"]
