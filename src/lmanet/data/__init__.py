"""Images for the search: training, validation and test apart, in memory as uint8 where they fit."""

from lmanet.data.audio_folder import AudioFolder
from lmanet.data.augment import Augment
from lmanet.data.cifar import Cifar10, Cifar100
from lmanet.data.clips import SoundAugment
from lmanet.data.groups import Recordings
from lmanet.data.image_folder import ImageFolder, Loading
from lmanet.data.mnist import Mnist5k
from lmanet.data.module import ImageModule
from lmanet.data.no_images import NoImages
from lmanet.data.signal_folder import SignalFolder, TsSignals
from lmanet.data.split import Split
from lmanet.data.unlabelled import Photos
from lmanet.data.vww import VisualWakeWords
from lmanet.data.windows import Windows

__all__ = [
    "AudioFolder",
    "Augment",
    "Cifar10",
    "Cifar100",
    "ImageFolder",
    "ImageModule",
    "Loading",
    "Mnist5k",
    "NoImages",
    "Photos",
    "Recordings",
    "SignalFolder",
    "SoundAugment",
    "Split",
    "TsSignals",
    "VisualWakeWords",
    "Windows",
]
