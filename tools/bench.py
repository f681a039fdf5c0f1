#!/usr/bin/env python3
"""The ledger's speed beside what bounds it, in one go, on one machine: `tools/dev bench`.

Each round runs, interleaved: the bare RPC of the same sizes and TLS, LevelDB alone with the same
bytes, keys and syncs, and the ledger, all by the same load generator; a calibrator frames every
run. The table has medians of the rounds; what counts are the ratios. The host has two speeds
(calibrator) and may have other work (column foreign, the share of all cores): above 10 % a row says
nothing but that it ran. Floors are those of the project's issue 3.
"""
import argparse
import json
import pathlib
import re
import shutil
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from bench_rig import Foreign, Rig, RigError, about  # pylint: disable=wrong-import-position

SIZES = (300, 1200)
BATCH = 1000
SAMPLE_EVENTS_SECONDS = 2  # enough entries for the replay of LevelDB alone
# seconds of a run, rounds
PLANS = {"quick": (1.5, 1), "usual": (3, 3), "full": (10, 5)}
# Receipts looked into: those of every n-th answer, so that verifying stays a small share.
VERIFY = ("--verify", 100)


class Bench:
    def __init__(self, rig, seconds, pattern):
        self.rig = rig
        self.seconds = seconds
        self.pattern = re.compile(pattern)
        self.samples = {}  # size -> log folder and sizes of answers
        self.rows = {}     # (scenario, size) -> list of figures, one a round

    def wants(self, *names):
        return any(self.pattern.search(name) for name in names)

    def framed(self, name, size, measure, servers=()):
        before = self.rig.calibrate()
        foreign = Foreign(servers)
        figures = measure()
        figures["foreign"] = foreign.share()
        figures["calibrator_us"] = [before, self.rig.calibrate()]
        self.rows.setdefault((name, size), []).append(figures)
        print(f"  {name:24} {size:5} B {figures['events_per_second']:10.0f} events/s",
              file=sys.stderr, flush=True)
        return figures

    def load(self, server, size, *arguments):
        return self.rig.load(server, "--event-bytes", size, "--seconds", self.seconds,
                             "--warmup", 0.5, *arguments)

    def sample(self, size):
        """A small ledger: what its answers and records are like."""
        server = self.rig.daemon(f"sample{size}")
        quick = ("--event-bytes", size, "--warmup", 0.2, "--verify", "none")
        unary = self.rig.load(server, *quick, "--seconds", 0.5)
        batch = self.rig.load(server, *quick, "--mode", "batch", "--callers", 2,
                              "--seconds", SAMPLE_EVENTS_SECONDS)
        server.stop()
        self.samples[size] = {"log": server.root / "data" / "bench" / "log",
                              "answer": unary["answer_bytes"], "batch": batch["answer_bytes"]}

    def bare(self, size):
        sample = self.samples[size]
        server = self.rig.null_server(sample["answer"], sample["batch"])
        none = ("--verify", "none")
        if self.wants("unary-64", "unary-half"):
            self.framed("rpc-64", size, lambda: self.load(
                server, size, *none, "--callers", 64), [server])
        if self.wants("unary-1"):
            self.framed("rpc-1", size, lambda: self.load(
                server, size, *none, "--callers", 1), [server])
        if self.wants("batch-4"):
            self.framed("rpc-batch-4", size, lambda: self.load(
                server, size, *none, "--mode", "batch", "--callers", 4), [server])
        server.stop()

    def leveldb(self, size):
        log = self.samples[size]["log"]
        for name, all_syncs in (("leveldb", False), ("leveldb-all-syncs", True)):
            if self.wants("batch-1", "batch-4", "stream", "stream-single"):
                self.framed(name, size, lambda syncs=all_syncs: self.rig.raw_leveldb(
                    log, BATCH, self.seconds, syncs))

    def ledger(self, size, number):
        server = self.rig.daemon(f"round{number}-{size}")
        disk = ("--data-dir", server.root)
        if self.wants("unary-64", "unary-half"):
            full = self.framed("unary-64", size, lambda: self.load(
                server, size, *VERIFY, "--callers", 64), [server])
            half = full["events_per_second"] / 2
            self.framed("unary-half", size, lambda: self.load(
                server, size, *VERIFY, "--rate", max(half, 1)), [server])
        if self.wants("unary-1"):
            self.framed("unary-1", size, lambda: self.load(
                server, size, *VERIFY, "--callers", 1), [server])
        for callers in (1, 4):
            if self.wants(f"batch-{callers}", *(("stream", "stream-single") if callers == 4
                                               else ())):
                self.framed(f"batch-{callers}", size, lambda n=callers: self.load(
                    server, size, *VERIFY, *disk, "--mode", "batch", "--callers", n), [server])
        if self.wants("stream", "stream-single"):
            self.framed("stream", size, lambda: self.load(
                server, size, *VERIFY, "--mode", "stream", "--callers", 4), [server])
            self.framed("stream-single", size, lambda: self.load(
                server, size, "--verify", 1000, "--mode", "stream", "--callers", 4,
                "--per-message", 1, "--window", 1000), [server])
        server.stop()
        shutil.rmtree(server.root)

    def run(self, rounds):
        for size in SIZES:
            self.sample(size)
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
            for size in SIZES:
                self.bare(size)
                self.leveldb(size)
                self.ledger(size, number)


def median(rows, key):
    values = [value for value in (pick(row, key) for row in rows) if value is not None]
    return statistics.median(values) if values else None


def pick(row, key):
    return row.get("latency", row).get(key) if key.endswith("_ms") else row.get(key)


def ratio(rows, mine, theirs, size):
    """Median of the rounds' own ratios: both sides of each were measured next to each other."""
    pairs = zip(rows.get((mine, size), []), rows.get((theirs, size), []))
    values = [a["events_per_second"] / b["events_per_second"] for a, b in pairs
              if b["events_per_second"] > 0]
    return statistics.median(values) if values else None


def floors(rows):
    """(what, size, measured, bound, at least or at most)."""
    for size in SIZES:
        yield "unary-64 / rpc-64", size, ratio(rows, "unary-64", "rpc-64", size), 0.35, ">="
        yield "unary-64 p99 ms", size, median(rows.get(("unary-64", size), []), "p99_ms"), 20, "<"
        half = median(rows.get(("unary-half", size), []), "p99_ms")
        yield "unary-half p99 ms", size, half, 5, "<"
        yield "unary-1 p50 ms", size, median(rows.get(("unary-1", size), []), "p50_ms"), 1, "<"
        share = 0.40 if size == 300 else 0.25
        for base in ("leveldb", "leveldb-all-syncs"):
            yield f"batch-4 / {base}", size, ratio(rows, "batch-4", base, size), share, ">="
        yield "stream / batch-4", size, ratio(rows, "stream", "batch-4", size), 0.60, ">="
        single = ratio(rows, "stream-single", "batch-4", size)
        yield "stream-single / batch-4", size, single, 0.60, ">="


def cpu_us(figures):
    """Of client and server for an event; of LevelDB alone, its own."""
    client = median(figures, "client_us") or 0
    server = median(figures, "server_us")
    return None if server is None else client + server


def cpu_shares(rows):
    for mine, theirs in (("unary-64", "rpc-64"), ("unary-1", "rpc-1"), ("batch-4", "leveldb"),
                         ("stream", "leveldb"), ("stream-single", "leveldb")):
        for size in SIZES:
            ours, base = (cpu_us(rows.get((name, size), [])) for name in (mine, theirs))
            if ours and base:
                yield f"{theirs} / {mine}", size, base / ours


def met(value, bound, how):
    return value >= bound if how == ">=" else value < bound


def cell(value, form):
    return format(value, form) if value is not None else "-"


def print_table(rows):
    print(f"{'run':20} {'bytes':>5} {'events/s':>10} {'p50 ms':>8} {'p99 ms':>8} {'p99.9 ms':>9}"
          f" {'client us':>9} {'server us':>9} {'MiB':>6} {'foreign':>7}  calibrator us")
    for (name, size), figures in rows.items():
        frame = [value for row in figures for value in row["calibrator_us"]]
        memory = median(figures, "server_peak_resident_bytes")
        print(f"{name:20} {size:5} {cell(median(figures, 'events_per_second'), '10.0f'):>10}"
              f" {cell(median(figures, 'p50_ms'), '8.3f'):>8}"
              f" {cell(median(figures, 'p99_ms'), '8.3f'):>8}"
              f" {cell(median(figures, 'p999_ms'), '9.3f'):>9}"
              f" {cell(median(figures, 'client_us'), '9.2f'):>9}"
              f" {cell(median(figures, 'server_us'), '9.2f'):>9}"
              f" {cell(memory and memory / 2**20, '6.0f'):>6} {median(figures, 'foreign'):7.0%}"
              f"  {min(frame):.0f} to {max(frame):.0f}")


def print_floors(rows):
    print(f"\n{'floor':32} {'bytes':>5} {'measured':>9}     floor")
    missed = 0
    for what, size, value, bound, how in floors(rows):
        if value is None:
            continue
        good = met(value, bound, how)
        missed += not good
        print(f"{what:32} {size:5} {value:9.3f}  {how:>2} {bound:<5}  "
              f"{'met' if good else 'MISSED'}")
    print("\nBy CPU an event, client's and server's, which a busy host changes less:")
    for what, size, value in cpu_shares(rows):
        print(f"{what:32} {size:5} {value:9.3f}")
    return missed


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("filter", nargs="?", default=".", help="regular expression on runs: "
                        "unary-64, unary-half, unary-1, batch-1, batch-4, stream, stream-single")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--quick", action="store_const", const="quick", dest="plan",
                        help="1 round of 1.5 s each")
    length.add_argument("--full", action="store_const", const="full", dest="plan",
                        help="5 rounds of 10 s each")
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a floor is missed")
    options = parser.parse_args()
    seconds, rounds = PLANS[options.plan or "usual"]
    where = about()
    try:
        with Rig(options.build) as rig:
            bench = Bench(rig, seconds, options.filter)
            bench.run(rounds)
    except RigError as error:
        sys.exit(f"bench: {error}")
    print(f"{where['machine']}\ncommit {where['commit']}, {where['date']}, medians of {rounds} "
          f"round(s) of {seconds} s, load generator and servers on the same cores\n")
    print_table(bench.rows)
    missed = print_floors(bench.rows)
    report = {**where, "seconds": seconds, "rounds": rounds,
              "runs": [{"run": name, "bytes": size, "rounds": figures}
                       for (name, size), figures in bench.rows.items()],
              "floors": [{"what": what, "bytes": size, "measured": value, "floor": bound,
                          "met": met(value, bound, how)}
                         for what, size, value, bound, how in floors(bench.rows)
                         if value is not None]}
    path = pathlib.Path(options.build).parent / "bench" / f"{where['date'].replace(':', '')}.json"
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"\n{path}")
    return 1 if missed and options.strict else 0


if __name__ == "__main__":
    sys.exit(main())
