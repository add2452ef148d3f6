"""From integers to files: `.tflite`, C, firmware."""
