"""What tools/bench.py and tools/overload.py share: the built programs, a server to load, figures.

Everything runs in a scratch folder of its own below build/bench, on the disk of the tree, and is
removed at the end. Servers listen on loopback, at ports that the system chooses.
"""
import json
import os
import pathlib
import platform
import resource
import select
import shutil
import signal
import subprocess
import tempfile
import time

READY_SECONDS = 30
STOP_SECONDS = 60
PRINCIPAL = "spiffe://hospital.example/client"


class RigError(Exception):
    """A program that did not do what it should; the text says which and what it printed."""


class Process:
    """A server that writes a ready file with its address."""

    def __init__(self, command, folder, name):
        self.ready = folder / f"{name}.ready"
        self.ready.unlink(missing_ok=True)
        self.log_path = folder / f"{name}.log"
        self.log = open(self.log_path, "w", encoding="utf-8")
        self.child = subprocess.Popen([*map(str, command)], stdout=self.log, stderr=self.log)
        self.address = self._wait(name)

    def _wait(self, name):
        for _ in range(READY_SECONDS * 20):
            if self.ready.exists() and self.ready.read_text().endswith("\n"):
                return self.ready.read_text().split()[1]
            if self.child.poll() is not None:
                break
            select.select([], [], [], 0.05)
        self.child.kill()
        raise RigError(f"{name} did not start: {self.log_path.read_text()[-2000:]}")

    @property
    def pid(self):
        return self.child.pid

    def running(self):
        return self.child.poll() is None

    def stop(self):
        if self.running():
            self.child.send_signal(signal.SIGTERM)
        code = self.child.wait(STOP_SECONDS)
        self.log.close()
        return code


class Rig:
    def __init__(self, build):
        self.build = pathlib.Path(build).resolve()
        base = self.build.parent / "bench"
        base.mkdir(parents=True, exist_ok=True)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="work.", dir=base))
        self.certs = self.folder / "certs"
        self.run([self.program("tools/auditctl"), "dev-certs", self.certs, "--local", "local"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def program(self, name):
        path = self.build / name
        if not path.exists():
            raise RigError(f"{path} is not built")
        return path

    def run(self, command, codes=(0,)):
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
        if done.returncode not in codes:
            raise RigError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stderr}")
        return done

    def daemon(self, name, *flags):
        root = self.folder / name
        root.mkdir(exist_ok=True)
        listen = (f"main,127.0.0.1:0,{self.certs}/server.pem,{self.certs}/server.key,"
                  f"{self.certs}/ca.pem")
        process = Process(
            [self.program("api/auditledgerd"), "--root", root, "--listen", listen,
             "--access_policy", self.certs / "access.policy",
             "--auto_create", "bench=bench.example/log", "--log_level", "error",
             "--ready_file", self.folder / f"{name}.ready", *flags], self.folder, name)
        process.root = root
        return process

    def null_server(self, answer_bytes, batch_answer_bytes):
        return Process(
            [self.program("tests/bench/null_rpc_server"), "--cert", self.certs / "server.pem",
             "--key", self.certs / "server.key", "--ca", self.certs / "ca.pem",
             "--answer-bytes", int(answer_bytes), "--batch-answer-bytes", int(batch_answer_bytes),
             "--ready-file", self.folder / "null.ready"], self.folder, "null")

    def load_command(self, server, *arguments):
        return [self.program("tools/auditledger-load"), "--server", server.address,
                "--ledger", "bench", "--ca", self.certs / "ca.pem",
                "--cert", self.certs / "client.pem", "--key-file", self.certs / "client.key",
                "--server-pid", server.pid, "--json", *map(str, arguments)]

    def load(self, server, *arguments, codes=(0,)):
        return json.loads(self.run(self.load_command(server, *arguments), codes).stdout)

    def calibrate(self, milliseconds=200):
        command = [self.program("tests/bench/calibrator"), milliseconds]
        return float(self.run(command).stdout)

    def raw_leveldb(self, log_dir, batch, seconds, all_syncs):
        command = [self.program("tests/bench/raw_leveldb_bench"), log_dir, self.folder,
                   "--batch", batch, "--seconds", seconds]
        words = self.run(command + (["--all-syncs"] if all_syncs else [])).stdout.split()
        return {"events_per_second": float(words[0]), "p50_ms": float(words[1]),
                "p99_ms": float(words[2]), "bytes_per_event": float(words[3]),
                "server_us": float(words[4])}


def cpu_seconds_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Foreign:
    """The share of all cores that processes which are none of ours took between two moments."""

    def __init__(self, servers):
        self.servers = servers
        self.began = time.monotonic()
        self.busy, self.ours = self._now()

    def _now(self):
        # proc(5): user, nice, system, idle, iowait, irq, softirq, steal
        ticks = [int(x) for x in pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
        busy = (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        ours = children.ru_utime + children.ru_stime
        return busy, ours + sum(cpu_seconds_of(server.pid) for server in self.servers)

    def share(self):
        busy, ours = self._now()
        span = (time.monotonic() - self.began) * os.cpu_count()
        return max(0.0, (busy - self.busy) - (ours - self.ours)) / span


def about():
    """Machine, commit and date, which a figure is worth nothing without."""
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                  if line.startswith("model name")), platform.machine())
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True,
                            text=True, check=False).stdout.strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"machine": f"{os.cpu_count()} cores of {model}, {memory:.0f} GiB, Linux "
                       f"{platform.release()}", "commit": commit,
            "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
