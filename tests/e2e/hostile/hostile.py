#!/usr/bin/env python3
"""A hostile network, on loopback: `tools/dev hostile`.

Thirteen attacks, one after the other, against
  guard    auditledgerd's own TLS listener, with its accept guard (api/accept_guard.h)
  edge     the deployment that is advised: nginx as tools/packaging/edge has it, then auditledgerd
while a good client asks for the ledger's head on new connections and an old one, and
auditledger-load appends events and verifies their receipts. Printed: what came through, the good
client's latency, the servers' memory. Passes when, behind the edge, every good call was answered
within a second throughout, and memory stayed under its bound; and with the guard alone under floods
of connections and of resets. What else the guard stands or does not is told, not judged.

--daemon PATH attacks another auditledgerd, by its own listener: one from before the guard.
"""
import argparse
import json
import multiprocessing
import os
import select
import subprocess
import sys
import time

import attacks
import frames
import good
import rig

MAX_GOOD_MS = 1000
MAX_GROWN_MIB = 256
SETTLE_SECONDS = 0.5
BACK_WITHIN_SECONDS = 10
# Attackers come from here, the good client from 127.0.0.2, auditledger-load from 127.0.0.1.
ATTACKERS = [f"127.0.1.{i}" for i in range(1, 9)]
GOOD = "127.0.0.2"
# These take as long as they take, up to so many times the others.
LONGER = {attacks.rapid_reset: 4}
# What the guard is for.
GUARDED = {attacks.idle_connections, attacks.half_handshakes, attacks.rapid_reset}


def attack_process(attack, targets, seconds, pipe):
    os.nice(10)  # an attacker has a machine of its own; here it shall not take the server's
    pipe.send(attack(targets, time.monotonic() + seconds))
    os._exit(0)


def start(function, *arguments):
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=function, args=(*arguments, theirs), daemon=True)
    process.start()
    theirs.close()
    return process, ours


class Load:
    """auditledger-load at a small, steady rate."""

    def __init__(self, the_rig, address, seconds):
        certs = the_rig.certs
        command = [the_rig.program("tools/auditledger-load"), "--server", address, "--ledger",
                   "bench", "--ca", certs / "ca.pem", "--cert", certs / "client.pem",
                   "--key-file", certs / "client.key", "--rate", 50, "--warmup", 0,
                   "--seconds", seconds, "--json"]
        self.child = subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True)

    def worst_ms(self):
        """None where it did not end well; `why` has its words."""
        out, self.why = self.child.communicate()
        if self.child.returncode != 0:
            return None
        report = json.loads(out)
        if report["refused_events"] or report["unsent_events"] or not report["verified"]:
            self.why = f"refused: {report['refusals']}, {report['unsent_events']} unsent"
            return None
        return report["latency"]["max_ms"]


class Outcome:
    def __init__(self, note, figures, load_ms, load_why, memory, back):
        self.note, self.figures, self.load_ms, self.load_why = note, figures, load_ms, load_why
        self.before, self.peak, self.after = memory
        self.back = back  # seconds until a new call was answered once it was over; None: never

    def row(self, name):
        worst = max(self.figures.worst, self.load_ms or 0)
        told = f"{self.figures.median:.0f} / {worst:.0f} ms"
        if self.figures.failures:
            asked = self.figures.failures + len(self.figures.milliseconds)
            told += f", {self.figures.failures} of {asked} failed"
        if self.load_ms is None:
            told += ", appends failed"
        back = "dead" if self.back is None else f"{self.back:.1f} s"
        return (f"| {name} | {self.note} | {told} | {self.before:.0f}, {self.peak:.0f}, "
                f"{self.after:.0f} | {back} |")


def seconds_until_answered(target):
    began = time.monotonic()
    while time.monotonic() - began < BACK_WITHIN_SECONDS:
        client = good.GoodClient(target)
        try:
            client.fresh()
            return time.monotonic() - began
        except (OSError, frames.Gone):
            select.select([], [], [], 0.1)
    return None


def play(the_rig, attack, address, pids, seconds):
    seconds *= LONGER.get(attack, 1)
    before = rig.resident_mib(pids())
    client, answers = start(good.run, frames.Target(address, the_rig.certs, GOOD))
    load = Load(the_rig, address, seconds + 2 * SETTLE_SECONDS)
    select.select([], [], [], SETTLE_SECONDS)
    targets = [frames.Target(address, the_rig.certs, source) for source in ATTACKERS]
    attacker, note = start(attack_process, attack, targets, seconds)
    peak, until = before, time.monotonic() + seconds + 5
    while attacker.is_alive() and time.monotonic() < until:
        peak = max(peak, rig.resident_mib(pids()))
        attacker.join(0.1)
    told = note.recv() if note.poll() else "(did not end by itself)"
    attacker.kill()
    select.select([], [], [], SETTLE_SECONDS)
    answers.send("enough")
    figures = answers.recv() if answers.poll(30) else good.Figures()
    client.kill()
    load_ms = load.worst_ms()
    back = seconds_until_answered(frames.Target(address, the_rig.certs, GOOD))
    return Outcome(told, figures, load_ms, load.why, (before, peak, rig.resident_mib(pids())), back)


class Verdict:
    def __init__(self):
        self.faults = []

    def answered(self, where, name, outcome):
        """All that a good client wants."""
        figures = outcome.figures

        def blame(text):
            self.faults.append(f"{where}, {name}: {text}")

        if figures.failures or not figures.milliseconds:
            blame(f"{figures.failures} good calls failed: {figures.why}")
        if outcome.load_ms is None:
            blame(f"appends failed: {outcome.load_why.strip()[-300:]}")
        worst = max(figures.worst, outcome.load_ms or 0)
        if worst >= MAX_GOOD_MS:
            blame(f"a good call took {worst:.0f} ms (on a connection {figures.slowest} "
                  f"{figures.worst:.0f} ms, auditledger-load {outcome.load_ms or 0:.0f} ms)")
        if outcome.peak - outcome.before > MAX_GROWN_MIB:
            blame(f"memory grew by {outcome.peak - outcome.before:.0f} MiB")

    def edge(self, name, outcome):
        self.answered("edge", name, outcome)

    def guard(self, attack, name, outcome):
        if outcome.back is None:
            self.faults.append(f"guard, {name}: nobody is served any more")
        if attack in GUARDED:
            self.answered("guard", name, outcome)


def heading(what):
    print(f"\n{what}\n\n| attack | what was sent | good client: median / worst "
          "| MiB before, at most, after | answers again after |\n|---|---|---|---|---|", flush=True)


def fill(the_rig, server):
    """Entries for those who ask for pages."""
    the_rig.load(server, "--mode", "batch", "--batch", 500, "--callers", 2, "--event-bytes", 1200,
                 "--seconds", 0.5, "--warmup", 0)


def against_daemon(the_rig, chosen, seconds, title, judge):
    heading(title)
    for attack in chosen:
        name = attack.__name__.replace("_", " ")
        server = the_rig.serve(attack.__name__, descriptors=rig.FEW_DESCRIPTORS)
        fill(the_rig, server)
        outcome = play(the_rig, attack, server.address, lambda s=server: [s.pid], seconds)
        print(outcome.row(name), flush=True)
        judge(attack, name, outcome)
        server.child.kill()
        server.child.wait()


def against_edge(the_rig, chosen, seconds, verdict):
    heading("behind the edge")
    server = the_rig.serve("edged", "--listen", f"edge,unix:{the_rig.ledger_socket},edge")
    edge = the_rig.edge()
    try:
        fill(the_rig, server)
        for attack in chosen:
            name = attack.__name__.replace("_", " ")
            outcome = play(the_rig, attack, edge.address, lambda: [server.pid, *edge.pids], seconds)
            print(outcome.row(name), flush=True)
            verdict.edge(name, outcome)
        if not server.running() or not edge.running():
            verdict.faults.append("edge: a server ended")
    finally:
        edge.stop()
        server.stop()
    if verdict.faults:
        print("the edge's last words:\n" + edge.log_path.read_text()[-3000:])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--daemon", help="another auditledgerd: attacked alone, nothing is judged")
    parser.add_argument("--only", choices=("guard", "edge"))
    parser.add_argument("attacks", nargs="*", help="names, all by default")
    options = parser.parse_args()
    chosen = [a for a in attacks.ALL if not options.attacks or a.__name__ in options.attacks]
    about = rig.bench_rig.about()
    print(f"{about['machine']}\ncommit {about['commit']}, {about['date']}")
    verdict = Verdict()
    with rig.HostileRig(options.build, options.daemon) as the_rig:
        if options.daemon:
            against_daemon(the_rig, chosen, options.seconds, options.daemon, lambda *_: None)
            return 0
        if options.only != "edge":
            against_daemon(the_rig, chosen, options.seconds, "with the accept guard alone",
                           verdict.guard)
        if options.only != "guard":
            against_edge(the_rig, chosen, options.seconds, verdict)
    for fault in verdict.faults:
        print(f"FAIL  {fault}")
    if not verdict.faults:
        print("\nPASS  good calls were answered throughout")
    return 1 if verdict.faults else 0


if __name__ == "__main__":
    sys.exit(main())
