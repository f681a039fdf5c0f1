"""HTTP/2 (RFC 9113) and HPACK (RFC 7541) by hand, so that nothing refuses to misbehave.

Only what a client sends is built; of what comes back, frames are cut and headers left packed.
"""
import select
import socket
import ssl
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    0, 1, 3, 4, 6, 7, 8, 9)
END_STREAM, ACK, END_HEADERS = 1, 1, 4
HEADER_TABLE_SIZE, INITIAL_WINDOW_SIZE = 1, 4
MAX_WINDOW = 2**31 - 1
CANCEL = 8


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(**values):
    names = {"table": HEADER_TABLE_SIZE, "window": INITIAL_WINDOW_SIZE}
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", names[name], value)
                                          for name, value in values.items()))


def integer(value, bits, flags=0):
    """RFC 7541, 5.1."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([flags | value])
    out, value = [flags | most], value - most
    while value >= 128:
        out.append(value % 128 | 128)
        value //= 128
    return bytes(out + [value])


def literal(name, value, indexed=False):
    """A header written out, without Huffman code; `indexed` also puts it in the dynamic table."""
    name, value = name.encode(), value if isinstance(value, bytes) else value.encode()
    return (bytes([0x40 if indexed else 0]) + integer(len(name), 7) + name +
            integer(len(value), 7) + value)


def call_headers(path, extra=b"", authority="localhost"):
    return b"".join(literal(name, value) for name, value in (
        (":method", "POST"), (":scheme", "https"), (":path", path), (":authority", authority),
        ("content-type", "application/grpc"), ("te", "trailers"))) + extra


def message(body):
    return b"\0" + struct.pack(">I", len(body)) + body


def text_field(number, text):
    return bytes([number << 3 | 2]) + integer(len(text), 7) + text.encode()


class Target:
    """Where and as whom to connect; `source`: the loopback address to come from."""

    def __init__(self, address, certs, source):
        host, port = address.rsplit(":", 1)
        self.address, self.certs, self.source = (host, int(port)), certs, source

    def connect(self, timeout=5, receive_buffer=None):
        plain = socket.socket()
        if receive_buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plain.settimeout(timeout)
        plain.bind((self.source, 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.connect(self.address)
        return plain

    def secure(self, timeout=5, receive_buffer=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(f"{self.certs}/ca.pem")
        context.load_cert_chain(f"{self.certs}/client.pem", f"{self.certs}/client.key")
        context.set_alpn_protocols(["h2"])
        plain = self.connect(timeout, receive_buffer)
        try:
            return context.wrap_socket(plain, server_hostname="localhost")
        except OSError:
            plain.close()
            raise


class Gone(Exception):
    """The other side has closed."""


class Pump:
    """Sends as fast as the other side takes it, and throws away what comes back, if `reads`."""

    def __init__(self, target, reads=True, receive_buffer=None):
        self.socket, self.reads = target.secure(receive_buffer=receive_buffer), reads
        self.socket.setblocking(False)
        self.received = 0

    def send(self, data, until):
        """False when `until` has come before all was sent."""
        view = memoryview(data)
        while view:
            if time.monotonic() > until:
                return False
            try:
                view = view[self.socket.send(view):]
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                select.select([self.socket] if self.reads else [], [self.socket], [], 0.05)
            except (OSError, ssl.SSLError) as error:
                raise Gone(str(error)) from error
            self.drain()
        return True

    def drain(self):
        while self.reads:
            try:
                got = self.socket.recv(65536)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except (OSError, ssl.SSLError) as error:
                raise Gone(str(error)) from error
            if not got:
                raise Gone("closed")
            self.received += len(got)

    def close(self):
        self.socket.close()


class Connection:
    """A client that keeps the rules: one call at a time."""

    def __init__(self, target, timeout=5):
        self.socket, self.buffer, self.stream = target.secure(timeout), b"", 1
        self.socket.sendall(PREFACE + settings(window=1 << 20) +
                            frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30)))

    def close(self):
        self.socket.close()

    def call(self, path, body):
        """The answer's messages, as bytes; empty for a refusal. OSError, Gone without an answer."""
        stream, self.stream = self.stream, self.stream + 2
        self.socket.sendall(frame(HEADERS, END_HEADERS, stream, call_headers(path)) +
                            frame(DATA, END_STREAM, stream, message(body)))
        answer = b""
        while True:
            kind, flags, number, payload = self.next_frame()
            if kind == SETTINGS and not flags & ACK:
                self.socket.sendall(frame(SETTINGS, ACK, 0))
            elif kind == PING and not flags & ACK:
                self.socket.sendall(frame(PING, ACK, 0, payload))
            elif kind == GOAWAY and struct.unpack(">I", payload[:4])[0] < stream:
                raise Gone("told to go away")
            elif number == stream and kind == RST_STREAM:
                raise Gone("reset")
            elif number == stream:
                answer += payload if kind == DATA else b""
                if flags & END_STREAM and kind in (DATA, HEADERS):
                    return answer

    def next_frame(self):
        head = self.take(9)
        size = int.from_bytes(head[:3], "big")
        return head[3], head[4], int.from_bytes(head[5:], "big") & MAX_WINDOW, self.take(size)

    def take(self, size):
        while len(self.buffer) < size:
            got = self.socket.recv(65536)
            if not got:
                raise Gone("closed")
            self.buffer += got
        out, self.buffer = self.buffer[:size], self.buffer[size:]
        return out
