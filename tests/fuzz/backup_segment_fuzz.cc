// A backup's files that parse are built again to the same bytes: there is one encoding for each.
// The first byte chooses the file; a digest that fits is added, or nothing would get past it.
#include <string>
#include <utility>

#include "ledger/backup_index.h"
#include "ledger/backup_segment.h"
#include "ledger/seed_store.h"
#include "merkle/frontier.h"
#include "merkle/sha256.h"
#include "tests/fuzz/fuzz_check.h"

namespace auditledger {
namespace {

std::string WithDigest(absl::string_view body) {
  std::string out(body);
  out += std::string(Sha256({body}).view());
  return out;
}

void CheckLog(absl::string_view body) {
  const std::string bytes = WithDigest(body);
  const auto segment = ParseBackupSegment(bytes);
  if (!segment.ok()) return;
  FUZZ_CHECK(!segment->entries.empty());
  FUZZ_CHECK(segment->end - segment->first == segment->entries.size());
  FUZZ_CHECK(Frontier::FromNodes(segment->end, segment->frontier).ok());
  BackupSegmentBuilder builder(segment->origin, segment->first, segment->first_stream);
  for (const absl::string_view record : segment->streams) builder.AddStream(record);
  for (const BackupEntryView& entry : segment->entries) FUZZ_CHECK(builder.AddEntry(entry).ok());
  FUZZ_CHECK(std::move(builder).Finish(segment->frontier) == bytes);
}

void CheckSecrets(absl::string_view body) {
  const std::string bytes = WithDigest(body);
  const auto segment = ParseSecretsSegment(bytes);
  if (!segment.ok()) return;
  FUZZ_CHECK(segment->slots.size() % kSeedSlotBytes == 0);
  FUZZ_CHECK(EncodeSecretsSegment(*segment) == bytes);
}

void CheckManifest(absl::string_view text) {
  const auto manifest = ParseBackupManifest(text);
  if (manifest.ok()) FUZZ_CHECK(FormatBackupManifest(*manifest) == text);
}

void CheckName(absl::string_view name) {
  const auto log = ParseSegmentName(name);
  if (log.ok()) FUZZ_CHECK(FormatSegmentName(*log) == name);
  const auto secrets = ParseSecretsName(name);
  if (secrets.ok()) FUZZ_CHECK(FormatSecretsName(*secrets) == name);
}

}  // namespace
}  // namespace auditledger

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  absl::string_view input = FuzzInput(data, size);
  if (input.empty()) return 0;
  const char kind = input[0];
  input.remove_prefix(1);
  if (kind == 'L') CheckLog(input);
  if (kind == 'K') CheckSecrets(input);
  if (kind == 'M') CheckManifest(input);
  if (kind == 'N') CheckName(input);
  return 0;
}
