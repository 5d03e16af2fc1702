"""How fast the tools are, on this machine: building and running the simulated accelerator, and the cost model.

    python -m codesign.sim.bench [--network N] [--resolution R] [--accelerator A]
"""

import time

import numpy as np

from codesign.accelerator import load_accelerator
from codesign.batch.bench import bench_parser
from codesign.cycles import predict
from codesign.network import load_network
from codesign.random_weights import random_network
from codesign.verification import verify_run

from .scalesim import run_scalesim
from .verilated import VerilatorDevice


def main() -> None:
    """Print seconds, rates and ratios; one frame of random weights and a random image, compared bit for bit."""
    parser = bench_parser("codesign.sim.bench", __doc__)
    parser.add_argument("--scalesim", action="store_true", help="price the same layers with SCALE-Sim 3, too")
    arguments = parser.parse_args()
    config = load_accelerator(arguments.accelerator)
    graph = load_network(arguments.network, resolution=arguments.resolution).graph()

    started = time.perf_counter()
    prediction = predict(graph, config)
    model_s = time.perf_counter() - started
    started = time.perf_counter()
    device = VerilatorDevice(config)
    build_s = time.perf_counter() - started
    network = random_network(graph, 0)
    image = np.random.default_rng(0).integers(0, 256, (1, *graph.input_shape)).astype(np.uint8)
    started = time.perf_counter()
    problem = verify_run(network, config, image, device).problem
    frame_s = time.perf_counter() - started
    if problem:
        raise SystemExit(problem)
    print(f"{arguments.network} at {graph.input_shape[1]}x{graph.input_shape[2]} on {config.name}: "
          f"{prediction.cycles:,} cycles, {config.clock_hz / prediction.cycles:,.1f} frames/s at "
          f"{config.clock_hz / 1e6:g} MHz (simulated, bit-exact, as the model says)")
    print(f"simulator   {build_s:8.1f} s to build, or to find in the cache")
    print(f"frame       {frame_s:8.1f} s, compiled, run and compared: {prediction.cycles / frame_s:,.0f} cycles/s")
    print(f"cost model  {model_s:8.3f} s: {len(prediction.layers) / model_s:,.0f} layers/s, "
          f"{frame_s / model_s:,.0f} times as fast as running it")
    if arguments.scalesim:
        other = run_scalesim(graph, config)
        cycles, rate = sum(other.cycles.values()), len(other.cycles) / other.seconds
        print(f"SCALE-Sim 3 {other.seconds:8.1f} s: {rate:,.1f} layers/s; the cost model is "
              f"{other.seconds / model_s:,.0f} times as fast")
        print(f"\n{len(other.cycles)} layers on {config.rows}x{config.cols}, weights stationary: {cycles:,} cycles by "
              f"SCALE-Sim (compute alone), {prediction.cycles:,} here (everything, memory stalls included)")


if __name__ == "__main__":
    main()
