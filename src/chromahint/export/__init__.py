"""A trained network for use elsewhere: ONNX, safetensors with a model card, the Hugging Face hub."""
