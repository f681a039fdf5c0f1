#!/usr/bin/python3
"""A ledger on loopback for the tests of the clients in other languages.

Usage: rig.py BUILD_FOLDER FOLDER COMMAND [ARGUMENT...]

Starts auditledgerd with mTLS, roles and access tokens, makes the ledger `clinic`, and runs COMMAND
in FOLDER. What the command finds in its environment:

  AUDITLEDGER          host:port, certificates          AUDITLEDGER_CERTS  ca.pem, and NAME.pem with
  AUDITLEDGER_PROXY    the same through a proxy                            NAME.key of the clients
  AUDITLEDGER_TOKEN    host:port, tokens alone          AUDITLEDGER_RIG    host:port, commands below

The clients are ehr (emitter and prover) and auditor (auditor). Beside their files lie clinic.vkey
and `token`, one of ehr.

A command is a line, answered with `ok` or what is wrong:
  lose-answer   drop what the server answers through the proxy until its log has grown, then cut
  snapshot      stop the server, copy all that it keeps, start it
  rollback      stop the server, put the copy in place, start it
"""
import base64
import json
import os
import pathlib
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

ORIGIN = "audit.example.org/clinic"
ISSUER, AUDIENCE = "https://idp.example", "auditledger"
PATIENCE = 20  # seconds for whatever another process has to do


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """An identity provider: its key set, and tokens of an hour."""

    def __init__(self):
        self._key = ec.generate_private_key(ec.SECP256R1())

    def jwks(self):
        point = self._key.public_key().public_numbers()
        return json.dumps({"keys": [{
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "rig",
            "x": base64url(point.x.to_bytes(32, "big")),
            "y": base64url(point.y.to_bytes(32, "big"))}]})

    def token(self, subject):
        now = int(time.time())
        parts = [{"alg": "ES256", "typ": "at+jwt", "kid": "rig"},
                 {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + 3600}]
        signed = ".".join(base64url(json.dumps(part).encode()) for part in parts)
        r, s = utils.decode_dss_signature(
            self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


class Ledger:
    """The server and its files."""

    def __init__(self, build, work):
        self._build, self._work = build, work
        self.certs, self._root = work / "certs", work / "ledger"
        self.address = f"127.0.0.1:{free_port()}"
        self.token_address = f"127.0.0.1:{free_port()}"
        self._process = None

    def set_up(self):
        issuer = Issuer()
        self._run("dev-certs", self.certs, "--client", "ehr=spiffe://hospital.example/ehr",
                  "--client", "auditor=spiffe://hospital.example/auditor",
                  "--client", "admin=spiffe://hospital.example/admin",
                  "--grant", "ehr=emitter,prover", "--grant", "auditor=auditor")
        policy = self.certs / "access.policy"
        grants = policy.read_text()
        for grant in grants.split("grants {")[1:]:
            if "spiffe://hospital.example/ehr" in grant:
                grants += "grants {" + grant.replace(
                    "spiffe://hospital.example/ehr", f"{ISSUER}#ehr")
        policy.write_text(grants)
        (self.certs / "jwks.json").write_text(issuer.jwks())
        (self.certs / "token").write_text(issuer.token("ehr") + "\n")
        self._root.mkdir()
        self.start()
        made = json.loads(self.ctl("create-ledger", "clinic", "--origin", ORIGIN, "--json"))
        (self.certs / "clinic.vkey").write_text(made["vkey"] + "\n")

    def start(self):
        certs, ready = self.certs, self._work / "ready"
        ready.unlink(missing_ok=True)
        files = f"{certs}/server.pem,{certs}/server.key,{certs}/ca.pem"
        self._process = subprocess.Popen([
            "nice", "-n", "10", self._build / "api/auditledgerd", "--root", self._root,
            "--listen", f"main,{self.address},{files}",
            "--listen", f"tokens,{self.token_address},{files}", "--credential", "tokens=token",
            "--tokens", f"{ISSUER},{AUDIENCE},{certs}/jwks.json",
            "--access_policy", certs / "access.policy", "--ready_file", ready,
            "--log_file", self._work / "server.log"])
        deadline = time.monotonic() + PATIENCE
        while not ready.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the server did not start: " + self.log())
            time.sleep(0.02)

    def stop(self):
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(PATIENCE)

    def log(self):
        path = self._work / "server.log"
        return path.read_text()[-3000:] if path.exists() else ""

    def _run(self, *arguments):
        return subprocess.run([self._build / "tools/auditctl", *arguments], check=True,
                              stdout=subprocess.PIPE, text=True).stdout

    def ctl(self, *arguments):
        certs = self.certs
        return self._run("--server", self.address, "--ca", certs / "ca.pem",
                         "--cert", certs / "admin.pem", "--key-file", certs / "admin.key",
                         "--ledger", "clinic", *arguments)

    def size(self):
        return int(self.ctl("checkpoint").split("\n")[1])

    def snapshot(self):
        self.stop()
        shutil.rmtree(self._work / "copy", ignore_errors=True)
        shutil.copytree(self._root, self._work / "copy", symlinks=True)
        self.start()

    def rollback(self):
        self.stop()
        shutil.rmtree(self._root)
        shutil.move(self._work / "copy", self._root)
        self.start()


class Proxy:
    """Carries bytes to the server, and loses answers when told to."""

    def __init__(self, target):
        self._target = target.rsplit(":", 1)
        self._losing, self._lock, self._sockets = threading.Event(), threading.Lock(), set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self._listener.accept()
            try:
                server = socket.create_connection((self._target[0], int(self._target[1])))
            except OSError:
                client.close()
                continue
            with self._lock:
                self._sockets |= {client, server}
            for source, sink, answers in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pump, args=(source, sink, answers),
                                 daemon=True).start()

    def _pump(self, source, sink, answers):
        try:
            while data := source.recv(65536):
                if not (answers and self._losing.is_set()):
                    sink.sendall(data)
        except OSError:
            pass
        self._close({source, sink})

    def _close(self, sockets):
        with self._lock:
            self._sockets -= sockets
        for one in sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()

    def lose_answer(self, size):
        """Returns once answers are lost; a thread cuts when size() has grown."""
        before = size()
        self._losing.set()

        def cut():
            deadline = time.monotonic() + PATIENCE
            while size() == before and time.monotonic() < deadline:
                time.sleep(0.02)
            with self._lock:
                sockets = set(self._sockets)
            self._close(sockets)
            self._losing.clear()
        threading.Thread(target=cut, daemon=True).start()


class Commands(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            command = line.decode().strip()
            try:
                self.server.commands[command]()
                answer = "ok"
            except Exception as error:  # the test at the other end tells it
                answer = f"{command}: {type(error).__name__} {error}"
            self.wfile.write(answer.replace("\n", " ").encode() + b"\n")


class CommandServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


def main():
    if len(sys.argv) < 4:
        print(__doc__, file=sys.stderr)
        return 64
    build, folder = (pathlib.Path(one).resolve() for one in sys.argv[1:3])
    work = pathlib.Path(tempfile.mkdtemp(prefix="auditledger-rig-"))
    ledger = Ledger(build, work)
    try:
        ledger.set_up()
        proxy = Proxy(ledger.address)
        server = CommandServer(("127.0.0.1", 0), Commands)
        server.commands = {"lose-answer": lambda: proxy.lose_answer(ledger.size),
                           "snapshot": ledger.snapshot, "rollback": ledger.rollback}
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment = {
            **os.environ, "AUDITLEDGER": ledger.address, "AUDITLEDGER_PROXY": proxy.address,
            "AUDITLEDGER_TOKEN": ledger.token_address, "AUDITLEDGER_CERTS": str(ledger.certs),
            "AUDITLEDGER_RIG": "127.0.0.1:%d" % server.server_address[1]}
        return subprocess.run(sys.argv[3:], cwd=folder, env=environment).returncode
    finally:
        ledger.stop()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
