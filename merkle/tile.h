// C2SP tlog-tiles: tiles of 256 hashes, their coordinates, paths and entry bundles.
//
// Thread-safety: values and pure functions. Source: c2sp.org/tlog-tiles (standards.md 2.4).
#ifndef AUDITLEDGER_MERKLE_TILE_H_
#define AUDITLEDGER_MERKLE_TILE_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "merkle/hash.h"
#include "merkle/node_reader.h"

namespace auditledger {

inline constexpr uint64_t kTileWidth = 256;
inline constexpr int kTileHeight = 8;
inline constexpr size_t kMaxEntryBytes = 65535;  // a bundle's length prefix has 16 bits

// Tile n at level l: entry i is MTH(D[(n*256+i)*256^l : (n*256+i+1)*256^l]).
struct TileId {
  uint8_t level = 0;
  uint64_t index = 0;
  friend auto operator<=>(const TileId&, const TileId&) = default;
};

// Hashes that tile `id` holds in a tree of `size` leaves: 0..256.
uint64_t TileWidthAt(TileId id, uint64_t size);
// All tiles that have at least one hash in a tree of `size` and did not in that form in `old_size`:
// what an append changes. Ascending by level, then index.
std::vector<TileId> ChangedTiles(uint64_t old_size, uint64_t size);

// "tile/0/x001/x234/067", with ".p/W" when width < 256. REQUIRES: 1 <= width <= 256.
std::string TilePath(TileId id, uint64_t width);
// "tile/entries/000" and so on.
std::string EntriesPath(uint64_t index, uint64_t width);

struct ParsedTilePath {
  bool entries = false;
  TileId id;
  uint64_t width = kTileWidth;
};
// Strict: what TilePath and EntriesPath make and nothing else.
absl::StatusOr<ParsedTilePath> ParseTilePath(absl::string_view path);

// Bundle of entries: each BE16(length) || entry. InvalidArgument over kMaxEntryBytes or 256
// entries.
absl::StatusOr<std::string> EncodeEntryBundle(absl::Span<const std::string> entries);
// Strict: exactly `width` (1 to 256) entries and no trailing bytes.
absl::StatusOr<std::vector<std::string>> ParseEntryBundle(absl::string_view bundle, uint64_t width);
// As views of `bundle`.
absl::StatusOr<std::vector<absl::string_view>> ParseEntryBundleViews(absl::string_view bundle,
                                                                     uint64_t width);

// Where tiles come from: a database, a folder, a map.
class TileReader {
 public:
  virtual ~TileReader() = default;
  // The tile's hashes, 32 bytes each, at least `width` of them (more is fine). NotFound when
  // absent.
  virtual absl::StatusOr<std::string> ReadTile(TileId id, uint64_t width) = 0;
};

// Reads nodes through tiles, remembering each tile read: make one for each proof or commit, it
// never forgets. Not thread-safe. `tiles` must outlive it.
class TileNodeReader : public NodeReader {
 public:
  // `size`: leaves of the tree; nodes beyond it are refused with OutOfRange.
  TileNodeReader(TileReader& tiles, uint64_t size) : tiles_(tiles), size_(size) {}
  absl::StatusOr<std::vector<Hash>> ReadNodes(const std::vector<NodeId>& ids) override;

 private:
  absl::StatusOr<Hash> ReadNode(NodeId id);
  TileReader& tiles_;
  uint64_t size_;
  std::map<TileId, std::string> cache_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_TILE_H_
