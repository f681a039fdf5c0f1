"""The servers under attack: auditledgerd alone, and behind nginx as tools/packaging/edge has it.

The edge's configuration is the shipped file; only its paths and its port are put in place.
"""
import os
import pathlib
import resource
import select
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools" / "lib"))
import bench_rig  # pylint: disable=wrong-import-position

SHIPPED = ROOT / "tools/packaging/edge/nginx.conf"
# What a process gets by default: small, so that a flood can fill it. And what the unit gives, or as
# much of it as this machine allows.
FEW_DESCRIPTORS = 1024
UNIT_DESCRIPTORS = min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
REVOKER = """[ca]
default_ca = dev
[dev]
database = {certs}/index.txt
default_md = sha256
default_crl_days = 30
"""


def resident_mib(pids):
    return sum(resident_of(pid) for pid in pids)


def resident_of(pid):
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().split("\n"):
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0


def children(pid):
    out = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(") ")[2].split()[1]) == pid:
                out.append(int(stat.parent.name))
        except OSError:
            continue
    return out


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class HostileRig(bench_rig.Rig):
    def __init__(self, build, daemon=None):
        super().__init__(build)
        self.daemon_path = pathlib.Path(daemon) if daemon else self.program("api/auditledgerd")
        self.edge_dir = self.folder / "edge"
        self.edge_dir.mkdir(mode=0o700)
        self.revoke()

    def client(self, name, roles=""):
        """A client's certificate, and what it may do."""
        self.run([self.program("tools/auditctl"), "dev-certs", self.certs, "--client",
                  f"{name}=spiffe://hospital.example/{name}", *(("--grant", f"{name}={roles}")
                                                                 if roles else ())])

    def openssl(self, *arguments):
        config = self.certs / "revoker.cnf"
        config.write_text(REVOKER.format(certs=self.certs))
        self.run(["openssl", "ca", "-config", config, "-keyfile", self.certs / "ca.key", "-cert",
                  self.certs / "ca.pem", *arguments])

    def revoke(self, *names):
        """Writes crl.pem, with these certificates and those of former calls."""
        (self.certs / "index.txt").touch()
        for name in names:
            self.openssl("-revoke", self.certs / f"{name}.pem")
        self.openssl("-gencrl", "-out", self.certs / "crl.pem")

    def serve(self, name, *flags, descriptors=UNIT_DESCRIPTORS):
        root = self.folder / name
        root.mkdir(exist_ok=True)
        tls = f"{self.certs}/server.pem,{self.certs}/server.key,{self.certs}/ca.pem"
        return bench_rig.Process(
            ["prlimit", f"--nofile={descriptors}:{descriptors}", self.daemon_path, "--root", root,
             "--listen", f"main,127.0.0.1:0,{tls}", "--auto_create", "bench=bench.example/log",
             "--access_policy", self.certs / "access.policy", "--log_level", "error",
             "--ready_file", self.folder / f"{name}.ready", *flags],
            self.folder, name)

    def edge(self):
        return Nginx(self)

    @property
    def ledger_socket(self):
        return self.edge_dir / "ledger.sock"


class Nginx:
    """The shipped edge, in front of the rig's `ledger_socket`."""

    def __init__(self, rig, binary="/usr/sbin/nginx"):
        run = rig.folder / "nginx"
        run.mkdir(mode=0o700)
        self.address = f"127.0.0.1:{free_port()}"
        text = SHIPPED.read_text()
        for shipped, here in ((" 7443;", f" {self.address};"),
                              ("/run/auditledger-nginx", str(run)),
                              ("/run/auditledger-edge", str(rig.edge_dir)),
                              ("/etc/auditledger-edge/tls/server.crt", f"{rig.certs}/server.pem"),
                              ("/etc/auditledger-edge/tls/ca.crt", f"{rig.certs}/ca.pem"),
                              ("/etc/auditledger-edge/tls", str(rig.certs))):
            if shipped not in text:
                raise bench_rig.RigError(f"{SHIPPED} has no {shipped}")
            text = text.replace(shipped, here)
        self.config = run / "nginx.conf"
        self.config.write_text(text)
        # As root nginx would give its workers another user, who cannot enter our folders.
        user = " user root;" if os.geteuid() == 0 else ""
        self.log_path = run / "log"
        self.log = open(self.log_path, "w", encoding="utf-8")
        self.child = subprocess.Popen(
            [binary, "-p", run, "-c", self.config, "-g", f"daemon off;{user}"],
            stdout=self.log, stderr=self.log)
        self._wait()

    def _wait(self):
        host, port = self.address.rsplit(":", 1)
        for _ in range(200):
            try:
                socket.create_connection((host, int(port)), timeout=1).close()
                return
            except OSError:
                select.select([], [], [], 0.05)
            if self.child.poll() is not None:
                break
        self.child.kill()
        raise bench_rig.RigError(f"nginx did not start: {self.log_path.read_text()[-2000:]}")

    def looks_good(self):
        """What the unit asks before a start and a reload."""
        command = ["/usr/sbin/nginx", "-t", "-q", "-p", self.config.parent, "-c", self.config]
        done = subprocess.run(command, stdout=self.log, stderr=self.log, check=False)
        return done.returncode == 0

    def reload(self):
        """A CRL or certificate that changed; returns once the old workers take nothing more."""
        old = set(children(self.child.pid))
        self.child.send_signal(signal.SIGHUP)
        until = time.monotonic() + 10
        while set(children(self.child.pid)) <= old and time.monotonic() < until:
            select.select([], [], [], 0.05)
        select.select([], [], [], 0.2)

    @property
    def pids(self):
        return [self.child.pid, *children(self.child.pid)]

    def running(self):
        return self.child.poll() is None

    def stop(self):
        if self.running():
            self.child.send_signal(signal.SIGTERM)
        code = self.child.wait(bench_rig.STOP_SECONDS)
        self.log.close()
        return code
