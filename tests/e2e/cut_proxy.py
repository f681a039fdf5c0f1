#!/usr/bin/env python3
"""A wire that can be cut.

Usage: cut_proxy.py FOLDER

Carries bytes between whoever connects and the server whose address stands in FOLDER/ready, looked
up for each connection. While there is a FOLDER/cut, every connection ends and none begins. Its own
port is written to FOLDER/proxy.
"""
import pathlib
import socket
import sys
import threading
import time

FOLDER = pathlib.Path(sys.argv[1])
LOOK_SECONDS = 0.02
sockets = set()
lock = threading.Lock()


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
    for ends in ((client, server), (server, client)):
        threading.Thread(target=pump, args=ends, daemon=True).start()


def cut():
    while True:
        if (FOLDER / "cut").exists():
            with lock:
                ends = set(sockets)
            close(ends)
        time.sleep(LOOK_SECONDS)


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    (FOLDER / "proxy.tmp").write_text(str(listener.getsockname()[1]))
    (FOLDER / "proxy.tmp").rename(FOLDER / "proxy")
    threading.Thread(target=cut, daemon=True).start()
    while True:
        client, _ = listener.accept()
        if (FOLDER / "cut").exists():
            close({client})
        else:
            connect(client)


main()
