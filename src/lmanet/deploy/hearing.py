"""A deployed network gets its senses: the front end of audio in its firmware, and what that takes;
or the stream of a sensor's signals.
"""

import importlib.util
from pathlib import Path

from lmanet.board import Target
from lmanet.deploy.int8.graph import IntegerGraph
from lmanet.deploy.run.host import HostNetwork
from lmanet.deploy.run.verify import Verifier
from lmanet.deploy.write.firmware import NETWORK
from lmanet.deploy.write.moments import check_moments, moments_check, write_moments
from lmanet.deploy.write.packages.senses import Stream
from lmanet.deploy.write.sound import check_noise, sound_check, write_sound
from lmanet.errors import ConfigError
from lmanet.network.images import Scaling
from lmanet.run.measurement import Hearing
from lmanet.run.results import Deployed
from lmanet.sound import FrontEnd
from lmanet.sound.cost import estimate_sound
from lmanet.sound.host import HostFrontEnd


def give_senses(stream: Stream, graph: IntegerGraph, firmware: Path, host: HostNetwork) -> str:
    """Write what makes the network's input into a firmware; gives the text that checks it on the
    board.

    Args:
        stream: the front end of audio, or how windows are made of a sensor's signals.
        graph: of the network.
        firmware: folder of `lmanet.deploy.write.firmware.write_firmware`.
        host: the network on this machine.

    Raises:
        DeployError: a hop of sound is longer than a clip.
    """
    scale = graph.scales[graph.operators[-1].name].scale
    if isinstance(stream, FrontEnd):
        write_sound(firmware, firmware / NETWORK, stream, scale)
        noise = check_noise(stream.clip_samples)
        features = HostFrontEnd(stream).features(noise[None])
        return sound_check(host.run_bytes(features[..., None])[0])
    write_moments(firmware, firmware / NETWORK, stream, scale)
    moments = check_moments(stream, stream.length)
    window = Scaling(stream.lowest, stream.gain).bytes_of(moments)
    return moments_check(host.run_bytes(window.T[None, None])[0])


def require_room(window_bytes: int, target: Target) -> None:
    """Raise `ConfigError` where the board keeps a window of a sensor beside the network, and its
    limits leave no room for it.
    """
    if window_bytes > target.input_buffer_bytes:
        raise ConfigError(
            f"a window of the sensor has {window_bytes:,} bytes, and {target.name} reserves "
            f"{target.input_buffer_bytes:,} for an input; shorten data.windows.length, or raise "
            "target.input_buffer_bytes"
        )


def hear(verifier: Verifier, front_end: FrontEnd, deployed: Deployed) -> Hearing:
    """Run the front end of the firmware on the emulated core where one can.

    Args:
        verifier: whose toolchain and core.
        deployed: whose firmware listens; its folder is a path from here.

    Raises:
        DeployError: the compiler refuses the program.
    """
    network = Path(deployed.folder) / deployed.firmware / NETWORK
    estimated, measured = estimate_sound(front_end), None
    if importlib.util.find_spec("unicorn"):
        from lmanet.deploy.run.stream import EmulatedStream

        stream = EmulatedStream(network, front_end, verifier.toolchain, verifier.core)
        measured = stream.cost(deployed.measurement.measured_bss_bytes)
    return Hearing(
        estimated_ram_bytes=estimated.ram_bytes,
        estimated_flash_bytes=estimated.flash_bytes,
        estimated_frame_instructions=estimated.frame_instructions,
        measured_ram_bytes=measured.ram_bytes if measured else None,
        measured_frame_instructions=measured.frame_instructions if measured else None,
        frames_per_second=front_end.sample_rate_hz / front_end.step_samples,
        hop_frames=front_end.hop_frames,
    )
