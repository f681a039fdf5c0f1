// Every layout of ours cut off at every byte: refused, and the refusal names the field that the cut
// lies in. A check less and another field would be blamed, or the cut not be noticed at all.
//
// Covers: merkle/leaf, merkle/header, merkle/opening, merkle/key_chain, merkle/system_entries
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "merkle/header.h"
#include "merkle/key_chain.h"
#include "merkle/leaf.h"
#include "merkle/opening.h"
#include "merkle/system_entries.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_log.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;
using testing::TestPublicKey;

struct Field {
  std::string name;  // "name: needs" is what must be said, or the name itself where it has a ':'
  size_t bytes;
};
using Parse = std::function<absl::Status(absl::string_view)>;

void ExpectEveryCutNamed(const std::string& whole, const std::vector<Field>& fields,
                         const Parse& parse) {
  ASSERT_OK(parse(whole));
  size_t begin = 0;
  for (const Field& field : fields) {
    const std::string said =
        absl::StrContains(field.name, ':') ? field.name : absl::StrCat(field.name, ": needs");
    for (size_t cut = begin; cut < begin + field.bytes; ++cut) {
      EXPECT_THAT(parse(absl::string_view(whole).substr(0, cut)),
                  StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(said)))
          << "of " << cut << " bytes";
    }
    begin += field.bytes;
  }
  EXPECT_EQ(begin, whole.size()) << "the fields are all of it";
}

TEST(Truncation, OfALeaf) {
  Leaf leaf;
  leaf.kind = EntryKind::kConflict;
  leaf.tags = {LeafHash("a"), LeafHash("b")};
  if (leaf.tags[1] < leaf.tags[0]) std::swap(leaf.tags[0], leaf.tags[1]);
  leaf.commitment = LeafHash("c");
  leaf.body = "body";
  ExpectEveryCutNamed(EncodeLeaf(leaf).value(),
                      {{"leaf version", 1},
                       {"leaf kind", 1},
                       {"leaf recorded_at_us", 8},
                       {"leaf event_time_us", 8},
                       {"leaf tag count", 2},
                       {"leaf tags: truncated", 2 * Hash::kSize},
                       {"leaf has_commitment", 1},
                       {"leaf commitment", Hash::kSize},
                       {"leaf body", 2 + 4}},
                      [](absl::string_view bytes) { return ParseLeaf(bytes).status(); });
}

TEST(Truncation, OfAHeader) {
  EntryHeader header;
  header.principal = "who";
  header.stream_id = "stream";
  header.event_id = "event";
  header.signature = EmitterSignature{std::string(32, 'k'), std::string(64, 's')};
  ExpectEveryCutNamed(EncodeHeader(header).value(),
                      {{"header version", 1},
                       {"header received_at_us", 8},
                       {"header flags", 8},
                       {"header principal", 2 + 3},
                       {"header stream_id", 2 + 6},
                       {"header event_id", 2 + 5},
                       {"header stream_sequence", 8},
                       {"header signature_algorithm", 1},
                       {"header public_key", 32},
                       {"header signature", 64}},
                      [](absl::string_view bytes) { return ParseHeader(bytes).status(); });
}

TEST(Truncation, OfAnOpeningAReceiptAndAPayloadBundle) {
  Opening opening;
  opening.seed = std::string(32, 's');
  opening.header = "header";
  opening.event = "event";
  ExpectEveryCutNamed(EncodeOpening(opening).value(),
                      {{"opening version", 1},
                       {"opening seed", 32},
                       {"opening header", 2 + 6},
                       {"opening event", 4 + 5}},
                      [](absl::string_view bytes) { return ParseOpening(bytes).status(); });
  const std::string bundle =
      EncodePayloadBundle(std::vector<std::optional<Opening>>{opening, {}}).value();
  ExpectEveryCutNamed(bundle, {{"payload bundle", bundle.size()}}, [](absl::string_view bytes) {
    return ParsePayloadBundle(bytes, 2).status();
  });
  ReceiptExtra extra;
  extra.leaf = "leaf";
  extra.opening = opening;
  extra.opening->event.clear();
  ExpectEveryCutNamed(EncodeReceiptExtra(extra).value(),
                      {{"receipt version", 1},
                       {"receipt leaf", 2 + 4},
                       {"receipt has_opening", 1},
                       {"receipt seed", 32},
                       {"receipt header", 2 + 6}},
                      [](absl::string_view bytes) { return ParseReceiptExtra(bytes).status(); });
}

TEST(Truncation, OfAKeyChange) {
  const KeyChange change{TestPublicKey(1), TestPublicKey(2), std::string(64, 'a'),
                         std::string(64, 'b')};
  ExpectEveryCutNamed(EncodeKeyChange(change).value(),
                      {{"key change version", 1},
                       {"old key", 1 + 32},
                       {"new key", 1 + 32},
                       {"old signature", 64},
                       {"new signature", 64}},
                      [](absl::string_view bytes) { return ParseKeyChange(bytes).status(); });
}

TEST(Truncation, OfTheLedgersOwnEntries) {
  Genesis genesis;
  genesis.origin = "o.test";
  genesis.predecessor_checkpoint = "before";
  ExpectEveryCutNamed(EncodeGenesis(genesis).value(),
                      {{"genesis version", 1},
                       {"genesis origin", 2 + 6},
                       {"genesis hash_suite", 1},
                       {"genesis tag_suite", 1},
                       {"genesis commitment_suite", 1},
                       {"genesis log_key_hash", Hash::kSize},
                       {"genesis index_key_hash", Hash::kSize},
                       {"genesis predecessor", 2 + 6}},
                      [](absl::string_view bytes) { return ParseGenesis(bytes).status(); });
  ExpectEveryCutNamed(EncodeConflict({7}), {{"conflict version", 1}, {"conflict first_index", 8}},
                      [](absl::string_view bytes) { return ParseConflict(bytes).status(); });
  ExpectEveryCutNamed(EncodeOperatorAction({"did"}).value(),
                      {{"operator version", 1}, {"operator what", 2 + 3}},
                      [](absl::string_view bytes) { return ParseOperatorAction(bytes).status(); });
  ExpectEveryCutNamed(EncodeClockStep({1, 2}),
                      {{"clock version", 1}, {"clock before_us", 8}, {"clock after_us", 8}},
                      [](absl::string_view bytes) { return ParseClockStep(bytes).status(); });
  Freeze freeze;
  freeze.successor_origin = "o.test";
  freeze.successor_key_hash = LeafHash("key");
  ExpectEveryCutNamed(EncodeFreeze(freeze).value(),
                      {{"freeze version", 1},
                       {"freeze confirmed_size", 8},
                       {"freeze successor_origin", 2 + 6},
                       {"freeze has_key", 1},
                       {"freeze successor_key_hash", Hash::kSize}},
                      [](absl::string_view bytes) { return ParseFreeze(bytes).status(); });
  ExpectEveryCutNamed(EncodeAnchor({7, LeafHash("root"), LeafHash("token"), 1}),
                      {{"anchor version", 1},
                       {"anchor size", 8},
                       {"anchor root", Hash::kSize},
                       {"anchor token_hash", Hash::kSize},
                       {"anchor time_us", 8}},
                      [](absl::string_view bytes) { return ParseAnchor(bytes).status(); });
}

}  // namespace
}  // namespace auditledger
