"""Check the CUDA solver against the CPU solver, then time it.

    python benchmarks/gpu_solver.py [--parity 64] [--deals 256] [--device cuda] [--json FILE]

It prints the device, the sizes and the milliseconds per deal, and the same as one line of JSON.
It should take under five minutes, most of them for the CPU's side of the comparison.

Expectation for an H200, worked out before the first run. A mean deal (over 20 deals) has 126,000
reached rows, 1.25 million reached boundaries and 35.5 million closing plays. Each closing play is
one iteration of the innermost loop in one lane, in both passes.

- Bytes: 35.5 million one-byte reads and as many stores. If each took a whole 32-byte sector, a
  pass would move 1.1 GB through the L2 cache (about 5.5 TB/s): 0.2 ms. Device memory serves only
  whole sweeps, about 0.2 GB per deal (4.8 TB/s): 0.05 ms.
- Instructions: 32 lanes in step run the innermost loop 2.6 million times per deal (1.1 million
  if no lane ever waited) at 44 instructions (sm_90 code). With the outer loops that is about
  0.2e9 instructions per pass, at 0.9e12 per second: 0.25 ms.

So the floor is 0.5 ms per deal for both passes; with latencies only partly hidden, expect 0.7 to
1.0 ms. If it is slower than 1.5 ms, look first at `play_tricks` (stores: test a mark before setting
it) and at LANES (64 hides more latency, 32 waits less). The CPU's layout (one program per row, 64
lanes) would run the loop 7.1 million times per pass.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from itertools import islice

import numpy as np


def problems(first: int, n_deals: int):
    """Return hands, declarations and leaders for consecutive seeds."""
    from forge_core.texas42.deals import deal_from_seed

    seeds = range(first, first + n_deals)
    return [deal_from_seed(s) for s in seeds], [s % 10 for s in seeds], [s % 4 for s in seeds]


def assert_parity(n_deals: int, device: str) -> None:
    """Compare values, bits, counts, samples and labels of whole deals, entry by entry."""
    import torch

    from forge_core.streams import stream
    from forge_core.texas42.oracle import solve_many

    given = problems(0, n_deals)
    pairs = zip(solve_many(*given, device="cpu"), solve_many(*given, device=device), strict=True)
    for seed, (host, on_device) in enumerate(pairs):
        assert on_device.states_per_ply == host.states_per_ply, seed
        reached, values = (torch.as_tensor(a).cpu().numpy() for a in (on_device._reached, on_device._values))
        np.testing.assert_array_equal(reached.view(np.uint64), host._reached)
        np.testing.assert_array_equal(values, host._values)
        drawn, expected = (s.sample(50_000, stream(seed, "rows")).state for s in (on_device, host))
        np.testing.assert_array_equal(drawn, expected)
        labels = on_device.query(torch.from_numpy(drawn).to(device))
        for label, answer in zip(labels, host.query(drawn), strict=True):
            np.testing.assert_array_equal(torch.as_tensor(label).cpu().numpy(), answer)


def milliseconds(run, n_deals: int) -> float:
    """Return the wall time of one run in milliseconds per deal, including the device's work."""
    import torch

    torch.cuda.synchronize()
    started = time.perf_counter()
    run()
    torch.cuda.synchronize()
    return 1000 * (time.perf_counter() - started) / n_deals


def time_solving(n_deals: int, device: str, batch: int, lanes: int) -> dict[str, float]:
    """Return ms per deal: wall time over many deals, and device time (median over batches)."""
    from forge_core.texas42.deals import check_deal
    from forge_core.texas42.oracle.cuda import solve_batches

    given = [
        (check_deal(deal), decl, leader) for deal, decl, leader in zip(*problems(1000, n_deals), strict=True)
    ]
    for _ in solve_batches(given[:batch], device, device, batch, lanes):
        pass  # compile, allocate
    seconds: list[float] = []

    def run():
        seconds.extend(solution.seconds for solution in solve_batches(given, device, device, batch, lanes))

    wall = statistics.median(milliseconds(run, n_deals) for _ in range(3))
    return {"wall": wall, "device": 1000 * statistics.median(seconds)}


def time_kernels(device: str) -> dict[str, float]:
    """Return ms per deal of each kernel over one batch."""
    import torch
    from torch.profiler import ProfilerActivity, profile

    from forge_core.texas42.oracle import solve_many
    from forge_core.texas42.oracle.cuda import BATCH

    with profile(activities=[ProfilerActivity.CUDA]) as profiled:
        for _ in solve_many(*problems(2000, BATCH), device=device):
            pass
        torch.cuda.synchronize()
    spent = {event.key: event.device_time_total / 1000 / BATCH for event in profiled.key_averages()}
    return {key[:60]: ms for key, ms in sorted(spent.items(), key=lambda item: -item[1])[:12]}


def time_rows(device: str, rows: int = 50_000) -> dict[str, float]:
    """Return ms to sample `rows` states of a deal and to label them on the device (median of 16 deals)."""
    import torch

    from forge_core.streams import stream
    from forge_core.texas42.oracle import solve_many

    sample, label = [], []
    for seed, solution in enumerate(islice(solve_many(*problems(3000, 17), device=device), 17)):
        drawn: list = []
        sample.append(
            milliseconds(lambda s=solution, d=drawn, k=seed: d.append(s.sample(rows, stream(k))), 1)
        )
        states = torch.from_numpy(drawn[0].state).to(device)
        label.append(milliseconds(lambda s=solution, x=states: s.query(x), 1))
    return {"sample": statistics.median(sample[1:]), "label": statistics.median(label[1:])}


def measure(device: str, n_deals: int) -> dict:
    """Return all figures except those of `time_kernels`, and print each as it is measured."""
    from forge_core.texas42.oracle import solve_many

    figures: dict = {"deals": n_deals}
    figures["states"] = statistics.mean(
        sum(solution.states_per_ply) for solution in solve_many(*problems(1000, 64), device=device)
    )
    print(f"{figures['states']:,.0f} states per deal\n\nbatch  lanes   wall ms   device ms   (per deal)")
    figures["solve"] = []
    for batch, lanes in [(1, 32), (8, 32), (16, 32), (16, 64), (32, 32)]:
        took = time_solving(n_deals if batch > 1 else min(n_deals, 32), device, batch, lanes)
        figures["solve"].append({"batch": batch, "lanes": lanes, **took})
        print(f"{batch:5} {lanes:6} {took['wall']:9.3f} {took['device']:11.3f}", flush=True)
    figures["deals_s"] = 1000 / min(took["wall"] for took in figures["solve"])
    figures["rows"] = time_rows(device)
    print(f"\n50,000 rows: draw {figures['rows']['sample']:.2f} ms, label {figures['rows']['label']:.2f} ms")
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--parity", type=int, default=64, help="whole deals compared with the CPU")
    parser.add_argument("--deals", type=int, default=256, help="deals timed")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--json", metavar="FILE", help="write the figures there as well")
    arguments = parser.parse_args()

    from forge_core.device import device_name, resolve_device

    device = resolve_device(arguments.device)
    print(f"{device_name(device)}, int8 values, {arguments.deals} whole deals")
    started = time.perf_counter()
    assert_parity(arguments.parity, device)
    print(f"equal to the CPU on {arguments.parity} deals ({time.perf_counter() - started:.0f} s)")
    figures = {"device": device_name(device), "parity": arguments.parity, **measure(device, arguments.deals)}
    figures["kernels"] = time_kernels(device)  # last: a profiler may slow what follows
    for kernel, ms in figures["kernels"].items():
        print(f"{ms:9.4f} ms per deal  {kernel}")
    print(json.dumps(figures))
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(figures, file)


if __name__ == "__main__":
    main()
