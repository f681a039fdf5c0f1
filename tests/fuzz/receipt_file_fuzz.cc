// A receipt file and the event beside it, divided by the first two bytes (BE16, 15 bits). With the
// top bit set the first part is a receipt's extra alone, and the target builds and signs the tree
// around it, so that mutation reaches leaves and openings. Only the event that the leaf commits to
// may be verified. An event's JSON form must be canonical in the units' sense.
#include <algorithm>
#include <cstdint>

#include "merkle/checkpoint.h"
#include "merkle/opening.h"
#include "merkle/sha256.h"
#include "merkle/tlog_proof.h"
#include "merkle/units.h"
#include "tests/fuzz/fuzz_log.h"
#include "verifier/event_file.h"
#include "verifier/verify.h"

namespace auditledger {
namespace {

// As the files were found: nothing verifies but what the log's key did sign.
void CheckFiles(const ReceiptInput& input) {
  const Verdict receipt = VerifyReceipt(input, FuzzPin(), {});
  if (receipt.outcome == Outcome::kVerified) {
    FUZZ_CHECK(receipt.head->root.ToHex() == kFuzzRoot);
    FUZZ_CHECK(Sha256({*input.event}).ToHex() == kFuzzEventHash);
  }
  const Verdict head = VerifyHead({input.receipt, *input.event}, FuzzPin(), {});
  if (head.outcome == Outcome::kVerified) FUZZ_CHECK(head.head->root.ToHex() == kFuzzRoot);
}

// As the second entry of a log of two.
void CheckExtra(ReceiptInput input) {
  const auto extra = ParseReceiptExtra(input.receipt);
  if (!extra.ok()) return;
  TlogProof proof;
  proof.extra = input.receipt;
  proof.index = 1;
  proof.path = {LeafHash("genesis")};
  Checkpoint head;
  head.origin = FuzzPin().origin;
  head.size = 2;
  head.root = NodeHash(proof.path[0], LeafHash(extra->leaf));
  proof.checkpoint = FuzzSign(FormatCheckpoint(head));
  input.receipt = FormatTlogProof(proof);
  if (VerifyReceipt(input, FuzzPin(), {}).outcome != Outcome::kVerified) return;
  const auto leaf = ParseLeaf(extra->leaf);
  FUZZ_CHECK(leaf.ok() && leaf->kind == EntryKind::kEvent && extra->opening);
  Opening opening = *extra->opening;
  opening.event = *input.event;
  FUZZ_CHECK(VerifyOpening(*leaf, opening, std::nullopt).ok());
}

}  // namespace
}  // namespace auditledger

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const absl::string_view all = auditledger::FuzzInput(data + 2, size - 2);
  const size_t cut =
      std::min<size_t>(static_cast<size_t>((data[0] & 127) << 8 | data[1]), all.size());
  auditledger::ReceiptInput input;
  input.receipt = std::string(all.substr(0, cut));
  input.event = std::string(all.substr(cut));
  if ((data[0] & 128) != 0) {
    auditledger::CheckExtra(input);
  } else {
    auditledger::CheckFiles(input);
  }
  const auto event = auditledger::EventFromJson(*input.event);
  if (event.ok() && event->size() <= auditledger::kMaxEventBytes) {
    const auto units = auditledger::CutUnits(*event);
    FUZZ_CHECK(!units.ok() || auditledger::JoinUnits(*units).value() == *event);
  }
  return 0;
}
