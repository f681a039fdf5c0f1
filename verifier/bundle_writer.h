// Writes an evidence bundle, front to back, at any size: entries are spooled to a file beside it,
// since what stands before them in the file counts them.
//
// Example:
//   ASSIGN_OR_RETURN(const auto writer, BundleWriter::Create("answer.bundle"));
//   for (...) RETURN_IF_ERROR(writer->Add(entry));
//   BundleParts parts = ...;                     // query, head, manifest's texts
//   for (const LeafRange run : writer->Runs()) parts.inclusion.push_back({..., proof});
//   ASSIGN_OR_RETURN(const Hash manifest, writer->Finish(parts));
//   // an entry of the log names `manifest`; then
//   RETURN_IF_ERROR(AppendCustody("answer.bundle", EncodeCustodyRecord(receipt, event, proof)));
//
// The file is for its owner alone (0600): it holds personal data. Until Finish it does not exist;
// an interrupted run leaves `.entries.tmp` and `.tmp` beside it, which the next one replaces.
// One that is to be sealed (sealer.h) is written into memory instead, and no disk sees it:
//
//   ASSIGN_OR_RETURN(const MemoryFile memory, MemoryFile::Create());
//   ASSIGN_OR_RETURN(const auto writer, BundleWriter::Into(memory));
//
// Thread-safety: an object belongs to one thread. Memory: a record, and 16 bytes a run; into memory
// twice the bundle.
// Errors: as file_io.h; InvalidArgument for entries that do not ascend or a record over the limit;
// OutOfRange for more than can be sealed.
#ifndef AUDITLEDGER_VERIFIER_BUNDLE_WRITER_H_
#define AUDITLEDGER_VERIFIER_BUNDLE_WRITER_H_

#include <cstdint>
#include <cstdio>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "merkle/frontier.h"
#include "merkle/proof.h"
#include "verifier/bundle_entry.h"
#include "verifier/bundle_framing.h"
#include "verifier/bundle_proofs.h"
#include "verifier/bundle_scope.h"
#include "verifier/memory_file.h"
#include "verifier/sealer.h"

namespace auditledger {

// What fits in a sealed file beside a record of custody and what sealing adds, in a 64th.
inline constexpr uint64_t kMaxSealedBundleBytes = kMaxSealedBytes / 64 * 63;

// What is not entries. Everything but query, head and manifest may be empty.
struct BundleParts {
  BundleQuery query;
  uint64_t size = 0;      // of the head
  uint64_t examined = 0;  // entries that were looked at
  std::string head;       // signed note
  std::string key_changes;
  std::vector<InclusionRun> inclusion;    // of Runs(), in order
  std::vector<std::string> consistency;   // EncodeEarlierHead
  std::vector<std::string> completeness;  // EncodeAnswerRecords
  std::vector<StreamCoverage> coverage;
  std::vector<GlossaryCode> glossary;
  std::string certificate;
  BundleManifest manifest;  // without its sections
};

class BundleWriter {
 public:
  static absl::StatusOr<std::unique_ptr<BundleWriter>> Create(const std::string& path);
  // REQUIRES: `file` is empty, and outlives the writer.
  static absl::StatusOr<std::unique_ptr<BundleWriter>> Into(
      const MemoryFile& file, uint64_t max_bytes = kMaxSealedBundleBytes);
  ~BundleWriter();

  // In ascending order.
  absl::Status Add(const BundleEntry& entry);
  uint64_t entries() const { return entries_.records; }
  // The entries so far as runs of neighbours, each of which needs one proof.
  const std::vector<LeafRange>& Runs() const { return runs_; }
  // Writes the file. The SHA-256 of its manifest: what the log's entry about it must name.
  absl::StatusOr<Hash> Finish(const BundleParts& parts);

 private:
  struct Sums {
    uint64_t records = 0;
    uint64_t bytes = 0;
    Frontier frontier;
  };
  BundleWriter(std::string path, std::string spool_path, std::string new_path)
      : path_(std::move(path)),
        spool_path_(std::move(spool_path)),
        new_path_(std::move(new_path)) {}
  bool in_memory() const { return memory_spool_ != nullptr; }
  absl::Status Grow(size_t bytes);
  std::string ScopeJson(const BundleParts& parts) const;
  absl::Status WriteSections(const BundleParts& parts);
  absl::Status Put(BundleSection section, const std::string& content);
  absl::Status CopySpool();
  static void Count(const std::string& content, Sums& sums);
  BundleRule& Counted(uint8_t rule);

  const std::string path_;
  const std::string spool_path_;
  const std::string new_path_;  // of a file in memory its own
  std::unique_ptr<MemoryFile> memory_spool_;
  uint64_t max_bytes_ = std::numeric_limits<uint64_t>::max();
  uint64_t bytes_ = 0;  // of records
  std::FILE* spool_ = nullptr;
  std::FILE* out_ = nullptr;
  Sums entries_;
  std::map<uint8_t, BundleRule> rules_;
  uint64_t matched_ = 0;
  uint64_t context_ = 0;
  std::vector<LeafRange> runs_;
  std::vector<ListedSection> listed_;
  Sums open_section_;  // of the last one listed
};

// Adds a record of custody to the end of a finished bundle, and syncs it. `path` may be a
// MemoryFile's.
absl::Status AppendCustody(const std::string& path, const std::string& record);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_BUNDLE_WRITER_H_
