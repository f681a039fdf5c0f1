#include "merkle/key_chain.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/bytes.h"
#include "merkle/ed25519_verify.h"
#include "merkle/leaf.h"
#include "merkle/status_macros.h"
#include "merkle/verify.h"

namespace auditledger {
namespace {

constexpr uint8_t kBodyVersion = 1;
constexpr char kDomain[] = "auditledger/key-change/v1";  // signed with its closing 0x00
constexpr size_t kMaxOriginBytes = 65535;

absl::Status CheckLength(absl::string_view what, absl::string_view value, size_t length) {
  if (value.size() == length) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, ": has ", value.size(), " bytes, needs ", length));
}

absl::Status ReadKey(absl::string_view what, ByteReader& in, std::string& key) {
  uint8_t type = 0;
  absl::string_view raw;
  RETURN_IF_ERROR(in.U8(what, type));
  if (type != kNoteEd25519) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": type ", type, " is unknown"));
  }
  RETURN_IF_ERROR(in.Raw(what, kEd25519PublicKeyBytes, raw));
  key = std::string(raw);
  return absl::OkStatus();
}

absl::Status ReadSignature(absl::string_view what, ByteReader& in, std::string& signature) {
  absl::string_view raw;
  RETURN_IF_ERROR(in.Raw(what, kEd25519SignatureBytes, raw));
  signature = std::string(raw);
  return absl::OkStatus();
}

absl::Status At(uint64_t index, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat("key change at entry ", index, ": ", status.message()));
}

absl::Status CheckSignatures(absl::string_view origin, const KeyChange& change) {
  ASSIGN_OR_RETURN(const std::string message,
                   KeyChangeMessage(origin, change.old_key, change.new_key));
  absl::Status status = VerifyEd25519(change.old_key, message, change.old_signature);
  if (!status.ok()) return absl::DataLossError("it is not signed by the old key");
  status = VerifyEd25519(change.new_key, message, change.new_signature);
  if (!status.ok()) return absl::DataLossError("it is not signed by the new key");
  return absl::OkStatus();
}

// `change` goes on where `keys` end, to a key that was not among them.
absl::Status CheckGoesOn(const std::vector<std::string>& keys, const KeyChange& change) {
  if (!keys.empty() && keys.back() != change.old_key) {
    return absl::FailedPreconditionError("its old key is not the one before it");
  }
  if (change.new_key == change.old_key ||
      std::find(keys.begin(), keys.end(), change.new_key) != keys.end()) {
    return absl::FailedPreconditionError("its new key was used before");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> EncodeKeyChange(const KeyChange& change) {
  RETURN_IF_ERROR(CheckLength("old key", change.old_key, kEd25519PublicKeyBytes));
  RETURN_IF_ERROR(CheckLength("new key", change.new_key, kEd25519PublicKeyBytes));
  RETURN_IF_ERROR(CheckLength("old signature", change.old_signature, kEd25519SignatureBytes));
  RETURN_IF_ERROR(CheckLength("new signature", change.new_signature, kEd25519SignatureBytes));
  std::string out;
  PutU8(out, kBodyVersion);
  PutU8(out, kNoteEd25519);
  out += change.old_key;
  PutU8(out, kNoteEd25519);
  absl::StrAppend(&out, change.new_key, change.old_signature, change.new_signature);
  return out;
}

absl::StatusOr<KeyChange> ParseKeyChange(absl::string_view body) {
  ByteReader in(body);
  KeyChange out;
  uint8_t version = 0;
  RETURN_IF_ERROR(in.U8("key change version", version));
  if (version != kBodyVersion) {
    return absl::InvalidArgumentError(absl::StrCat("key change version: ", version, " is unknown"));
  }
  RETURN_IF_ERROR(ReadKey("old key", in, out.old_key));
  RETURN_IF_ERROR(ReadKey("new key", in, out.new_key));
  RETURN_IF_ERROR(ReadSignature("old signature", in, out.old_signature));
  RETURN_IF_ERROR(ReadSignature("new signature", in, out.new_signature));
  RETURN_IF_ERROR(in.Finish("key change"));
  return out;
}

absl::StatusOr<std::string> KeyChangeMessage(absl::string_view origin, absl::string_view old_key,
                                             absl::string_view new_key) {
  RETURN_IF_ERROR(CheckLength("old key", old_key, kEd25519PublicKeyBytes));
  RETURN_IF_ERROR(CheckLength("new key", new_key, kEd25519PublicKeyBytes));
  if (origin.size() > kMaxOriginBytes) {
    return absl::InvalidArgumentError(absl::StrCat("origin: over ", kMaxOriginBytes, " bytes"));
  }
  std::string out(kDomain, sizeof(kDomain));
  PutBytes16(out, origin);
  PutU8(out, kNoteEd25519);
  absl::StrAppend(&out, old_key);
  PutU8(out, kNoteEd25519);
  absl::StrAppend(&out, new_key);
  return out;
}

absl::StatusOr<KeyChain> KeyChain::Build(const NoteVerifier& pinned,
                                         const std::vector<KeyChangeEntry>& changes) {
  if (changes.size() > kMaxKeyChanges) {
    return absl::FailedPreconditionError(
        absl::StrCat("over ", kMaxKeyChanges, " changes of the key"));
  }
  KeyChain chain;
  std::vector<std::string> keys;
  for (const KeyChangeEntry& entry : changes) {
    const absl::StatusOr<KeyChange> change = ParseKeyChange(entry.body);
    absl::Status status = change.status();
    if (status.ok() && !chain.indexes_.empty() && entry.index <= chain.indexes_.back()) {
      status = absl::FailedPreconditionError("it does not follow the one before it");
    }
    if (status.ok()) status = CheckGoesOn(keys, *change);
    if (status.ok()) status = CheckSignatures(pinned.name(), *change);
    if (!status.ok()) return At(entry.index, status);
    if (keys.empty()) keys.push_back(change->old_key);
    keys.push_back(change->new_key);
    chain.indexes_.push_back(entry.index);
  }
  if (keys.empty()) keys.push_back(pinned.public_key());
  if (pinned.type() != kNoteEd25519 ||
      std::find(keys.begin(), keys.end(), pinned.public_key()) == keys.end()) {
    return absl::FailedPreconditionError("the pinned key is none of those that the log has had");
  }
  for (const std::string& key : keys) {
    ASSIGN_OR_RETURN(NoteVerifier verifier, NoteVerifier::FromEd25519(pinned.name(), key));
    chain.keys_.push_back(std::move(verifier));
  }
  return chain;
}

absl::StatusOr<KeyChain> KeyChain::BuildFromLeaves(const NoteVerifier& pinned,
                                                   const std::vector<LoggedKeyChange>& changes) {
  std::vector<KeyChangeEntry> entries;
  for (const LoggedKeyChange& change : changes) {
    const absl::StatusOr<Leaf> leaf = ParseLeaf(change.leaf);
    if (!leaf.ok()) return At(change.index, leaf.status());
    if (leaf->kind != EntryKind::kKeyChange) {
      return At(change.index, absl::FailedPreconditionError("the entry is of another kind"));
    }
    entries.push_back({change.index, leaf->body});
  }
  return Build(pinned, entries);
}

std::vector<NoteVerifier> KeyChain::KeysOf(uint64_t size) const {
  // Changes that the head of this size holds.
  const auto held = std::lower_bound(indexes_.begin(), indexes_.end(), size) - indexes_.begin();
  std::vector<NoteVerifier> out;
  if (held > 0 && indexes_[held - 1] == size - 1) out.push_back(keys_[held - 1]);
  out.push_back(keys_[held]);
  return out;
}

absl::StatusOr<SignedCheckpoint> OpenCheckpoint(absl::string_view note, absl::string_view origin,
                                                const KeyChain& chain) {
  ASSIGN_OR_RETURN(const Note parsed, ParseNote(note));
  ASSIGN_OR_RETURN(Checkpoint checkpoint, ParseCheckpoint(parsed.text));
  RETURN_IF_ERROR(OpenNote(note, chain.KeysOf(checkpoint.size)).status());
  if (checkpoint.origin != origin) {
    return absl::FailedPreconditionError(
        absl::StrCat("the checkpoint is of another log than ", origin));
  }
  return SignedCheckpoint{std::move(checkpoint), std::string(note)};
}

absl::StatusOr<SignedCheckpoint> OpenCheckpointWithChanges(
    absl::string_view note, const NoteVerifier& pinned,
    const std::vector<LoggedKeyChange>& changes) {
  ASSIGN_OR_RETURN(const KeyChain chain, KeyChain::BuildFromLeaves(pinned, changes));
  ASSIGN_OR_RETURN(SignedCheckpoint head, OpenCheckpoint(note, pinned.name(), chain));
  for (const LoggedKeyChange& change : changes) {
    const absl::Status included =
        VerifyInclusion(change.index, head.checkpoint.size, LeafHash(change.leaf), change.inclusion,
                        head.checkpoint.root);
    if (!included.ok()) return At(change.index, included);
  }
  return head;
}

}  // namespace auditledger
