"""The accelerator's generator, in Amaranth. It knows the configuration and the program format, nothing else."""
