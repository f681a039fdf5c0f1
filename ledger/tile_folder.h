// A log as a public folder in C2SP tlog-tiles layout, written as the log grows: leaves, tiles and
// signed heads, never payloads. Any web server or bucket may serve it as it lies there.
//
//   checkpoint                signed note, replaced last: what it covers is on the disk before it
//   tile/<L>/<N>[.p/<W>]      tiles of hashes
//   tile/entries/<N>[.p/<W>]  bundles of leaves
//   key-changes               where the log's key was rotated: the changes among the leaves
//                             (merkle/key_change_list.h, without proofs), there before the first
//                             checkpoint of another key is
//   writing.tmp, lock         ours; a web server may show them, they say nothing
//
// Example:
//   ASSIGN_OR_RETURN(auto folder, TileFolder::Open({dir, origin, key}));
//   for (uint64_t i = folder->size(); i < head_size; ++i) RETURN_IF_ERROR(folder->Append(leaf));
//   RETURN_IF_ERROR(folder->Publish(note));
//
// A full tile or bundle is written once it is full, a partial one for each head that is published.
// What a head covers is never written again with other bytes. Partial forms of a tile stay until
// the head after the one that filled it: who still holds the head before finds them meanwhile.
//
// A crash leaves the folder at its last head; files beyond it are the log's own and are written
// again. Files and folders are 0644 and 0755 whatever the umask: leaves carry no personal data.
//
// Thread-safety: an object belongs to one thread; a lock keeps a second writer of the folder out.
// After an error drop the object and open the folder anew. Memory: one bundle, and a tile a level.
// Source: c2sp.org/tlog-tiles (standards.md 2.4).
#ifndef AUDITLEDGER_LEDGER_TILE_FOLDER_H_
#define AUDITLEDGER_LEDGER_TILE_FOLDER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/posix_file.h"
#include "ledger/tree_edge.h"
#include "merkle/checkpoint.h"
#include "merkle/key_chain.h"
#include "merkle/note.h"
#include "merkle/tile.h"

namespace auditledger {

// The largest file: a bundle of 256 leaves of the format's largest size.
inline constexpr size_t kMaxTileFolderFileBytes = kTileWidth * (2 + kMaxEntryBytes);

// Tiles and bundles of such a folder: the form of exactly `width`, or the full one that has taken
// its place. NotFound; DataLoss for one that is cut short.
class TileFolderReader : public TileReader {
 public:
  explicit TileFolderReader(std::string dir) : dir_(std::move(dir)) {}
  absl::StatusOr<std::string> ReadTile(TileId id, uint64_t width) override;
  // `width` leaves from the first of bundle `index`.
  absl::StatusOr<std::vector<std::string>> ReadEntries(uint64_t index, uint64_t width);

 private:
  const std::string dir_;
};

class TileFolder {
 public:
  struct Log {
    std::string dir;
    std::string origin;
    NoteVerifier key;  // any that the log has had
    // Changes that are known beside those that the folder and its leaves show.
    std::vector<LoggedKeyChange> key_changes = {};
  };
  // Makes the folder (its parent must be there), or goes on at the head it holds.
  // FailedPrecondition: it holds another log (origin or key), or somebody else writes it. DataLoss:
  // its right edge does not lead to its head.
  static absl::StatusOr<std::unique_ptr<TileFolder>> Open(Log log);

  // Leaves so far, those of the published head included.
  uint64_t size() const { return edge_.size(); }
  // MTH of them.
  Hash Root() const { return edge_.Root(); }
  // The head in the folder; nothing before the first.
  const std::optional<SignedCheckpoint>& published() const { return published_; }

  // The changes of the log's key among the leaves, and those that were given.
  const std::vector<LoggedKeyChange>& key_changes() const { return changes_; }

  // The next leaf. InvalidArgument over kMaxEntryBytes.
  absl::Status Append(std::string leaf);
  // Makes durable what was appended, then `note` the folder's head. FailedPrecondition unless it is
  // signed by the log's key and of exactly this size and root: then nothing was published.
  absl::Status Publish(absl::string_view note);
  // Publish's first half: what Append kept back is in files too, and readers see the former head.
  absl::Status WritePartials();

 private:
  TileFolder(Log log, PosixFile lock) : log_(std::move(log)), lock_(std::move(lock)) {}
  absl::Status Resume(absl::string_view note);
  absl::Status TakeTiles();
  absl::StatusOr<SignedCheckpoint> OpenHead(absl::string_view note) const;
  void TakeKeyChange(const LoggedKeyChange& change);
  absl::Status WriteKeyChanges(uint64_t size);
  absl::Status Write(const std::string& relative, absl::string_view bytes);
  absl::Status MakeFolders(const std::string& relative_dir);
  void RemoveStale();

  const Log log_;
  const PosixFile lock_;
  TreeEdge edge_;
  std::vector<LoggedKeyChange> changes_;                        // ascending
  std::vector<std::string> leaves_;                             // of the bundle not yet full
  std::map<uint8_t, std::pair<TileId, std::string>> partials_;  // changed since the last head
  std::set<std::string> folders_;                               // known to be there
  std::optional<SignedCheckpoint> published_;
  std::vector<std::string> filled_;  // ".p" folders of what became full since the last head
  std::vector<std::string> stale_;   // the same, since the head before
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_TILE_FOLDER_H_
