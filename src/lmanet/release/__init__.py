"""The best networks as things that others can use: safetensors with a model card, ONNX, int8 files, and models of timm."""
