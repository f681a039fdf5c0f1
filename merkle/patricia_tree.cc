#include "merkle/patricia_tree.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "merkle/bytes.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

bool IsLeaf(const PatriciaNode& node) { return node.bit == kPatriciaKeyBits; }

Hash HashOf(const PatriciaNode& node) {
  return IsLeaf(node) ? node.left : PatriciaForkHash(node.bit, node.left, node.right);
}

// The first `bits` bits of `key`, the others zero.
Hash FirstBits(const Hash& key, uint16_t bits) {
  Hash out;
  std::copy_n(key.bytes.begin(), (bits + 7) / 8, out.bytes.begin());
  if (bits % 8 != 0) out.bytes[bits / 8] &= static_cast<uint8_t>(0xff << (8 - bits % 8));
  return out;
}

// How many bits two keys begin with alike; kPatriciaKeyBits where they are one.
uint16_t SharedBits(const Hash& a, const Hash& b) {
  if (a == b) return kPatriciaKeyBits;
  return static_cast<uint16_t>(FirstDifferentBit(a.view(), b.view()));
}

// Where the side of a fork at `bit` hangs that `key` belongs to.
PatriciaSlot SideOf(const Hash& key, uint16_t bit) {
  const auto bits = static_cast<uint16_t>(bit + 1);
  return {bits, FirstBits(key, bits)};
}

// The same of a key that has `right` in that bit.
PatriciaSlot SideOf(const Hash& key, uint16_t bit, bool right) {
  PatriciaSlot slot = SideOf(key, bit);
  const auto mask = static_cast<uint8_t>(0x80 >> bit % 8);
  if (right) {
    slot.prefix.bytes[bit / 8] |= mask;
  } else {
    slot.prefix.bytes[bit / 8] &= static_cast<uint8_t>(~mask);
  }
  return slot;
}

// A node of `slot`, which must fit there.
absl::StatusOr<PatriciaNode> ReadAt(const PatriciaSlot& slot, PatriciaReader& reader) {
  ASSIGN_OR_RETURN(const std::optional<PatriciaNode> node, reader.ReadNode(slot));
  if (node.has_value() && node->bit >= slot.bits && node->bit <= kPatriciaKeyBits &&
      FirstBits(node->key, slot.bits) == slot.prefix) {
    return *node;
  }
  return absl::DataLossError(absl::StrCat("map: ", node.has_value() ? "another's" : "no",
                                          " node in the slot of ", slot.bits, " bits ",
                                          slot.prefix.ToHex()));
}

using Changes = absl::Span<const PatriciaChange>;

class Update {
 public:
  using Write = absl::FunctionRef<void(const PatriciaSlot&, const PatriciaNode&)>;
  Update(PatriciaReader& reader, Write write) : reader_(reader), write_(write) {}

  // All of these do what they say below `slot` and return the hash of what then hangs there. They
  // are at most 256 deep: each call is a bit further down.

  // Nothing is there yet. REQUIRES: changes.
  Hash Build(const PatriciaSlot& slot, Changes changes) {
    if (changes.size() == 1) return Put(slot, LeafOf(changes.front()));
    const uint16_t bit = SharedBits(changes.front().key, changes.back().key);
    const Changes left = LeftOf(changes, bit);
    PatriciaNode fork{bit, FirstBits(changes.front().key, bit), {}, {}};
    fork.left = Build(SideOf(fork.key, bit, false), left);
    fork.right = Build(SideOf(fork.key, bit, true), changes.subspan(left.size()));
    return Put(slot, fork);
  }

  // `node` hangs at `slot`, or hung above it and is to hang there. REQUIRES: changes.
  absl::StatusOr<Hash> Merge(const PatriciaSlot& slot, const PatriciaNode& node, Changes changes) {
    const uint16_t shared = std::min({node.bit, SharedBits(node.key, changes.front().key),
                                      SharedBits(node.key, changes.back().key)});
    if (shared < node.bit) return Split(slot, node, shared, changes);
    if (IsLeaf(node)) return Put(slot, LeafOf(changes.front()));
    const Changes left = LeftOf(changes, node.bit);
    PatriciaNode fork = node;
    RETURN_IF_ERROR(MergeSide(SideOf(node.key, node.bit, false), left, fork.left));
    RETURN_IF_ERROR(
        MergeSide(SideOf(node.key, node.bit, true), changes.subspan(left.size()), fork.right));
    return Put(slot, fork);
  }

 private:
  static PatriciaNode LeafOf(const PatriciaChange& change) {
    return {kPatriciaKeyBits, change.key, change.leaf_hash, {}};
  }

  // The changes of a fork's left side, which come first.
  static Changes LeftOf(Changes changes, uint16_t bit) {
    const auto right = std::partition_point(
        changes.begin(), changes.end(),
        [&](const PatriciaChange& change) { return !PatriciaBit(change.key.view(), bit); });
    return changes.subspan(0, static_cast<size_t>(right - changes.begin()));
  }

  absl::Status MergeSide(const PatriciaSlot& slot, Changes changes, Hash& hash) {
    if (changes.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const PatriciaNode node, ReadAt(slot, reader_));
    ASSIGN_OR_RETURN(hash, Merge(slot, node, changes));
    return absl::OkStatus();
  }

  // A fork at `bit`, above which all keys are alike, takes the place of `node`, which goes to one
  // of its sides.
  absl::StatusOr<Hash> Split(const PatriciaSlot& slot, const PatriciaNode& node, uint16_t bit,
                             Changes changes) {
    const bool node_is_right = PatriciaBit(node.key.view(), bit);
    const Changes left = LeftOf(changes, bit);
    const Changes right = changes.subspan(left.size());
    const PatriciaSlot there = SideOf(node.key, bit, node_is_right);
    const Changes with_node = node_is_right ? right : left;
    Hash moved;
    if (with_node.empty()) {
      moved = Put(there, node);
    } else {
      ASSIGN_OR_RETURN(moved, Merge(there, node, with_node));
    }
    const Hash built = Build(SideOf(node.key, bit, !node_is_right), node_is_right ? left : right);
    PatriciaNode fork{bit, FirstBits(node.key, bit), moved, built};
    if (node_is_right) std::swap(fork.left, fork.right);
    return Put(slot, fork);
  }

  Hash Put(const PatriciaSlot& slot, const PatriciaNode& node) {
    write_(slot, node);
    return HashOf(node);
  }

  PatriciaReader& reader_;
  Write write_;
};

size_t BytesOf(uint16_t bits) { return (bits + 7u) / 8; }

}  // namespace

std::string EncodePatriciaSlot(const PatriciaSlot& slot) {
  std::string out;
  PutU16(out, slot.bits);
  absl::StrAppend(&out, slot.prefix.view().substr(0, BytesOf(slot.bits)));
  return out;
}

std::string EncodePatriciaNode(const PatriciaNode& node) {
  std::string out;
  PutU16(out, node.bit);
  absl::StrAppend(&out, node.key.view().substr(0, BytesOf(node.bit)), node.left.view());
  if (!IsLeaf(node)) absl::StrAppend(&out, node.right.view());
  return out;
}

absl::StatusOr<PatriciaNode> ParsePatriciaNode(absl::string_view bytes) {
  ByteReader in(bytes);
  PatriciaNode node;
  RETURN_IF_ERROR(in.U16("map node bit", node.bit));
  if (node.bit > kPatriciaKeyBits) {
    return absl::InvalidArgumentError(absl::StrCat("map node bit: ", node.bit, " is over 256"));
  }
  const auto read_hash = [&](absl::string_view what, size_t size, Hash& out) {
    absl::string_view raw;
    RETURN_IF_ERROR(in.Raw(what, size, raw));
    std::copy(raw.begin(), raw.end(), out.bytes.begin());
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(read_hash("map node key", BytesOf(node.bit), node.key));
  if (node.key != FirstBits(node.key, node.bit)) {
    return absl::InvalidArgumentError("map node key: has bits beyond its own");
  }
  RETURN_IF_ERROR(read_hash("map node left", Hash::kSize, node.left));
  if (!IsLeaf(node)) RETURN_IF_ERROR(read_hash("map node right", Hash::kSize, node.right));
  RETURN_IF_ERROR(in.Finish("map node"));
  return node;
}

absl::StatusOr<Hash> UpdatePatricia(
    absl::Span<const PatriciaChange> changes, PatriciaReader& reader,
    absl::FunctionRef<void(const PatriciaSlot&, const PatriciaNode&)> write) {
  ASSIGN_OR_RETURN(const std::optional<PatriciaNode> root, reader.ReadNode({}));
  if (changes.empty()) return root.has_value() ? HashOf(*root) : EmptyRoot();
  Update update(reader, write);
  if (!root.has_value()) return update.Build({}, changes);
  return update.Merge({}, *root, changes);
}

absl::StatusOr<PatriciaPath> FindPatricia(const Hash& key, PatriciaReader& reader) {
  PatriciaPath path;
  ASSIGN_OR_RETURN(const std::optional<PatriciaNode> root, reader.ReadNode({}));
  if (!root.has_value()) {
    path.root = EmptyRoot();
    return path;
  }
  path.root = HashOf(*root);
  PatriciaNode node = *root;
  while (!IsLeaf(node)) {
    const bool right = PatriciaBit(key.view(), node.bit);
    path.steps.push_back({node.bit, right ? node.left : node.right});
    // The slot is named by what is there, not by the key, which may part from it above.
    ASSIGN_OR_RETURN(node, ReadAt(SideOf(node.key, node.bit, right), reader));
  }
  path.found = node.key;
  std::reverse(path.steps.begin(), path.steps.end());
  return path;
}

}  // namespace auditledger
