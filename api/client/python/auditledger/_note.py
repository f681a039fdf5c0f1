"""Signed heads: C2SP signed-note, vkeys and tlog-checkpoint, as strict as their other readers."""
import base64
import binascii
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ._entry import sha256
from .errors import ReceiptError, differs, malformed

MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100
_ED25519 = 1
_PREFIX = b"\xe2\x80\x94 "  # em dash, space
_SPACES = {0x20, 0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000,
           *range(0x09, 0x0E), *range(0x2000, 0x200B)}


def _decode_base64(what, text):
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = None
    if data is None or base64.b64encode(data) != text:
        raise malformed(f"{what}: not canonical base64")
    return data


def _is_name(name):
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return bool(text) and not any(
        ord(c) < 0x20 or c == "+" or ord(c) in _SPACES for c in text)


@dataclass(frozen=True)
class VerifierKey:
    """An Ed25519 key of a log, from its vkey: "name+hex8(key id)+base64(1 || key)"."""
    name: bytes
    key_id: bytes
    public_key: bytes

    @classmethod
    def parse(cls, vkey):
        parts = vkey.encode("utf-8", "surrogateescape").split(b"+", 2)
        if len(parts) != 3:
            raise malformed("vkey: is not name+id+key")
        name, key_id, encoded = parts
        if not _is_name(name):
            raise malformed("vkey: bad name")
        key = _decode_base64("vkey: key", encoded)
        if len(key) != 33 or key[0] != _ED25519:
            raise malformed("vkey: not an Ed25519 key of a log")
        expected = sha256(name, b"\n", key)[:4]
        if key_id != expected.hex().encode():
            raise malformed("vkey: the key ID is not that of name and key")
        return cls(name, expected, key[1:])

    def verify(self, text, signature):
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text)
        except (InvalidSignature, ValueError):
            raise differs("note: the line of the pinned key does not verify") from None


def _check_characters(what, data):
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        raise malformed(f"{what}: invalid UTF-8") from None
    if any(byte < 0x20 and byte != 0x0A for byte in data):
        raise malformed(f"{what}: control character")


def _parse_line(line):
    if not line.startswith(_PREFIX):
        raise malformed("note: a line after the text is no signature line")
    name, space, encoded = line[len(_PREFIX):].partition(b" ")
    if not space or not _is_name(name):
        raise malformed("note: a signature line with a bad key name, or without signature")
    signature = _decode_base64("note: signature", encoded)
    if len(signature) < 5:
        raise malformed("note: a signature of no bytes")
    return name, signature[:4], signature[4:]


def parse_note(note):
    """(text, [(name, key id, signature)])"""
    if len(note) > MAX_NOTE_BYTES:
        raise malformed(f"note: has {len(note)} bytes, at most {MAX_NOTE_BYTES}")
    _check_characters("note", note)
    split = note.rfind(b"\n\n")  # the text may hold empty lines: the last one divides
    if split < 0:
        raise malformed("note: no empty line before signatures")
    text, rest = note[:split + 1], note[split + 2:]
    if not rest.endswith(b"\n"):
        raise malformed("note: no signature, or a last line without its end")
    lines = rest[:-1].split(b"\n")
    if len(lines) > MAX_SIGNATURES:
        raise malformed(f"note: over {MAX_SIGNATURES} signatures")
    return text, [_parse_line(line) for line in lines]


def open_note(note, key):
    """The text of a note that ``key`` has signed; of its lines the first counts."""
    text, signatures = parse_note(note)
    for name, key_id, signature in signatures:
        if (name, key_id) == (key.name, key.key_id):
            key.verify(text, signature)
            return text
    raise ReceiptError("UNAUTHENTICATED", "note: no known key signed it")


@dataclass(frozen=True)
class Head:
    """A signed head: how long the log was and the root of its tree. Keep the newest one seen."""
    origin: str
    size: int
    root: bytes
    note: str  # verbatim, signatures included


def parse_checkpoint(text):
    """(origin, size, root) of a note's text."""
    _check_characters("checkpoint", text)
    lines = text.split(b"\n")
    if len(lines) < 4 or lines.pop():
        raise malformed("checkpoint: line missing or without its end")
    origin, size, root = lines[:3]
    if not origin or any(not extension for extension in lines[3:]):
        raise malformed("checkpoint: empty line")
    number = int(size) if size.isdigit() and len(size) <= 19 else 2**63
    if number >= 2**63 or str(number).encode() != size:
        raise malformed("checkpoint: size is no decimal number below 2^63")
    root = _decode_base64("checkpoint: root", root)
    if len(root) != 32 or (number == 0 and root != sha256()):
        raise malformed("checkpoint: no root of this size")
    return origin.decode("utf-8"), number, root
