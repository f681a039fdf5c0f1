"""What an emitter checks of a receipt before it believes it.

The head is signed by the pinned key for the pinned origin, the leaf is in that head's tree at that
index, and the leaf commits to the very event sent; or, where the ledger says SECRETS_MASKED, to
that event with bytes of its texts overwritten by ``*`` and nothing else changed. The receipt then
carries what was sealed (``receipt.opening.event``): look at it, for a ledger that lies may hide by
``*`` what should have been kept.

All functions are pure and raise ReceiptError.
"""
from dataclasses import dataclass
from typing import Sequence

from . import _entry, _merkle, _note, _wire
from ._note import Head
from .errors import ReceiptError, differs
from .v1 import event_pb2

_EVENT = event_pb2.AuditEvent.DESCRIPTOR
_IDENTITY = (_EVENT.fields_by_name["event_id"].number, _EVENT.fields_by_name["source"].number)


@dataclass(frozen=True)
class PinnedLog:
    """A log by what must reach you by another way than its server: origin and verifier key.

    ``other_vkeys`` are accepted as well: the key that is to follow when the log's is rotated.
    """
    origin: str
    vkey: str
    other_vkeys: Sequence[str] = ()

    def __post_init__(self):
        keys = [_note.VerifierKey.parse(vkey.strip()) for vkey in (self.vkey, *self.other_vkeys)]
        object.__setattr__(self, "_keys", keys)

    def open_head(self, note):
        """The Head of a note that is signed by a pinned key."""
        data = note.encode("utf-8")
        first = None
        for key in self._keys:
            try:
                origin, size, root = _note.parse_checkpoint(_note.open_note(data, key))
                if origin != self.origin:
                    raise ReceiptError("FAILED_PRECONDITION",
                                       f"checkpoint: origin is not {self.origin}")
                return Head(origin, size, root, note)
            except ReceiptError as error:
                first = first or error
        raise first


def _stars_alone(sealed, sent):
    star = ord("*")
    return len(sealed) == len(sent) and all(
        a in (b, star) for a, b in zip(sealed, sent))


def _is_masked(descriptor, sealed, sent, is_event):
    """Whether ``sealed`` is ``sent`` but for stars in texts; an event's identity is the same."""
    ours, theirs = list(_wire.fields(sent)), list(_wire.fields(sealed))
    if [(f[0], f[1], len(f[3])) for f in ours] != [(f[0], f[1], len(f[3])) for f in theirs]:
        return False
    for (number, kind, mine, my_record), (_, _, its, its_record) in zip(ours, theirs):
        field = descriptor.fields_by_number.get(number)
        if kind != _wire.BYTES or (is_event and number in _IDENTITY):
            same = my_record == its_record
        elif field is not None and field.message_type is not None:
            same = _is_masked(field.message_type, its, mine, False)
        else:
            same = _stars_alone(its, mine)
        if not same:
            return False
    return True


def sealed_event(opening, event):
    """What was sealed for the bytes ``event``: themselves, or the same with secrets masked."""
    header = _entry.parse_header(opening.header)
    if not header.flags & _entry.FLAG_SECRETS_MASKED:
        return event
    try:
        masked = _is_masked(_EVENT, opening.event, event, is_event=True)
    except ReceiptError:  # one of them is no message at all
        masked = False
    if not masked:
        raise differs("receipt: what was sealed is another event, not this one with secrets masked")
    return opening.event


def check_receipt_under(head, receipt, event):
    """check_receipt without its signature: ``head`` was opened from this receipt's own note."""
    inclusion = receipt.inclusion
    if inclusion.leaf_index != receipt.index or inclusion.tree_size != head.size:
        raise differs("receipt: its proof is for another index or head")
    _merkle.verify_inclusion(receipt.index, head.size, _merkle.leaf_hash(receipt.leaf),
                             list(inclusion.hashes), head.root)
    leaf = _entry.parse_leaf(receipt.leaf)
    if leaf.kind != _entry.KIND_EVENT:
        raise differs("receipt: the entry is not an event")
    if not receipt.HasField("opening"):
        raise differs("receipt: no opening, so it may be another event's")
    sealed = sealed_event(receipt.opening, event)
    _entry.verify_opening(leaf, receipt.opening.seed, receipt.opening.header, sealed)


def check_receipt(receipt, event, log):
    """Checks a v1 Receipt for ``event`` (a v1 AuditEvent, or its bytes); returns its Head."""
    data = event if isinstance(event, bytes) else event.SerializeToString(deterministic=True)
    try:
        head = log.open_head(receipt.checkpoint.note)
        check_receipt_under(head, receipt, data)
    except ReceiptError as error:
        error.receipt = receipt
        raise
    return head


def check_extension(old, new, proof):
    """That the log of the Head ``new`` begins with that of ``old``, by a consistency proof."""
    _merkle.verify_consistency(old.size, old.root, new.size, new.root, list(proof))
