"""Search quantized shift networks together with the FPGA accelerator that runs them."""

__version__ = "0.1.0"
