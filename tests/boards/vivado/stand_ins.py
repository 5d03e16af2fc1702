"""Vivado and Vitis as far as a project's scripts can tell: programs on PATH that run them against stand_ins' Tcl."""

import json
import os
import subprocess
import sys
from pathlib import Path

from codesign.sim.yowasp import yowasp_command

HERE = Path(__file__).parent
BOARDS = {"ultra96v2": ["em.avnet.com:ultra96v2:part0:1.0 xczu3eg-sbva484-1-e",
                        "avnet.com:ultra96v2:part0:1.2 xczu3eg-sbva484-1-i"],
          "ultra96v1": ["em.avnet.com:ultra96:part0:1.2 xczu3eg-sbva484-1-e"],
          "zcu102": ["xilinx.com:zcu102:part0:3.4 xczu9eg-ffvb1156-2-e"]}
_PROGRAMS = {
    # option -> how many values follow it
    "vivado": ({"-mode": 1, "-notrace": 0, "-nojournal": 0, "-log": 1, "-source": 1}, "-source", "vivado.tcl"),
    "xsct": ({}, "", "vitis.tcl"), "xsdb": ({}, "", "vitis.tcl"),
}


def read_modules(directory: Path, top: str) -> dict:
    """Ports and attributes of ``top``, as Yosys reads the Verilog in ``directory``."""
    subprocess.run([*yowasp_command("yosys"), "-q", "-p", f"read_verilog {top}.v; write_json {top}.json"],
                   cwd=directory, check=True, capture_output=True, text=True, timeout=300)
    path = directory / f"{top}.json"
    module = json.loads(path.read_text())["modules"][top]
    path.unlink()
    return {name: (port["direction"], len(port["bits"]),
                   {key: value for key, value in module["netnames"][name]["attributes"].items() if key != "src"})
            for name, port in module["ports"].items()}


def _interfaces(ports: dict) -> tuple[list, list]:
    """Pins of their own, and AXI interfaces, as X_INTERFACE_INFO and X_INTERFACE_PARAMETER say."""
    kinds = {"clock": "clk", "reset": "rst", "interrupt": "intr"}
    pins, interfaces = [], {}
    for name, (direction, width, attributes) in ports.items():
        vlnv, _, rest = attributes["X_INTERFACE_INFO"].partition(" ")
        interface, signal = rest.split(" ")
        parameters = dict(pair.split(" ") for pair in
                          attributes.get("X_INTERFACE_PARAMETER", "").split(", ")[1:])
        kind = vlnv.split(":")[2]
        if kind in kinds:
            polarity = parameters.get("POLARITY", "ACTIVE_HIGH")
            pins.append([name, direction.removesuffix("put"), kinds[kind] + "n" * (polarity == "ACTIVE_LOW")])
            continue
        one = interfaces.setdefault(interface, {"signals": {}})
        one["signals"][signal] = direction, width
        if parameters:
            one["parameters"] = parameters
    found = []
    for interface, one in interfaces.items():
        signals, parameters = one["signals"], one["parameters"]
        mode = "master" if signals["ARVALID"][0] == "output" else "slave"
        assert (signals["RDATA"][1], signals["ARADDR"][1]) == (int(parameters["DATA_WIDTH"]),
                                                                int(parameters["ADDR_WIDTH"]))
        protocol = parameters["PROTOCOL"]
        assert ("ARLEN" in signals) == (protocol == "AXI4")
        # SmartConnect turns AXI4 into what its slave is
        found.append([interface, mode, protocol, parameters["DATA_WIDTH"], parameters["ADDR_WIDTH"]])
    return pins, found


def _tcl(value) -> str:
    if isinstance(value, list):
        return "{" + " ".join(_tcl(v) for v in value) + "}"
    return value


def install(directory: Path, sources: list[str], top: str, board: str, reports: Path, bin_: Path) -> dict[str, str]:
    """Programs in ``bin_``, for the project in ``directory``; returns the environment in which they stand in."""
    ports = read_modules(directory, top)
    pins, interfaces = _interfaces(ports)
    listed = [[name, direction, str(width)] for name, (direction, width, _) in ports.items()]
    bin_.mkdir(parents=True)
    (bin_ / "modules.tcl").write_text(
        f"dict set modules {top} files {_tcl(sources)}\ndict set modules {top} ports {_tcl(listed)}\n"
        f"dict set modules {top} pins {_tcl(pins)}\ndict set modules {top} interfaces {_tcl(interfaces)}\n")
    for name, (options, source, script) in _PROGRAMS.items():
        _program(bin_ / name, f"""
            import os, sys
            words, script = sys.argv[1:], None
            options = {options!r}
            while words:
                word = words.pop(0)
                if word in options:
                    value = words.pop(0) if options[word] else None
                    script = value if word == {source!r} else script
                elif not {source!r} and script is None:
                    script = word
                else:
                    sys.exit(f"{name}: no option {{word}}")
            os.execvp("tclsh", ["tclsh", {str(HERE / script)!r}, script])
        """)
    _program(bin_ / "bootgen", """
        import pathlib, re, sys
        arguments = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
        if set(arguments) != {"-arch", "-image", "-w", "-o"} or arguments["-arch"] != "zynqmp":
            sys.exit(f"bootgen: {arguments}")
        text = re.sub("//.*", "", pathlib.Path(arguments["-image"]).read_text())
        body = re.fullmatch(r"\\s*\\w+:\\s*\\{(.*)\\}\\s*", text, re.S)[1]
        lines = [line.strip() for line in body.strip().splitlines()]
        keys = {"bootloader", "pmufw_image", "destination_cpu", "destination_device", "exception_level"}
        for line in lines:
            attributes, path = re.fullmatch(r"\\[(.*)\\] (\\S+)", line).groups()
            unknown = {a.split("=")[0].strip() for a in attributes.split(",")} - keys
            if unknown or not pathlib.Path(path).exists():
                sys.exit(f"bootgen: {line}: {unknown or 'no such file'}")
        pathlib.Path(arguments["-o"]).write_text("\\n".join(lines))
    """)
    return {**os.environ, "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}", "STAND_INS_REPORTS": str(reports),
            "STAND_INS_MODULES": str(bin_ / "modules.tcl"), "STAND_INS_BOARDS": " ".join(BOARDS[board])}


def _program(path: Path, text: str) -> None:
    lines = text.strip("\n").splitlines()
    indent = len(lines[0]) - len(lines[0].lstrip())
    path.write_text("\n".join([f"#!{sys.executable}", *(line[indent:] for line in lines), ""]))
    path.chmod(0o755)
