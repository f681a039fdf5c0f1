// An exported log: a C2SP tlog-tiles folder, and beside it what opens the entries.
//
//   checkpoint            signed note, written last: it covers everything below
//   tile/<L>/<N>[.p/<W>]  tiles of hashes            tile/entries/<N>[.p/<W>]  leaves
//   payload/<N>[.p/<W>]   payload bundle (merkle/opening.h); absent = nothing of it is disclosed
//   log.vkey              the log's key, for tools that ask for one; never trusted by this verifier
//
// Example:
//   ASSIGN_OR_RETURN(auto out, ExportWriter::Open(dir));        // new, or to go on where it ended
//   for (uint64_t i = out->size(); i < head_size; ++i) RETURN_IF_ERROR(out->Append(leaf, opening));
//   RETURN_IF_ERROR(out->Finish(checkpoint_note));
//
// ExportWriter::Into writes the same files elsewhere: into one sealed file (export_sealer.h).
//
// Continuing rewrites nothing that a former checkpoint covers; partial tiles of former sizes stay
// for those who hold the former checkpoint, former partial payload bundles go. Memory: one bundle
// and one tile for each level.
//
// Thread-safety: an object belongs to one thread, a folder to one writer at a time.
// Source: c2sp.org/tlog-tiles (standards.md 2.4).
#ifndef AUDITLEDGER_VERIFIER_EXPORT_DIR_H_
#define AUDITLEDGER_VERIFIER_EXPORT_DIR_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/checkpoint.h"
#include "merkle/hash.h"
#include "merkle/opening.h"
#include "merkle/tile.h"
#include "verifier/export_sink.h"

namespace auditledger {

inline constexpr size_t kMaxTileFileBytes = kTileWidth * Hash::kSize;
inline constexpr size_t kMaxEntriesFileBytes = kTileWidth * (2 + kMaxEntryBytes);
// Each at most u32, version, seed, header of 65,535 and event of 65,536 bytes with their lengths.
inline constexpr size_t kMaxPayloadFileBytes = kTileWidth * (4 + 1 + 32 + 2 + 65535 + 4 + 65536);

inline constexpr absl::string_view kCheckpointFile = "checkpoint";
inline constexpr absl::string_view kVkeyFile = "log.vkey";

// Tiles of an export. Errors as ReadFileLimited.
class ExportTileReader : public TileReader {
 public:
  explicit ExportTileReader(std::string dir) : dir_(std::move(dir)) {}
  // The tile of exactly `width`, or the full one that has taken its place.
  absl::StatusOr<std::string> ReadTile(TileId id, uint64_t width) override;

 private:
  std::string dir_;
};

// The bundle of leaves `index`, which has `width` of them.
absl::StatusOr<std::string> ReadEntriesFile(const std::string& dir, uint64_t index, uint64_t width);
// The payload bundle beside it; NotFound when nothing of it is disclosed.
absl::StatusOr<std::string> ReadPayloadFile(const std::string& dir, uint64_t index, uint64_t width);

class ExportWriter {
 public:
  // Opens or makes the folder. Where it holds a checkpoint, goes on at its size; DataLoss when its
  // right edge does not lead to that checkpoint's root.
  static absl::StatusOr<std::unique_ptr<ExportWriter>> Open(const std::string& dir);
  // A new export into `sink`, which must outlive it.
  static std::unique_ptr<ExportWriter> Into(ExportSink& sink);

  // Entries so far, those of a former checkpoint included.
  uint64_t size() const { return size_; }
  // The next entry. InvalidArgument for a leaf over kMaxLeafBytes.
  absl::Status Append(std::string leaf, std::optional<Opening> opening);
  // Writes what is pending, then the checkpoint, if it is of exactly this size and root
  // (FailedPrecondition otherwise; its signature is the reader's to check). May be called again
  // after more entries.
  absl::Status Finish(absl::string_view checkpoint_note);
  // The root over what was appended.
  Hash Root() const;

 private:
  explicit ExportWriter(std::string dir);
  explicit ExportWriter(ExportSink& sink) : sink_(sink) {}
  absl::Status Resume(const Checkpoint& checkpoint);
  absl::Status WriteBundle();
  absl::Status WriteTile(TileId id, const std::vector<Hash>& hashes);
  absl::Status PushHash(size_t level, const Hash& hash);

  const std::string dir_;                     // of Open
  const std::unique_ptr<FolderSink> folder_;  // the same
  ExportSink& sink_;
  uint64_t size_ = 0;
  std::vector<std::string> leaves_;               // of the bundle that is not full yet
  std::vector<std::optional<Opening>> openings_;  // beside them
  std::vector<std::vector<Hash>> levels_;         // right edge: hashes of the tile not full yet
  std::vector<std::string> stale_payloads_;       // to remove once a checkpoint covers the new one
};

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_EXPORT_DIR_H_
