#!/usr/bin/env python3
"""The index case in vectorised numpy, as a peer of the engine.

2,500 units x 60 indicators x 8 groups, min-max 0..100, two-level weighted mean, places.
Run as a server: each line on stdin names a case, each line on stdout is wall and CPU
seconds of it, so that a runner can take turns with it.

    recompute   min-max, both levels, places
    draws       1,000 weight draws (w (1 + 0.25 u) on both levels), places, and mean,
                0.05, 0.25, 0.5, 0.75, 0.95 quantiles of each unit's place
"""
import os
import sys
import time

import numpy as np

UNITS, INDICATORS, GROUPS, DRAWS = 2500, 60, 8, 1000
rng = np.random.default_rng(1)
X = rng.random((UNITS, INDICATORS)) * 100
group = np.arange(INDICATORS) * GROUPS // INDICATORS
w = rng.random(INDICATORS) + 0.1
v = rng.random(GROUPS) + 0.1
member = np.zeros((INDICATORS, GROUPS))
member[np.arange(INDICATORS), group] = 1


def places(scores):
    """1 + the number of greater scores: ties share the least place."""
    ascending = np.sort(scores)
    return scores.size - np.searchsorted(ascending, scores, side="right") + 1


def places_of_rows(scores):
    """The same row by row; equal scores, which random weights do not give, are parted."""
    order = np.argsort(-scores, axis=1)
    out = np.empty(scores.shape, dtype=np.int16)
    np.put_along_axis(out, order, np.arange(1, scores.shape[1] + 1, dtype=np.int16)[None, :], axis=1)
    return out


def normalise():
    lo, hi = X.min(axis=0), X.max(axis=0)
    return (X - lo) / (hi - lo) * 100


def recompute():
    n = normalise()
    share = member * w[:, None]
    pillars = n @ (share / share.sum(axis=0))
    score = pillars @ (v / v.sum())
    return places(score)


def draws():
    n = normalise()
    r = np.random.default_rng(2)
    wi = w * (1 + 0.25 * (2 * r.random((DRAWS, INDICATORS)) - 1))
    vi = v * (1 + 0.25 * (2 * r.random((DRAWS, GROUPS)) - 1))
    sums = wi @ member
    effective = wi / sums[:, group] * (vi / vi.sum(axis=1, keepdims=True))[:, group]
    rank = np.ascontiguousarray(places_of_rows(effective @ n.T).T)
    rank.sort(axis=1, kind="stable")  # radix for 16 bits
    at = np.array([0.05, 0.25, 0.5, 0.75, 0.95]) * (DRAWS - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, DRAWS - 1)
    quantiles = rank[:, low] + (at - low) * (rank[:, high] - rank[:, low])
    return rank.mean(axis=1), quantiles


CASES = {"recompute": recompute, "draws": draws}


def main():
    print("numpy", np.__version__, flush=True)
    for line in sys.stdin:
        case = CASES[line.strip()]
        cpu, wall = time.process_time(), time.perf_counter()
        case()
        print(time.perf_counter() - wall, time.process_time() - cpu, flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    main()
