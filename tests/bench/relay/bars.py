#!/usr/bin/python3
"""bars.py OURS.json JANUS.json: the bars of the relay, at the largest number of subscribers both were measured with.
Status 1 when one is missed."""
import json
import sys

import bench

CPU_OF_JANUS = 0.2            # CPU per forwarded packet, ours / Janus
KILOBYTES_PER_SUBSCRIBER = 90
THREADS_PER_SUBSCRIBER = 0


def load(path):
    with open(path, encoding="utf-8") as file:
        return bench.median_rows(json.load(file))


def main():
    ours, janus = load(sys.argv[1]), load(sys.argv[2])
    count = max(set(ours) & set(janus))
    row, other = ours[count], janus[count]
    bars = [
        ("CPU per packet, of Janus", row["cpu_us_per_packet"] / other["cpu_us_per_packet"], CPU_OF_JANUS),
        ("KB per subscriber", row["rss_kb_per_subscriber"], KILOBYTES_PER_SUBSCRIBER),
        ("threads per subscriber", row["threads_per_subscriber"], THREADS_PER_SUBSCRIBER),
        ("packets lost", row["lost"], 0),
    ]
    missed = 0
    for name, value, bar in bars:
        held = value <= bar
        missed += not held
        print(f"{'held  ' if held else 'MISSED'}  N={count}  {name}: {value:.3g} (bar {bar:g})")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
