"""Export of trained networks: ONNX files, model cards and the Hugging Face Hub."""
