#!/usr/bin/env python3
"""A wire that can be cut.

Usage: cut_proxy.py FOLDER

Carries bytes between whoever connects and the server whose address stands in FOLDER/ready, looked
up for each connection. SIGUSR1 cuts it: every connection ends and none begins, until SIGUSR2.
Its own port is written to FOLDER/proxy.
"""
import pathlib
import signal
import socket
import sys
import threading

FOLDER = pathlib.Path(sys.argv[1])
sockets = set()
lock = threading.RLock()  # a signal may come while the main thread has it
is_cut = threading.Event()


def close(ends):
    with lock:
        sockets.difference_update(ends)
    for one in ends:
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        one.close()


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    close({source, sink})


def connect(client):
    try:
        host, port = (FOLDER / "ready").read_text().split()[1].rsplit(":", 1)
        server = socket.create_connection((host, int(port)), timeout=5)
        server.settimeout(None)
    except (OSError, IndexError, ValueError):
        close({client})
        return
    with lock:
        sockets.update({client, server})
    if is_cut.is_set():
        close({client, server})
        return
    for ends in ((client, server), (server, client)):
        threading.Thread(target=pump, args=ends, daemon=True).start()


def cut(*_):
    is_cut.set()
    with lock:
        ends = set(sockets)
    close(ends)


def main():
    signal.signal(signal.SIGUSR1, cut)
    signal.signal(signal.SIGUSR2, lambda *_: is_cut.clear())
    listener = socket.create_server(("127.0.0.1", 0))
    (FOLDER / "proxy.tmp").write_text(str(listener.getsockname()[1]))
    (FOLDER / "proxy.tmp").rename(FOLDER / "proxy")
    while True:
        try:
            client, _ = listener.accept()
        except OSError:  # who asked is gone again
            continue
        connect(client)


main()
