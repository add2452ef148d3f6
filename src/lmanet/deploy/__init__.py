"""Takes a trained network, gives files to flash and figures measured in the real runtime and on an emulated Cortex-M7."""
