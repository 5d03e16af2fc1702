"""The accelerator in a system of its own, for boards without a processor: memory, a soft core, a serial line."""
