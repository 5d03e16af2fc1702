"""A generated accelerator on disk: Verilog, program, C headers, and a manifest that says how to run it.

====================  =======================================================================
accelerator.v         the accelerator
accelerator.yaml      its configuration, as a person writes it
program.bin           the program, zeros where the image goes; lies at a burst boundary
program.txt           the program decoded, for people
isa.h, registers.h    program format and register map as C constants
manifest.json         digests, addresses, input packing, logit positions, predicted cycles; every file's size and digest
====================  =======================================================================
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import yaml

from .accelerator import AcceleratorConfig
from .cycles import predict_schedule
from .directories import new_directory
from .integer import PIXEL_BITS, IntegerNetwork
from .isa import Isa
from .memory_map import MemoryMap
from .model import model_digest
from .network import Network
from .program import Program
from .registers import c_header

__all__ = ["accelerator_files", "manifest", "program_files", "write_bundle", "write_files"]

FORMAT = 1
PACKING = ("Each load is `words` program words at byte `at` of the program, from word `first_word` of its region on. A "
           "region holds `channels` channels from `first_channel` on; pixel p (row by row) is in word p >> interleave. "
           "There, 4-bit value q*channels + c, counted from the lowest bits, is the low half of channel c of the pixel "
           "with p mod 2**interleave == q; its high half is lanes - (channels << interleave) further on.")


def manifest(network: Network, integer: IntegerNetwork, program: Program, rtl_digest: str) -> dict:
    """All that a driver must know, JSON-compatible. Addresses are relative to the memory's base."""
    config, memory = program.config, MemoryMap.of(program)
    prediction = predict_schedule(program.schedule)
    return {
        "format": FORMAT, "network": network.name, "accelerator": config.name, "clock_hz": config.clock_hz,
        "bits": {"pixels": PIXEL_BITS, "layers": {
            gemm.name: {"weights": gemm.weight_bits, "activations": gemm.activation_bits}
            for gemm in program.schedule.gemms if not gemm.identity}},
        "digests": {"config": config.digest(), "rtl": rtl_digest,
                    "program": program.digest(), "model": model_digest(integer), "network": network.digest()},
        "memory": {"beat_bytes": program.beat_bytes, **asdict(memory), "size_bytes": memory.size_bytes},
        "registers": memory.registers(),
        "input": {"shape": list(program.input_shape), "packing": PACKING,
                  "lanes": config.load_lanes, "loads": [
                      {"at": at, "words": load.count, "first_word": load.first,
                       "first_channel": load.region.first, "channels": load.region.count,
                       "interleave": load.region.interleave}
                      for at, load in zip(program.image_at, program.schedule.loads, strict=True)]},
        "output": {"values": program.results, "type": "int32, little endian", "logit_positions":
                   list(program.logit_positions), "logit_scale": integer.logit_scale},
        "predicted": {"method": "model", "cycles": prediction.cycles, "counters": prediction.counters,
                      "layers": [asdict(layer) for layer in prediction.layers]},
    }


def write_bundle(path: Path, network: Network, integer: IntegerNetwork, program: Program, verilog: str,
                 rtl_digest: str, provenance: Mapping[str, object]) -> dict:
    """Write the directory ``path`` whole or not at all; returns the manifest, which holds ``provenance`` too.

    rtl_digest : of ``verilog``, as its registers RTL_LO and RTL_HI begin
    """
    return write_files(path, {**accelerator_files(program.config, verilog), **program_files(program)},
                       {**manifest(network, integer, program, rtl_digest), "provenance": dict(provenance)})


def accelerator_files(config: AcceleratorConfig, verilog: str) -> dict[str, bytes]:
    """What there is to say of an accelerator: contents by file name."""
    return {"accelerator.v": verilog.encode(), "isa.h": Isa(config).c_header().encode(),
            "registers.h": c_header().encode(),
            "accelerator.yaml": yaml.safe_dump(config.to_dict(), sort_keys=False).encode()}


def program_files(program: Program) -> dict[str, bytes]:
    """A program, for the accelerator and for people: contents by file name."""
    return {"program.bin": program.stream,
            "program.txt": f"{Isa(program.config).describe()}\n\n{program.listing()}\n".encode()}


def write_files(path: Path, files: Mapping[str, bytes], values: Mapping[str, object]) -> dict:
    """Write the directory ``path`` whole or not at all: ``files`` by name, and a manifest of ``values`` and of them,
    which is returned."""
    values = {**values, "files": {name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
                                  for name, content in files.items()}}
    with new_directory(path, "Output directory") as work:
        for name, content in files.items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_bytes(content)
        (work / "manifest.json").write_text(json.dumps(values, indent=1, allow_nan=False) + "\n")
    return values
