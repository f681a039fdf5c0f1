#include "tests/bench/switch_off.h"

#include <openssl/evp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "ledger/identity_index.h"
#include "ledger/payload_cipher.h"
#include "ledger/payload_compression.h"
#include "ledger/read_back.h"
#include "ledger/seed_store.h"
#include "merkle/commitment.h"
#include "merkle/neighbour_proofs.h"
#include "merkle/tags.h"

namespace auditledger {

std::array<std::atomic<bool>, kParts> switched_off{};

namespace {

constexpr absl::string_view kNames[kParts] = {"parsing and rules",
                                              "sealing, all of it",
                                              "  hashes of the units",
                                              "  tags",
                                              "  encryption",
                                              "    compression",
                                              "exactly once",
                                              "key store",
                                              "LevelDB",
                                              "reading back",
                                              "signature",
                                              "inclusion proofs",
                                              "syncs",
                                              "roles",
                                              "masks",
                                              "log of the log"};

using Hashes = std::vector<Hash>;
using Index = std::unique_ptr<IdentityIndex>;
using Seeds = std::unique_ptr<SeedStore>;

// With the part off nothing is known, and nothing is kept.
class SwitchedIndex : public IdentityIndex {
 public:
  explicit SwitchedIndex(Index real) : real_(std::move(real)) {}
  uint64_t covered() const override { return real_->covered(); }
  absl::StatusOr<std::optional<uint64_t>> Lookup(const Mac128& identity) override {
    if (IsOff(Part::kExactlyOnce)) return std::nullopt;
    return real_->Lookup(identity);
  }
  absl::Status Insert(const Mac128& identity, uint64_t index) override {
    if (IsOff(Part::kExactlyOnce)) return absl::OkStatus();
    return real_->Insert(identity, index);
  }
  absl::Status Advance(uint64_t size) override { return real_->Advance(size); }
  absl::Status Flush() override { return real_->Flush(); }
  absl::Status Verify() override { return real_->Verify(); }
  size_t MemoryBytes() const override { return real_->MemoryBytes(); }

 private:
  const Index real_;
};

class SwitchedSeeds : public SeedStore {
 public:
  explicit SwitchedSeeds(Seeds real) : real_(std::move(real)) {}
  absl::Status Put(uint64_t first_index, absl::Span<const std::string> secrets) override {
    // A segment that is missing later would stop the ledger: those are begun all the same.
    const bool begins_segment =
        first_index % kSeedSlotsPerSegment + secrets.size() >= kSeedSlotsPerSegment;
    if (IsOff(Part::kKeyStore) && !begins_segment) return absl::OkStatus();
    return real_->Put(first_index, secrets);
  }
  absl::StatusOr<std::string> Get(uint64_t index) override { return real_->Get(index); }
  absl::StatusOr<State> StateOf(uint64_t index) override { return real_->StateOf(index); }
  absl::Status Erase(uint64_t index) override { return real_->Erase(index); }

 private:
  const Seeds real_;
};

}  // namespace

absl::string_view NameOf(Part part) { return kNames[static_cast<size_t>(part)]; }

// Of each function the real one and what callers reach in its place. The names are the compiler's
// (Debian 12's Abseil is a part of them); CMakeLists.txt has the same.
#define AUDITLEDGER_WRAPPED(symbol, declaration, real) \
  declaration asm("__wrap_" symbol);                   \
  real asm("__real_" symbol)

AUDITLEDGER_WRAPPED(
    "_ZN11auditledger10DeriveTagsERKNS_7HmacKeyEN4absl7debian34SpanIKNS_8UnitViewEEE",
    absl::StatusOr<Hashes> WrapTags(const HmacKey&, absl::Span<const UnitView>),
    absl::StatusOr<Hashes> RealTags(const HmacKey&, absl::Span<const UnitView>));
AUDITLEDGER_WRAPPED(
    "_ZN11auditledger11DigestUnitsEN4absl7debian311string_viewENS1_4SpanIKNS_"
    "8UnitViewEEE",
    std::vector<UnitDigest> WrapUnits(absl::string_view, absl::Span<const UnitView>),
    std::vector<UnitDigest> RealUnits(absl::string_view, absl::Span<const UnitView>));
AUDITLEDGER_WRAPPED("_ZN11auditledger15InclusionProofsENS_9LeafRangeEmRNS_10NodeReaderE",
                    absl::StatusOr<std::vector<Hashes>> WrapProofs(LeafRange, uint64_t,
                                                                   NodeReader&),
                    absl::StatusOr<std::vector<Hashes>> RealProofs(LeafRange, uint64_t,
                                                                   NodeReader&));
AUDITLEDGER_WRAPPED(
    "_ZN11auditledger8ReadBackEmRKNS_4HeadERKSt6vectorISt4pairINS_6TileIdENSt7__"
    "cxx1112basic_stringIcSt11char_traitsIcESaIcEEEESaISC_EERNS_6EngineERNS_"
    "9NodeCacheE",
    absl::StatusOr<std::vector<std::string>> WrapReadBack(uint64_t, const Head&,
                                                          const WrittenTiles&, Engine&, NodeCache&),
    absl::StatusOr<std::vector<std::string>> RealReadBack(uint64_t, const Head&,
                                                          const WrittenTiles&, Engine&,
                                                          NodeCache&));
AUDITLEDGER_WRAPPED("_ZN11auditledger15CompressPayloadB5cxx11EN4absl7debian311string_viewE",
                    std::string WrapCompress(absl::string_view),
                    std::string RealCompress(absl::string_view));
AUDITLEDGER_WRAPPED(
    "_ZN11auditledger13IdentityIndex4OpenERKNSt7__cxx1112basic_"
    "stringIcSt11char_traitsIcESaIcEEEmRKNS_12LedgerLimitsE",
    absl::StatusOr<Index> WrapOpenIndex(const std::string&, uint64_t, const LedgerLimits&),
    absl::StatusOr<Index> RealOpenIndex(const std::string&, uint64_t, const LedgerLimits&));
AUDITLEDGER_WRAPPED(
    "_ZN11auditledger9SeedStore4OpenERKNSt7__"
    "cxx1112basic_stringIcSt11char_traitsIcESaIcEEES8_RKNS_11KeyProviderERNS_6RandomE",
    absl::StatusOr<Seeds> WrapOpenSeeds(const std::string&, const std::string&, const KeyProvider&,
                                        Random&),
    absl::StatusOr<Seeds> RealOpenSeeds(const std::string&, const std::string&, const KeyProvider&,
                                        Random&));
// A member: its object comes first.
AUDITLEDGER_WRAPPED(
    "_ZNK11auditledger11PayloadKeys7EncryptB5cxx11EN4absl7debian311string_"
    "viewES3_RKNS_4HashERKNS_11PayloadViewE",
    absl::StatusOr<std::string> WrapEncrypt(const PayloadKeys*, absl::string_view,
                                            absl::string_view, const Hash&, const PayloadView&),
    absl::StatusOr<std::string> RealEncrypt(const PayloadKeys*, absl::string_view,
                                            absl::string_view, const Hash&, const PayloadView&));

absl::StatusOr<Hashes> WrapTags(const HmacKey& key, absl::Span<const UnitView> units) {
  if (IsOff(Part::kTags)) return Hashes();
  return RealTags(key, units);
}

std::vector<UnitDigest> WrapUnits(absl::string_view seed, absl::Span<const UnitView> units) {
  if (!IsOff(Part::kUnitHashes)) return RealUnits(seed, units);
  std::vector<UnitDigest> digests;
  digests.reserve(units.size());
  for (const UnitView& unit : units) digests.push_back({unit.path, Hash{}});
  return digests;
}

absl::StatusOr<std::vector<Hashes>> WrapProofs(LeafRange leaves, uint64_t size,
                                               NodeReader& reader) {
  if (IsOff(Part::kProofs)) return std::vector<Hashes>(leaves.end - leaves.begin);
  return RealProofs(leaves, size, reader);
}

absl::StatusOr<std::vector<std::string>> WrapReadBack(uint64_t old_size, const Head& head,
                                                      const WrittenTiles& tiles, Engine& engine,
                                                      NodeCache& nodes) {
  if (IsOff(Part::kReadBack)) return std::vector<std::string>(head.size - old_size);
  return RealReadBack(old_size, head, tiles, engine, nodes);
}

std::string WrapCompress(absl::string_view plain) {
  return IsOff(Part::kCompression) ? "" : RealCompress(plain);
}

absl::StatusOr<Index> WrapOpenIndex(const std::string& dir, uint64_t size,
                                    const LedgerLimits& limits) {
  absl::StatusOr<Index> real = RealOpenIndex(dir, size, limits);
  if (!real.ok()) return real.status();
  return Index(new SwitchedIndex(*std::move(real)));
}

absl::StatusOr<Seeds> WrapOpenSeeds(const std::string& dir, const std::string& origin,
                                    const KeyProvider& keys, Random& random) {
  absl::StatusOr<Seeds> real = RealOpenSeeds(dir, origin, keys, random);
  if (!real.ok()) return real.status();
  return Seeds(new SwitchedSeeds(*std::move(real)));
}

absl::StatusOr<std::string> WrapEncrypt(const PayloadKeys* keys, absl::string_view nonce,
                                        absl::string_view origin, const Hash& commitment,
                                        const PayloadView& payload) {
  // As long as a record that was compressed, so that what follows costs the same.
  static std::atomic<size_t> usual{0};
  if (IsOff(Part::kEncryption)) return std::string(usual.load(std::memory_order_relaxed), 'r');
  absl::StatusOr<std::string> record = RealEncrypt(keys, nonce, origin, commitment, payload);
  if (record.ok()) usual.store(record->size(), std::memory_order_relaxed);
  return record;
}

}  // namespace auditledger

extern "C" {

int __real_EVP_DigestSign(EVP_MD_CTX*, unsigned char*, size_t*, const unsigned char*, size_t);
int __wrap_EVP_DigestSign(EVP_MD_CTX* context, unsigned char* signature, size_t* length,
                          const unsigned char* message, size_t size) {
  if (!auditledger::IsOff(auditledger::Part::kSignature)) {
    return __real_EVP_DigestSign(context, signature, length, message, size);
  }
  std::memset(signature, 's', *length);
  return 1;
}

// The program's own come before the C library's, for LevelDB's library as well.
int fdatasync(int fd) {
  if (auditledger::IsOff(auditledger::Part::kSyncs)) return 0;
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}
int fsync(int fd) {
  if (auditledger::IsOff(auditledger::Part::kSyncs)) return 0;
  return static_cast<int>(syscall(SYS_fsync, fd));
}
}
