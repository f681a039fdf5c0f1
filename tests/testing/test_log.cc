#include "tests/testing/test_log.h"

#include <openssl/evp.h>

#include <cstdlib>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "merkle/bytes.h"
#include "merkle/checkpoint.h"
#include "merkle/commitment.h"
#include "merkle/openssl_ptr.h"
#include "merkle/proof.h"
#include "merkle/sha256.h"
#include "merkle/tags.h"
#include "merkle/tlog_proof.h"
#include "merkle/units.h"

namespace auditledger::testing {
namespace {

template <typename T>
T Must(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::cerr << "test log: " << value.status() << "\n";
  std::abort();
}

EvpPkeyPtr PrivateKey(uint8_t seed_byte) {
  const std::string seed(32, static_cast<char>(seed_byte));
  EvpPkeyPtr key(EVP_PKEY_new_raw_private_key(
      EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(seed.data()), seed.size()));
  if (key == nullptr) std::abort();
  return key;
}

// Protobuf's wire format, written down a second time: canonical if fields are put in order.
std::string Varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) PutU8(out, static_cast<uint8_t>(value | 0x80));
  PutU8(out, static_cast<uint8_t>(value));
  return out;
}
std::string Number(uint32_t field, uint64_t value) { return Varint(field << 3) + Varint(value); }
std::string Text(uint32_t field, absl::string_view value) {
  return absl::StrCat(Varint(field << 3 | 2), Varint(value.size()), value);
}
std::string IdentifiedBy(absl::string_view system, absl::string_view value) {
  return Text(3, Text(3, system) + Text(4, value));  // Reference.identifier
}

}  // namespace

std::string TestPublicKey(uint8_t seed_byte) {
  std::string out(32, '\0');
  size_t length = out.size();
  if (EVP_PKEY_get_raw_public_key(PrivateKey(seed_byte).get(),
                                  reinterpret_cast<unsigned char*>(out.data()), &length) != 1) {
    std::abort();
  }
  return out;
}

std::string TestSignature(uint8_t seed_byte, absl::string_view message) {
  const EvpPkeyPtr key = PrivateKey(seed_byte);
  const EvpMdCtxPtr context(EVP_MD_CTX_new());
  std::string out(64, '\0');
  size_t length = out.size();
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &length,
                     reinterpret_cast<const unsigned char*>(message.data()), message.size()) != 1) {
    std::abort();
  }
  return out;
}

std::string TestEvent(uint64_t number) {
  const std::string at = Text(1, Number(1, 1'700'000'000 + number));  // Time.at
  const std::string patient = IdentifiedBy("urn:mrn", absl::StrCat("P", number % 7));
  const std::string agent = Text(3, IdentifiedBy("urn:staff", absl::StrCat("U", number % 5))) +
                            Text(5, "Dr. Example") + Number(6, 1);
  const std::string source =
      Text(1, Text(1, "Device/ehr-1")) + Text(8, "ehr-1/0") + Number(9, number + 1);
  const std::string entity = Text(1, Text(1, absl::StrCat("Observation/", number)));
  return Text(1, absl::StrCat("event-", number)) + Number(2, 1) + Text(4, at) + Number(9, 2) +
         Text(11, Number(1, 1)) + Text(14, patient) + Text(17, agent) + Text(18, source) +
         Text(19, entity);
}

TestLog::TestLog(Options options) : TestLog(std::move(options), true) {}

TestLog TestLog::Empty(Options options) { return TestLog(std::move(options), false); }

TestLog::TestLog(Options options, bool with_genesis)
    : options_(std::move(options)),
      verifier_(Must(NoteVerifier::FromEd25519(options_.origin, TestPublicKey(options_.key)))) {
  if (with_genesis) AddSystem(EntryKind::kGenesis, Must(EncodeGenesis(GenesisOf())));
}

Genesis TestLog::GenesisOf() const {
  Genesis genesis;
  genesis.origin = options_.origin;
  genesis.log_key_hash = LogKeyHash(verifier_.type(), verifier_.public_key());
  genesis.index_key_hash = IndexKeyHash(options_.index_key);
  return genesis;
}

std::pair<Leaf, Opening> TestLog::Seal(absl::string_view event,
                                       std::optional<uint8_t> emitter_key) const {
  const std::vector<Unit> units = Must(CutUnits(event));
  Opening opening;
  opening.seed = std::string(Sha256({"test seed", absl::StrCat(size())}).view());
  opening.event = std::string(event);
  const Hash event_commitment = EventCommitment(DigestUnits(opening.seed, units));
  EntryHeader header;
  header.received_at_us = NextTime() - 500;
  header.principal = principal_;
  const EventIdentity identity = Must(ReadEventIdentity(units));
  header.stream_id = identity.stream_id;
  header.event_id = identity.event_id;
  header.stream_sequence = identity.stream_sequence;
  if (emitter_key) {
    const std::string message =
        EmitMessage(options_.origin, header.stream_id, header.event_id, event_commitment);
    header.signature =
        EmitterSignature{TestPublicKey(*emitter_key), TestSignature(*emitter_key, message)};
  }
  opening.header = Must(EncodeHeader(header));
  Leaf leaf;
  leaf.recorded_at_us = NextTime();
  leaf.event_time_us = Must(EventTimeMicros(units));
  leaf.tags = Must(DeriveTags(HmacKey(options_.index_key), units));
  leaf.commitment = EntryCommitment(HeaderHash(opening.seed, opening.header), event_commitment);
  return {leaf, opening};
}

uint64_t TestLog::AddEvent(absl::string_view event) {
  auto [leaf, opening] = Seal(event, std::nullopt);
  return AddLeaf(leaf, opening);
}

uint64_t TestLog::AddEvents(uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) AddEvent(TestEvent(size()));
  return size() - 1;
}

uint64_t TestLog::AddSignedEvent(absl::string_view event, uint8_t emitter_key) {
  auto [leaf, opening] = Seal(event, emitter_key);
  return AddLeaf(leaf, opening);
}

uint64_t TestLog::AddConflict(uint64_t first_index, absl::string_view event) {
  return AddWithEvent(EntryKind::kConflict, EncodeConflict({first_index}), event);
}

uint64_t TestLog::AddWithEvent(EntryKind kind, std::string body, absl::string_view event) {
  auto [leaf, opening] = Seal(event, std::nullopt);
  leaf.kind = kind;
  leaf.body = std::move(body);
  return AddLeaf(leaf, opening);
}

uint64_t TestLog::AddErasure(const EntryRanges& ranges) {
  const ErasureScope scope{ErasureReason::kSubjectRequest, ranges};
  const uint64_t request = AddWithEvent(EntryKind::kErasureRequest,
                                        Must(EncodeErasureRequest(scope)), TestEvent(size()));
  return AddWithEvent(EntryKind::kErasure, Must(EncodeErasure({scope, request})),
                      TestEvent(size()));
}

uint64_t TestLog::AddSystem(EntryKind kind, std::string body) {
  Leaf leaf;
  leaf.kind = kind;
  leaf.recorded_at_us = NextTime();
  leaf.body = std::move(body);
  return AddLeaf(leaf, std::nullopt);
}

uint64_t TestLog::AddLeaf(const Leaf& leaf, std::optional<Opening> opening) {
  return AddBytes(Must(EncodeLeaf(leaf)), std::move(opening));
}

uint64_t TestLog::AddBytes(std::string leaf, std::optional<Opening> opening) {
  frontier_.Append(LeafHash(leaf), [&](NodeId id, const Hash& hash) {
    nodes_[{id.level, id.index}] = hash;
  });
  leaves_.push_back(std::move(leaf));
  openings_.push_back(std::move(opening));
  return size() - 1;
}

absl::StatusOr<std::vector<Hash>> TestLog::ReadNodes(const std::vector<NodeId>& ids) {
  std::vector<Hash> out;
  for (const NodeId& id : ids) out.push_back(nodes_.at({id.level, id.index}));
  return out;
}

Hash TestLog::RootAt(uint64_t size) { return Must(::auditledger::RootAt(size, *this)); }

std::string TestLog::Sign(absl::string_view text) const {
  Note note;
  note.text = std::string(text);
  note.signatures.push_back(
      {verifier_.name(), verifier_.key_id(), TestSignature(options_.key, text)});
  return FormatNote(note);
}

std::string TestLog::CheckpointSaying(uint64_t size, const Hash& root) const {
  Checkpoint checkpoint;
  checkpoint.origin = options_.origin;
  checkpoint.size = size;
  checkpoint.root = root;
  return Sign(FormatCheckpoint(checkpoint));
}

std::string TestLog::CheckpointAt(uint64_t size) { return CheckpointSaying(size, RootAt(size)); }

std::string TestLog::ReceiptFor(uint64_t index, uint64_t size, bool with_opening) {
  ReceiptExtra extra;
  extra.leaf = leaves_[index];
  if (with_opening && openings_[index]) {
    extra.opening = openings_[index];
    extra.opening->event.clear();
  }
  TlogProof proof;
  proof.extra = Must(EncodeReceiptExtra(extra));
  proof.index = index;
  proof.path = Must(InclusionProof(index, size, *this));
  proof.checkpoint = CheckpointAt(size);
  return FormatTlogProof(proof);
}

std::string TestLog::UpdateFrom(uint64_t old_size, uint64_t new_size) {
  CheckpointUpdate update;
  update.old_size = old_size;
  update.proof = Must(ConsistencyProof(old_size, new_size, *this));
  update.checkpoint = CheckpointAt(new_size);
  return FormatCheckpointUpdate(update);
}

}  // namespace auditledger::testing
