#!/usr/bin/env python3
"""Takes the verifier's security checks away, one at a time, and demands that a test fails.

    tools/mutate.py                 all mutants of merkle/ and verifier/
    tools/mutate.py --sample 60     as many as 60 seconds allow: of what --changed names first
    tools/mutate.py --file merkle/verify.cc
    tools/mutate.py --again LOG     those that an earlier run's log says survived
    tools/mutate.py --list          what would be taken away, and what is exempt; builds nothing

tools/lib/mutants.py says what a check is. All mutants are built once, into build/mutate/src, a
copy of the tree in which each stands behind a switch; of each then only the tests run that reach
it. What no test notices is a finding: write the test, or, where the program is the same without
it, say why in tools/mutate_exempt.txt.

Exit codes: 0 all killed, 1 a mutant survived or the list is not
complete, 2 the unchanged tree does not pass.
"""
import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools" / "lib"))
import mutants  # noqa: E402
import tidy  # noqa: E402

EXEMPT_FILE = "tools/mutate_exempt.txt"
SOURCES = re.compile(r"(?:merkle|verifier)/.*\.cc$|merkle/bytes\.h$")
WORK = ROOT / "build" / "mutate"
PROGRAMS = ("merkle_tests", "verifier_tests")
JOBS = int(os.environ.get("JOBS", os.cpu_count() or 1))
# What a mutant may take beyond the unchanged program before it counts as hanging, which a test
# would not pass either; and its memory, where a length is believed.
PATIENCE_SECONDS = 20
PATIENCE_FACTOR = 5
MAX_MEMORY = 2 << 30
# Of the tests that reach a mutant, ordered by how few others they reach, these run together.
BATCHES = (0, 12, 60, None)
PROGRESS_EVERY = 50  # killed, a line
SURVIVED = "SURVIVED: "  # in what is printed, and what --again looks for
SEED = "1"  # of the random tests: what they notice once they notice always
# Tests of everything at once take seconds each, and what only they notice is worth a test that
# names it.
LEFT_OUT = re.compile(r"LiarTest\.|EvidenceTest.EveryForkOfASmallWorld")


class Exemptions:
    """tools/mutate_exempt.txt: "reason" lines, each followed by the indented keys it is for."""

    def __init__(self, text):
        self.reasons, self.used, self.faults = {}, set(), []
        reason = ""
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            if not line.startswith(" "):
                reason = line.strip()
            elif not reason:
                self.faults.append(f"{EXEMPT_FILE}:{number}: no reason stands before it")
            else:
                self.reasons[line.strip()] = (reason, number)

    def reason(self, mutant):
        """A key that ends in a '*' is for all that begin so."""
        for key in self.reasons:
            if mutant.key == key or (key.endswith("*") and mutant.key.startswith(key[:-1])):
                self.used.add(key)
                return self.reasons[key][0]
        return None

    def stale(self):
        for key, (_, number) in self.reasons.items():
            if key not in self.used:
                yield f"{EXEMPT_FILE}:{number}: names no check: {key}"


class Mutants:
    """Of a tree: what to try, what is exempt, and what is wrong with the list."""

    def __init__(self, tree):
        self.sources = {path: mutants.Source(path, tree.text(path))
                        for path in tree.paths if SOURCES.match(path)}
        exempt = Exemptions(tree.text(EXEMPT_FILE) if EXEMPT_FILE in tree.paths else "")
        self.tried, self.exempt, self.faults = [], [], exempt.faults
        for source in self.sources.values():
            for mutant in source.mutants:
                (self.exempt if exempt.reason(mutant) else self.tried).append(mutant)
            for refusal in source.unguarded:
                if exempt.reason(refusal):
                    self.exempt.append(refusal)
                else:
                    self.faults.append(f"{refusal.path}:{refusal.line}: a refusal under no mutant: "
                                       f"{refusal.key}")
        self.faults += exempt.stale()
        for code, count in collections.Counter(m.id for m in self.tried).items():
            if count > 1:
                self.faults.append(f"two mutants have the ID {code:08x}")


# --- the build --------------------------------------------------------------------------------


def write_if_changed(path, data):
    if path.is_file() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def copy_tree(tree, sources):
    """The tree with its mutants, in WORK/src; files that stay as they are keep their times."""
    copy = WORK / "src"
    wanted = {mutants.SWITCH_HEADER: mutants.SWITCH.encode()}
    for path in tree.paths:
        if path in sources:
            wanted[path] = sources[path].instrumented().encode()
        else:
            wanted[path] = (ROOT / path).read_bytes()
    for path, data in wanted.items():
        write_if_changed(copy / path, data)
        if os.access(ROOT / path, os.X_OK):
            (copy / path).chmod(0o755)
    for file in copy.rglob("*"):
        path = str(file.relative_to(copy))
        if not path.startswith("build/") and file.is_file() and path not in wanted:
            file.unlink()
    return copy


def build(copy):
    """As the release preset, so that ccache has what did not change."""
    folder = copy / "build" / "release"
    environment = dict(os.environ, CCACHE_BASEDIR=str(copy), CCACHE_NOHASHDIR="1")
    shared = os.environ.get("AUDITLEDGER_SHARED", str(ROOT.parent / "shared"))
    if not (folder / "build.ninja").is_file():
        subprocess.run(["cmake", "--preset", "release", "-DAUDITLEDGER_SERVER=OFF",
                        "-DAUDITLEDGER_BENCH=OFF", f"-DAUDITLEDGER_SHARED_DIR={shared}"],
                       cwd=copy, env=environment, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", str(folder), "-j", str(JOBS), "--target", *PROGRAMS],
                   cwd=copy, env=environment, check=True)
    return {name: folder / "tests" / name.split("_")[0] / name for name in PROGRAMS}


# --- runs -------------------------------------------------------------------------------------


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(program, tests, timeout, environment):
    """None if the tests pass, else why not."""
    command = [program, "--gtest_filter=" + ":".join(tests), "--gtest_fail_fast",
               "--gtest_brief=1"]
    environment = dict(os.environ, AUDITLEDGER_TEST_SEED=SEED, **environment)
    process = subprocess.Popen(command, cwd=WORK, env=environment,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, preexec_fn=limit_memory,
                               start_new_session=True)
    output = None
    for patience in (timeout, 1):  # a second look: who asks may have been stopped meanwhile
        try:
            output, _ = process.communicate(timeout=patience)
            break
        except subprocess.TimeoutExpired:
            pass
    if output is None:
        os.killpg(process.pid, signal.SIGKILL)  # the programs that it runs, too
        process.communicate()
        return "hangs"
    if process.returncode == 0:
        return None
    if process.returncode < 0:
        return "crashes"
    failed = re.search(rb"\[  FAILED  \] ([\w/.]+)", output)
    return failed.group(1).decode() if failed else "fails"


def tests_of(program):
    listed = subprocess.run([program, "--gtest_list_tests"], check=True, capture_output=True,
                            text=True).stdout
    suite = ""
    for line in listed.splitlines():
        name = line.split("#")[0].strip()
        if not line.startswith(" "):
            suite = name
        elif name and not LEFT_OUT.match(suite + name):
            yield suite + name


def digest_of(programs):
    digest = hashlib.sha256()
    for path in programs.values():
        digest.update(path.read_bytes())
    return digest.hexdigest()


def observe(programs):
    """Which mutants each test reaches, and how long it takes: {program: {test: [seconds, IDs]}}."""
    kept = WORK / "reached.json"
    digest = digest_of(programs)
    if kept.is_file():
        known = json.loads(kept.read_text())
        if known["digest"] == digest:
            return known["reached"]
    traces = WORK / "traces"
    shutil.rmtree(traces, ignore_errors=True)
    traces.mkdir(parents=True)

    def one(name, test):
        trace = traces / hashlib.sha256(test.encode()).hexdigest()[:16]
        started = time.monotonic()
        failed = run(programs[name], [test], 600, {"AUDITLEDGER_MUTANT_TRACE": str(trace)})
        if failed:
            raise RuntimeError(f"{test} fails on the unchanged tree: {failed}")
        seconds = time.monotonic() - started
        return seconds, sorted(set(trace.read_text().split())) if trace.is_file() else []

    reached = {name: {} for name in programs}
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        jobs = {pool.submit(one, name, test): (name, test)
                for name, path in programs.items() for test in tests_of(path)}
        for job in concurrent.futures.as_completed(jobs):
            name, test = jobs[job]
            reached[name][test] = job.result()
    kept.write_text(json.dumps({"digest": digest, "reached": reached}))
    shutil.rmtree(traces)
    return reached


def batches(mutant, reached):
    """(program, tests, seconds) of what reaches the mutant, the most particular tests first."""
    code = f"{mutant.id:08x}"
    for begin, end in zip(BATCHES, BATCHES[1:]):
        for name in sorted(reached, key=lambda n: not mutant.path.startswith(n.split("_")[0])):
            tests = sorted(((len(ids), test, seconds)
                            for test, (seconds, ids) in reached[name].items() if code in ids))
            chosen = tests[begin:end]
            if chosen:
                yield name, [t for _, t, _ in chosen], sum(s for _, _, s in chosen)


def try_one(mutant, programs, reached):
    """How it was noticed; None: it was not."""
    for name, tests, seconds in batches(mutant, reached):
        noticed = run(programs[name], tests, PATIENCE_SECONDS + PATIENCE_FACTOR * seconds,
                      {"AUDITLEDGER_MUTANT": f"{mutant.id:08x}"})
        if noticed:
            return noticed
    return None


def try_all(chosen, programs, reached, seconds):
    """({mutant: how}, survivors), until the time is over (None: all)."""
    killed, survived, started = {}, [], time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        def one(mutant):
            if seconds is not None and time.monotonic() - started > seconds:
                return mutant, False, None
            return mutant, True, try_one(mutant, programs, reached)
        jobs = [pool.submit(one, mutant) for mutant in chosen]
        for job in concurrent.futures.as_completed(jobs):
            mutant, tried, how = job.result()
            if how:
                killed[mutant] = how
                if len(killed) % PROGRESS_EVERY == 0:
                    print(f"{len(killed)} killed, {mutant.path}", flush=True)
            elif tried:
                survived.append(mutant)
                print(f"{mutant.path}:{mutant.line}: {SURVIVED}{mutant.key}", flush=True)
    return killed, survived


def choose(found, arguments):
    chosen = [m for m in found.tried if not arguments.file or m.path in arguments.file]
    if arguments.again:
        lines = pathlib.Path(arguments.again).read_text().splitlines()
        keys = {line.split(SURVIVED, 1)[1] for line in lines if SURVIVED in line}
        chosen = [m for m in chosen if m.key in keys]
    if arguments.sample is not None:
        random.Random(arguments.seed).shuffle(chosen)
        changed = set(arguments.changed)
        chosen.sort(key=lambda m: m.path not in changed)  # stable: the rest stays shuffled
    return chosen


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--file", action="append", default=[])
    parser.add_argument("--again", metavar="LOG")
    parser.add_argument("--sample", type=float, metavar="SECONDS")
    parser.add_argument("--changed", nargs="*", default=[], metavar="FILE")
    seed = os.environ.get("AUDITLEDGER_TEST_SEED", time.time_ns() % 10**9)
    parser.add_argument("--seed", type=int, default=int(seed))
    return parser.parse_args(arguments)


def main(arguments):
    arguments = parse(arguments)
    tree = tidy.Tree(ROOT)
    found = Mutants(tree)
    for fault in found.faults:
        print(fault)
    if arguments.list:
        for mutant in found.tried + found.exempt:
            exempt = " EXEMPT" if mutant in found.exempt else ""
            print(f"{mutant.path}:{mutant.line}: {mutant.id:08x}{exempt} {mutant.key}")
    if arguments.list or found.faults:
        print(f"mutate: {len(found.tried)} mutants, {len(found.exempt)} exempt, "
              f"{len(found.faults)} faults in the list")
        return 1 if found.faults else 0
    times = [time.monotonic()]
    programs = build(copy_tree(tree, found.sources))
    times.append(time.monotonic())
    try:
        reached = observe(programs)
    except RuntimeError as error:
        print(f"mutate: {error}")
        return 2
    times.append(time.monotonic())
    print(f"mutate: built in {times[1] - times[0]:.0f} s, each test run alone in "
          f"{times[2] - times[1]:.0f} s", flush=True)
    chosen = choose(found, arguments)
    if arguments.sample is not None:
        print(f"mutate: seed {arguments.seed}")
    killed, survived = try_all(chosen, programs, reached, arguments.sample)
    how = collections.Counter(h if h in ("crashes", "hangs") else "a test fails"
                              for h in killed.values())
    print(f"mutate: {len(killed)} killed ({', '.join(f'{n} {w}' for w, n in how.most_common())}), "
          f"{len(survived)} survived, {len(found.exempt)} exempt, "
          f"{len(chosen) - len(killed) - len(survived)} not tried")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
