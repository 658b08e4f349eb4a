"""Runs, peers in turn, scenarios: one measurement after the other, with progress and what failed."""

import subprocess
import time

from .figures import Figures
from .places import say
from .server import Unavailable


def measure_all(runs, peers, scenarios, measure):
    """Calls `measure(peer, scenario, run)` for everything. Peers take turns within a scenario, so that a machine that
    slows down slows down all of them. Returns figures, failures, and for each peer that is not available why."""
    figures, failures, missing = Figures(), [], {}
    steps = [(run, scenario, peer) for run in range(1, runs + 1) for scenario in scenarios for peer in peers]
    started = time.monotonic()
    for done, (run, scenario, peer) in enumerate(steps):
        if peer in missing:
            continue
        left = (time.monotonic() - started) / done * (len(steps) - done) if done else 0
        soon = f", about {left / 60:.0f} min left" if left else ""
        say(f"[{done + 1}/{len(steps)}{soon}] run {run} of {runs}: {scenario}, {peer}")
        try:
            found = measure(peer, scenario, run)
        except Unavailable as why:
            missing[peer] = str(why)
            say(f"    {peer} is not available: {why}")
        except (OSError, RuntimeError, ValueError, subprocess.SubprocessError) as error:
            failures.append(f"run {run}, {scenario}, {peer}: {error}")
            say(f"    FAILED: {error}")
        else:
            if found is not None:
                figures.add(peer, scenario, found)
                say(f"    {first(found)}")
    return figures, failures, missing


def first(figures):
    key, value = next(iter(figures.items()))
    return f"{key} {value:.2f}"
