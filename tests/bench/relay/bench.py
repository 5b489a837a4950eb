#!/usr/bin/python3
"""Measures what a WebRTC relay costs its server: one publisher, N subscribers, CPU per forwarded packet.
See README.md for what each figure means."""
import argparse
import json
import math
import os
import platform
import socket
import statistics
import subprocess
import sys
import time

import load
import procstat
import targets

NAMESPACE_ADDRESS = "10.9.9.1"
CONNECT_SECONDS = 30
WARM_UP_SECONDS = 3
# Above this share between the two ways of counting CPU, a row is marked; ticks are coarse, hence the allowance.
CPU_DISAGREEMENT = 0.05
ALLOWED_TICKS_PER_PROCESS = 4
LEAST_DELIVERED = 0.98

# key, heading, digits; all better when smaller, except packets_per_s and delivered
FIGURES = [
    ("cpu_us_per_packet", "CPU us per packet", 2),
    ("cpu_sched_us_per_packet", "  by schedstat", 2),
    ("packets_per_s", "packets/s", 0),
    ("delivered", "delivered share", 4),
    ("lost", "packets lost", 0),
    ("rss_kb_per_subscriber", "RSS KB per subscriber", 0),
    ("threads_per_subscriber", "threads per subscriber", 2),
    ("fds_per_subscriber", "fds per subscriber", 2),
    ("switches_per_packet", "context switches per packet", 3),
    ("setup_cpu_ms_per_subscriber", "set-up CPU ms per subscriber", 2),
    ("offer_to_rtp_ms_median", "offer to RTP ms, median", 1),
    ("offer_to_rtp_ms_p99", "offer to RTP ms, p99", 1),
    ("join_to_rtp_ms_median", "join to RTP ms, median", 1),
    ("join_to_rtp_ms_p99", "join to RTP ms, p99", 1),
    ("idle_cpu_percent", "CPU % with publisher only", 1),
    ("rss_mb", "RSS MB in all", 1),
]


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)] if ordered else None


def has_address(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
        return True


def make_target(options):
    if options.target == "janus-videoroom":
        return targets.JanusVideoRoom(options.bind)
    if options.target == "janus-streaming":
        return targets.JanusStreaming(options.bind)
    if options.target == "worker":
        return targets.Worker(options)
    return targets.Whep(options)


def wait_receiving(client, count):
    """Until each subscriber has got media or failed. Not reaching it is told in the row, not an error."""
    end = time.monotonic() + CONNECT_SECONDS
    while time.monotonic() < end:
        if sum(1 for i in range(count) if i in client.first or i in client.failed) >= count:
            return
        time.sleep(0.05)


def delays_ms(client, started):
    return [(client.first[i] - when) * 1000 for i, when in started.items() if i in client.first]


def problems_of(row, client, count, profile):
    found = []
    if row["receiving"] < count:
        found.append(f"only {row['receiving']} of {count} subscribers got media")
    if client.failed:
        found.append("failed: " + ", ".join(sorted(set(client.failed.values()))))
    if row["bad"]:
        found.append(f"{row['bad']} packets failed authentication")
    agreed = load.PROFILES[profile].split(":")
    if not set(row["profiles"]) <= set(agreed):
        found.append(f"SRTP profiles {row['profiles']}, wanted {agreed}")
    if row["delivered"] < LEAST_DELIVERED:
        found.append(f"only {row['delivered']:.3f} of the published packets arrived")
    seconds = row["cpu_us_per_packet"] * row["packets"] / 1e6
    seconds_sched = row["cpu_sched_us_per_packet"] * row["packets"] / 1e6
    allowed = ALLOWED_TICKS_PER_PROCESS * row["processes"] / procstat.TICKS_PER_SECOND
    if abs(seconds - seconds_sched) > CPU_DISAGREEMENT * seconds + allowed:
        found.append("CPU by ticks and by schedstat disagree (ended threads or children?)")
    return found


def subscribe_all(target, client, count):
    joins, offers = {}, {}
    for i in range(count):
        joins[i], offers[i] = target.subscribe(client, i)
    wait_receiving(client, count)
    return joins, offers


def measure_steady_state(target, client, seconds):
    """Two samples of server and client around the given time; returns what changed, and the end."""
    time.sleep(WARM_UP_SECONDS)
    usage, stats, begin = procstat.measure(target.pids), client.stats(), time.monotonic()
    time.sleep(seconds)
    usage_end, stats_end, end = procstat.measure(target.pids), client.stats(), time.monotonic()
    change = {key: stats_end[key] - stats[key] for key in stats}
    change["cpu"] = usage_end.cpu - usage.cpu
    change["cpu_sched"] = usage_end.cpu_sched - usage.cpu_sched
    change["switches"] = usage_end.switches - usage.switches
    change["seconds"] = end - begin
    return change, usage_end, stats_end


def build_row(count, run, base, setup_cpu, change, end, stats, client, joins, offers):
    packets = max(change["packets"], 1)
    join_delays, offer_delays = delays_ms(client, joins), delays_ms(client, offers)
    profiles = [client.up[i] for i in range(count) if i in client.up]
    return {
        "subscribers": count,
        "run": run,
        "seconds": round(change["seconds"], 3),
        "packets": change["packets"],
        "published": change["published"],
        "other_packets": change["other"],
        "packets_per_s": change["packets"] / change["seconds"],
        "delivered": change["packets"] / max(1, change["published"] * count),
        "lost": change["lost"],
        "verified": change["verified"],
        "bad": stats["bad"],
        "receiving": stats["receiving"],
        "rtcp_received": change["rtcp"],
        "keyframe_requests": stats["keyframe_requests"],
        "profiles": {name: profiles.count(name) for name in set(profiles)},
        "cpu_us_per_packet": change["cpu"] * 1e6 / packets,
        "cpu_sched_us_per_packet": change["cpu_sched"] * 1e6 / packets,
        "cpu_percent": change["cpu"] / change["seconds"] * 100,
        "switches_per_packet": change["switches"] / packets,
        "rss_mb": end.rss_kb / 1024,
        "rss_kb_per_subscriber": (end.rss_kb - base.rss_kb) / count,
        "threads_per_subscriber": (end.threads - base.threads) / count,
        "fds_per_subscriber": (end.fds - base.fds) / count,
        "processes": end.processes,
        "setup_cpu_ms_per_subscriber": setup_cpu * 1000 / count,
        "offer_to_rtp_ms_median": statistics.median(offer_delays) if offer_delays else None,
        "offer_to_rtp_ms_p99": percentile(offer_delays, 0.99),
        "join_to_rtp_ms_median": statistics.median(join_delays) if join_delays else None,
        "join_to_rtp_ms_p99": percentile(join_delays, 0.99),
    }


def run_once(options, count, run):
    """A fresh client and, where we start it, a fresh server; one row."""
    client = load.LoadClient(options.profile, options.bind, options.twcc, options.verify)
    target = make_target(options)
    try:
        target.start(client)
        time.sleep(1)
        before = procstat.measure(target.pids)
        time.sleep(1)
        base = procstat.measure(target.pids)
        idle = base.cpu - before.cpu
        begin = time.monotonic()
        joins, offers = subscribe_all(target, client, count)
        connected, forwarded = procstat.measure(target.pids), client.stats()["packets"]
        setup_seconds = time.monotonic() - begin
        change, end, stats = measure_steady_state(target, client, options.seconds)
        # While joining, the server forwarded too: take that off at the steady price.
        price = change["cpu"] / max(change["packets"], 1)
        setup_cpu = max(0.0, connected.cpu - base.cpu - price * forwarded)
        row = build_row(count, run, base, setup_cpu, change, end, stats, client, joins, offers)
        row["idle_cpu_percent"] = idle * 100
        row["setup_seconds"] = setup_seconds
        row["problems"] = problems_of(row, client, count, options.profile)
        return row
    finally:
        target.stop()
        client.stop()


def format_value(value, digits):
    return "-" if value is None else f"{value:.{digits}f}"


def print_table(headings, rows):
    widths = [max(len(row[i]) for row in [headings] + rows) for i in range(len(headings))]
    for row in [headings] + rows:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  ".join(cells).rstrip())


def median_rows(result):
    """Runs with the same number of subscribers become one row of medians."""
    merged = {}
    for row in result["rows"]:
        merged.setdefault(row["subscribers"], []).append(row)
    medians = {}
    for count, rows in merged.items():
        medians[count] = {}
        for key, *_ in FIGURES:
            values = [row[key] for row in rows if row.get(key) is not None]
            medians[count][key] = statistics.median(values) if values else None
    return medians


def print_result(result):
    rows = median_rows(result)
    counts = sorted(rows)
    print(f"\n{result['target']}, {result['profile']}, {result['seconds']} s, medians of {result['runs']} run(s)")
    print_table(["subscribers"] + [str(count) for count in counts],
                [[name] + [format_value(rows[count][key], digits) for count in counts]
                 for key, name, digits in FIGURES])
    for row in result["rows"]:
        for problem in row["problems"]:
            print(f"PROBLEM N={row['subscribers']} run {row['run']}: {problem}")


def compare(options):
    results = []
    for path in (options.a, options.b):
        with open(path, encoding="utf-8") as file:
            results.append(json.load(file))
    a, b = map(median_rows, results)
    for name, result in zip("AB", results):
        problems = sum(len(row["problems"]) for row in result["rows"])
        print(f"{name}: {result['target']}, {result['profile']}, {result['cpus']} CPUs, {problems} problem(s)")
    for count in sorted(set(a) & set(b)):
        rows = []
        for key, name, digits in FIGURES:
            value_a, value_b = a[count][key], b[count][key]
            ratio = f"{value_a / value_b:.3f}" if value_a is not None and value_b else "-"
            rows.append([name, format_value(value_a, digits), format_value(value_b, digits), ratio])
        print()
        print_table([f"N = {count}", "A", "B", "A/B"], rows)
    if not set(a) & set(b):
        sys.exit("no number of subscribers was measured in both")
    return 0


def measure(options):
    subprocess.run(["make", "--silent", "-C", load.HERE], check=True)
    if options.bind is None:
        options.bind = NAMESPACE_ADDRESS if has_address(NAMESPACE_ADDRESS) else "127.0.0.1"
    if options.target != "whep" and not has_address(NAMESPACE_ADDRESS):
        sys.exit("Janus needs an address outside loopback: run this under ./netns.sh")
    result = {
        "target": options.target,
        "profile": options.profile,
        "seconds": options.seconds,
        "runs": options.runs,
        "kernel": platform.release(),
        "cpus": os.cpu_count(),
        "twcc": options.twcc,
        "rows": [],
    }
    for count in options.subs:
        for run in range(options.runs):
            row = run_once(options, count, run + 1)
            result["rows"].append(row)
            print(f"N={count} run {run + 1}: {row['cpu_us_per_packet']:.2f} us per packet, "
                  f"{row['packets_per_s']:.0f} packets/s, lost {row['lost']}", flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
            file.write("\n")
    print_result(result)
    return 1 if any(row["problems"] for row in result["rows"]) else 0


def number_list(text):
    return [int(part) for part in text.split(",")]


def subscriber_list(text):
    counts = number_list(text)
    if not all(1 <= count <= load.MAX_SUBSCRIBERS for count in counts):
        raise argparse.ArgumentTypeError(f"1 to {load.MAX_SUBSCRIBERS} subscribers")
    return counts


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="target", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--subs", type=subscriber_list, default=[10, 30, 60, 200], help="default 10,30,60,200")
    common.add_argument("--seconds", type=float, default=12, help="length of a measurement, default 12")
    common.add_argument("--profile", choices=sorted(load.PROFILES), default="gcm", help="SRTP, default gcm")
    common.add_argument("--runs", type=int, default=1, help="repetitions of each N; medians are shown")
    common.add_argument("--json", metavar="FILE", help="write all rows")
    common.add_argument("--bind", metavar="ADDRESS", help="of the endpoints; default 10.9.9.1, else 127.0.0.1")
    common.add_argument("--verify", type=int, default=1, metavar="K",
                        help="the first K subscribers authenticate every packet, default 1; others their first 20")
    common.add_argument("--twcc", action="store_true", help="subscribers send transport-cc feedback")
    commands.add_parser("janus-videoroom", parents=[common])
    commands.add_parser("janus-streaming", parents=[common])
    worker = commands.add_parser("worker", parents=[common])
    worker.add_argument("--program", required=True, help="consilium-media")
    worker.add_argument("--rtc-port", type=int, default=20504, metavar="PORT", help="its UDP port")
    worker.add_argument("--server-log", type=argparse.FileType("w"), metavar="FILE")
    whep = commands.add_parser("whep", parents=[common])
    whep.add_argument("--whip", required=True, metavar="URL", help="to publish")
    whep.add_argument("--whep", required=True, metavar="URL", help="to play")
    whep.add_argument("--token", help="Bearer token for both")
    whep.add_argument("--whip-token", help="where it differs")
    whep.add_argument("--whep-token", help="where it differs")
    whep.add_argument("--insecure", action="store_true", help="accept any TLS certificate")
    whep.add_argument("--server-pid", type=number_list, default=[], metavar="PID[,PID]")
    whep.add_argument("--start", metavar="COMMAND", help="run the server anew for each row")
    whep.add_argument("--ready-url", metavar="URL", help="polled after --start")
    whep.add_argument("--server-log", type=argparse.FileType("w"), metavar="FILE", help="output of --start")
    comparison = commands.add_parser("compare")
    comparison.add_argument("a", metavar="A.json")
    comparison.add_argument("b", metavar="B.json")
    options = parser.parse_args()
    if options.target == "whep" and not options.start and not options.server_pid:
        parser.error("whep needs --server-pid or --start, or there is no CPU to count")
    return options


def main():
    options = parse_arguments()
    return compare(options) if options.target == "compare" else measure(options)


if __name__ == "__main__":
    sys.exit(main())
