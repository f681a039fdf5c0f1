#!/usr/bin/env python3
"""What the edge lets through, and what not: the shipped nginx.conf in front of auditledgerd.

    edge_check.py BUILD_FOLDER        exit code 0: all holds, 1: something does not
"""
import base64
import pathlib
import re
import select
import socket
import ssl
import subprocess
import sys
import time
import urllib.parse

import frames
import rig

ADMIN_METHOD = "/auditledger.v1.AdminService/GetServerStatus"
HEAD_METHOD = "/auditledger.v1.LedgerService/GetCheckpoint"
OK, PERMISSION_DENIED, RESOURCE_EXHAUSTED = "0", "7", "8"
UNIMPLEMENTED, UNAVAILABLE, UNAUTHENTICATED = "12", "14", "16"


class Checks:
    def __init__(self, the_rig, edge):
        self.rig, self.edge, self.failed = the_rig, edge, 0

    def holds(self, good, text):
        print(f"{'PASS' if good else 'FAIL'}  {text}", flush=True)
        self.failed += not good

    def call(self, path, certificate, body=b"", headers=(), certs=None):
        """grpc-status of a call by curl, which may send any header; "" without one."""
        request = self.rig.folder / "request"
        request.write_bytes(frames.message(body))
        certs = certs or self.rig.certs
        who = ["--cert", certs / f"{certificate}.pem", "--key", certs / f"{certificate}.key"]
        command = ["curl", "--silent", "--http2", "--max-time", 20, "--dump-header", "-",
                   "--output", "/dev/null", "--cacert", self.rig.certs / "ca.pem",
                   *(who if certificate else []),
                   "--header", "content-type: application/grpc", "--header", "te: trailers",
                   *[part for header in headers for part in ("--header", header)],
                   "--data-binary", f"@{request}", f"https://{self.edge.address}{path}"]
        answer = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
        found = re.findall(r"^grpc-status: (\d+)", answer.stdout, re.M | re.I)
        return found[-1] if found else ""

    def escaped(self, name):
        return urllib.parse.quote((self.rig.certs / f"{name}.pem").read_text(), safe="-._~")


def who_comes_in(checks):
    checks.holds(checks.call(ADMIN_METHOD, "admin") == OK, "the administrator is known by its URI")
    checks.holds(checks.call(ADMIN_METHOD, "ehr") == PERMISSION_DENIED, "an emitter by its own")
    admin = checks.escaped("admin")
    for header in ("auditledger-client-certificate", "Auditledger-Client-Certificate",
                   "auditledger_client_certificate"):
        status = checks.call(ADMIN_METHOD, "ehr", headers=[f"{header}: {admin}"])
        checks.holds(status == PERMISSION_DENIED, f"a forged {header} makes no administrator")
        status = checks.call(ADMIN_METHOD, "", headers=[f"{header}: {admin}"])
        checks.holds(status == UNAUTHENTICATED, f"a forged {header} does not replace a certificate")
    checks.holds(checks.call(ADMIN_METHOD, "") == UNAUTHENTICATED, "no certificate: nobody")
    other = checks.rig.folder / "other"
    checks.rig.run([checks.rig.program("tools/auditctl"), "dev-certs", other, "--client",
                    "admin=spiffe://hospital.example/admin"])
    checks.holds(checks.call(ADMIN_METHOD, "admin", certs=other) == UNAUTHENTICATED,
                 "a certificate of another authority: nobody")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(checks.rig.certs / "ca.pem")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    host, port = checks.edge.address.rsplit(":", 1)
    try:
        with socket.create_connection((host, int(port))) as plain:
            context.wrap_socket(plain, server_hostname="localhost").close()
        checks.holds(False, "TLS 1.2 is refused")
    except ssl.SSLError as error:
        checks.holds("PROTOCOL_VERSION" in str(error), f"TLS 1.2 is refused ({error.reason})")


def no_core(checks, server):
    limits = pathlib.Path(f"/proc/{server.pid}/limits").read_text()
    checks.holds(bool(re.search(r"^Max core file size +0 +0 ", limits, re.M)),
                 "the daemon leaves no core")


def revocation(checks):
    checks.holds(checks.call(HEAD_METHOD, "leaver", frames.text_field(1, "ledgers/bench")) == OK,
                 "who was not revoked comes in")
    checks.rig.revoke("leaver")
    checks.edge.reload()
    checks.holds(checks.call(HEAD_METHOD, "leaver") == UNAUTHENTICATED,
                 "who was revoked, after a reload, does not")
    checks.holds(checks.call(ADMIN_METHOD, "admin") == OK, "all others do")
    # nginx keeps its old list when the new one is broken, and a signal tells nobody.
    unit = (rig.SHIPPED.parent / "auditledger-edge.service").read_text()
    look = re.search(r"^ExecStartPre=(.*)$", unit, re.M).group(1)
    reloads = re.findall(r"^ExecReload=(.*)$", unit, re.M)
    checks.holds(len(reloads) == 2 and reloads[0] == look, "a reload looks at its files first")
    checks.holds(checks.edge.looks_good(), "which says nothing of good ones")
    crl = checks.rig.certs / "crl.pem"
    good = crl.read_text()
    crl.write_text(good[:len(good) // 2])
    checks.holds(not checks.edge.looks_good(), "and fails for half a revocation list")
    crl.write_text(good)
    checks.holds(checks.call(ADMIN_METHOD, "admin") == OK, "while the edge serves on")


def limits(checks):
    big = [f"x-{i}: {'m' * 3000}" for i in range(8)]
    checks.holds(checks.call(HEAD_METHOD, "ehr", headers=big) != OK, "24 KB of metadata: refused")
    token = base64.urlsafe_b64encode(bytes(range(256)) * 18).decode()  # 6 KiB
    checks.holds(checks.call(ADMIN_METHOD, "admin", headers=[f"authorization: Bearer {token}"])
                 == OK, "a token of the daemon's largest size comes through")
    batch = "/auditledger.v1.LedgerService/BatchAppendEvents"
    status = checks.call(batch, "ehr", b"\0" * (10 << 20))
    checks.holds(status == RESOURCE_EXHAUSTED, "a message over 9 MiB: RESOURCE_EXHAUSTED")
    checks.holds(checks.call("/elsewhere", "ehr") == UNIMPLEMENTED, "other paths: UNIMPLEMENTED")
    source = frames.Target(checks.edge.address, checks.rig.certs, "127.0.3.1")
    held = [source.connect() for _ in range(120)]
    refused, until = 0, time.monotonic() + 3
    while refused < 20 and time.monotonic() < until:
        refused = len(select.select(held, [], [], 0.2)[0])  # closed by the other side
    checks.holds(refused == 20, f"an address gets 100 connections ({refused} of 120 refused)")
    checks.holds(checks.call(ADMIN_METHOD, "admin") == OK, "another address is served meanwhile")
    for plain in held:
        plain.close()
    text = rig.SHIPPED.read_text()
    details = base64.b64decode(re.search(r'grpc-status-details-bin "([^"]+)"', text).group(1))
    checks.holds(b"RATE_LIMITED" in details and b"google.rpc.RetryInfo" in details,
                 "refusals for their rate say so, and when to come again")


def streams(checks):
    certs = checks.rig.certs
    command = [checks.rig.program("tools/auditledger-load"), "--server", checks.edge.address,
               "--ledger", "bench", "--ca", certs / "ca.pem", "--cert", certs / "ehr.pem",
               "--key-file", certs / "ehr.key", "--seconds", 1, "--warmup", 0]
    for mode in (["--mode", "unary", "--rate", 200], ["--mode", "batch", "--batch", 100],
                 ["--mode", "stream"]):
        done = subprocess.run([*map(str, command + mode)], capture_output=True, text=True,
                              check=False)
        checks.holds(done.returncode == 0, f"appends, {mode[1]}: every receipt verifies "
                     f"{done.stderr.strip()[-200:]}")


def main():
    with rig.HostileRig(sys.argv[1]) as the_rig:
        the_rig.client("admin", "operator")
        the_rig.client("ehr", "emitter")
        the_rig.client("leaver", "emitter,prover")
        server = the_rig.serve("checked", "--listen", f"edge,unix:{the_rig.ledger_socket},edge")
        edge = the_rig.edge()
        checks = Checks(the_rig, edge)
        try:
            for part in (who_comes_in, streams, limits, revocation):
                part(checks)
            no_core(checks, server)
            server.child.kill()
            server.child.wait()
            checks.holds(checks.call(ADMIN_METHOD, "admin") == UNAVAILABLE,
                         "no daemon: UNAVAILABLE")
        finally:
            edge.stop()
            if server.running():
                server.stop()
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
