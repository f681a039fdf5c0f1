#!/usr/bin/env python3
"""What each part of an append costs, by switching it off: `tools/dev bench parts`.

switch_off_bench appends in its own process and leaves out one part of the write path at a time;
then a server is loaded with the same batches over TLS and over a Unix socket, next to each other,
which tells what TLS costs, and what the call itself. All in CPU microseconds an event (client's and
server's together for the calls), medians of the rounds: other work on the machine changes these
less than it changes time.
"""
import argparse
import json
import pathlib
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from bench_rig import Rig, RigError, about  # pylint: disable=wrong-import-position

BATCHES = ("--mode", "batch", "--callers", 4, "--warmup", 0.5, "--verify", "none")


class Local:
    """The same server by its Unix socket."""

    def __init__(self, server, address):
        self.address = address
        self.pid = server.pid


def cpu_us(figures):
    return figures["client_us"] + figures["server_us"]


def over(rig, server, size, seconds):
    return cpu_us(rig.load(server, "--event-bytes", size, "--seconds", seconds, *BATCHES))


def calls(rig, size, rounds, seconds):
    """CPU of an event over TLS and over a Unix socket, for each round."""
    socket = rig.folder / f"{size}.sock"
    tls = rig.daemon(f"parts{size}", "--listen", f"local,unix:{socket}", "--allow_unix_socket")
    unix = Local(tls, f"unix:{socket}")
    pairs = []
    for number in range(rounds):
        order = (tls, unix) if number % 2 == 0 else (unix, tls)
        costs = [over(rig, server, size, seconds) for server in order]
        pairs.append(costs if number % 2 == 0 else costs[::-1])
    tls.stop()
    return pairs


def measure(rig, size, rounds, seconds):
    command = [rig.program("tests/bench/switch_off_bench"), "--size", size, "--rounds", rounds,
               "--folder", rig.folder, "--json"]
    inside = json.loads(rig.run(command).stdout)
    pairs = calls(rig, size, rounds, seconds)
    return {**inside, "tls": statistics.median(a - b for a, b in pairs),
            "over_tls": statistics.median(a for a, _ in pairs),
            "over_unix": statistics.median(b for _, b in pairs)}


def show(tables):
    sizes = [table["event_bytes"] for table in tables]
    print(f"{'CPU us an event':32}" + "".join(f"{size:>9} B" for size in sizes))

    def row(name, values):
        print(f"{name:32}" + "".join(f"{value:11.2f}" for value in values))

    row("over TLS, client and server", [table["over_tls"] for table in tables])
    row("  TLS", [table["tls"] for table in tables])
    row("in one process, no call", [table["cpu_us_per_event"] for table in tables])
    for name in tables[0]["parts"]:
        row("  " + name, [table["parts"][name] for table in tables])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=2, help="of a load over the network")
    parser.add_argument("--sizes", type=int, nargs="+", default=[300, 1200])
    parser.add_argument("--build", default="build/release")
    options = parser.parse_args()
    where = about()
    try:
        with Rig(options.build) as rig:
            tables = [measure(rig, size, options.rounds, options.seconds)
                      for size in options.sizes]
    except RigError as error:
        sys.exit(f"bench parts: {error}")
    print(f"{where['machine']}\ncommit {where['commit']}, {where['date']}, medians of "
          f"{options.rounds} rounds\n")
    show(tables)
    return 0


if __name__ == "__main__":
    sys.exit(main())
