#include "merkle/tile.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "merkle/bytes.h"
#include "merkle/frontier.h"
#include "merkle/status_macros.h"
#include "merkle/text.h"

namespace auditledger {
namespace {

constexpr int kMaxTileLevel = 63;  // of the path format; a tree below 2^63 leaves ends at level 7

// Hashes at tile level `level` in a tree of `size` leaves.
uint64_t HashesAt(int level, uint64_t size) {
  const int shift = level * kTileHeight;
  return shift < 64 ? size >> shift : 0;
}

// 1234067 -> "x001/x234/067".
std::string IndexPath(uint64_t index) {
  std::string path = absl::StrFormat("%03d", index % 1000);
  for (index /= 1000; index > 0; index /= 1000) {
    path = absl::StrCat(absl::StrFormat("x%03d/", index % 1000), path);
  }
  return path;
}

std::string PartialSuffix(uint64_t width) {
  return width < kTileWidth ? absl::StrCat(".p/", width) : "";
}

absl::Status BadPath(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("tile path: ", why));
}

// The number in an index path. Lenient in form: the caller formats it again and compares.
absl::StatusOr<uint64_t> ParseIndexPath(absl::string_view path) {
  uint64_t index = 0;
  for (char c : path) {
    if (c == 'x' || c == '/') continue;
    if (c < '0' || c > '9') return BadPath("index is not made of digits");
    const uint64_t digit = static_cast<uint64_t>(c - '0');
    if (index > (kMaxTreeSize - digit) / 10) return BadPath("index over 2^63 - 1");
    index = index * 10 + digit;
  }
  return index;
}

}  // namespace

uint64_t TileWidthAt(TileId id, uint64_t size) {
  const uint64_t hashes = HashesAt(id.level, size);
  if (id.index > hashes / kTileWidth) return 0;
  return std::min(hashes - id.index * kTileWidth, kTileWidth);
}

std::vector<TileId> ChangedTiles(uint64_t old_size, uint64_t size) {
  std::vector<TileId> tiles;
  for (int level = 0; HashesAt(level, size) > HashesAt(level, old_size); ++level) {
    const uint64_t first = HashesAt(level, old_size) / kTileWidth;
    const uint64_t last = (HashesAt(level, size) - 1) / kTileWidth;
    for (uint64_t index = first; index <= last; ++index) {
      tiles.push_back({static_cast<uint8_t>(level), index});
    }
  }
  return tiles;
}

std::string TilePath(TileId id, uint64_t width) {
  return absl::StrCat("tile/", id.level, "/", IndexPath(id.index), PartialSuffix(width));
}

std::string EntriesPath(uint64_t index, uint64_t width) {
  return absl::StrCat("tile/entries/", IndexPath(index), PartialSuffix(width));
}

absl::StatusOr<ParsedTilePath> ParseTilePath(absl::string_view path) {
  absl::string_view rest = path;
  if (!absl::ConsumePrefix(&rest, "tile/")) return BadPath("does not begin with tile/");
  ParsedTilePath parsed;
  if (absl::ConsumePrefix(&rest, "entries/")) {
    parsed.entries = true;
  } else {
    const size_t slash = rest.find('/');
    if (slash == absl::string_view::npos) return BadPath("no index");
    ASSIGN_OR_RETURN(const uint64_t level, ParseDecimal("tile path: level", rest.substr(0, slash)));
    if (level > kMaxTileLevel) return BadPath("level over 63");
    parsed.id.level = static_cast<uint8_t>(level);
    rest.remove_prefix(slash + 1);
  }
  const size_t partial = rest.find(".p/");
  if (partial != absl::string_view::npos) {
    ASSIGN_OR_RETURN(parsed.width, ParseDecimal("tile path: width", rest.substr(partial + 3)));
    if (parsed.width == 0 || parsed.width >= kTileWidth) return BadPath("width is not 1 to 255");
    rest = rest.substr(0, partial);
  }
  ASSIGN_OR_RETURN(parsed.id.index, ParseIndexPath(rest));
  const std::string again = parsed.entries ? EntriesPath(parsed.id.index, parsed.width)
                                           : TilePath(parsed.id, parsed.width);
  if (again != path) return BadPath("index is not groups of three digits");
  return parsed;
}

absl::StatusOr<std::string> EncodeEntryBundle(absl::Span<const std::string> entries) {
  if (entries.empty() || entries.size() > kTileWidth) {
    return absl::InvalidArgumentError(
        absl::StrCat("entry bundle: ", entries.size(), " entries, needs 1 to ", kTileWidth));
  }
  std::string bundle;
  for (const std::string& entry : entries) {
    if (entry.size() > kMaxEntryBytes) {
      return absl::InvalidArgumentError(absl::StrCat("entry bundle: an entry has ", entry.size(),
                                                     " bytes, at most ", kMaxEntryBytes));
    }
    PutBytes16(bundle, entry);
  }
  return bundle;
}

absl::StatusOr<std::vector<absl::string_view>> ParseEntryBundleViews(absl::string_view bundle,
                                                                     uint64_t width) {
  if (width == 0 || width > kTileWidth) {
    return absl::InvalidArgumentError(
        absl::StrCat("entry bundle: width ", width, ", needs 1 to ", kTileWidth));
  }
  std::vector<absl::string_view> entries(width);
  ByteReader reader(bundle);
  for (absl::string_view& entry : entries) {
    RETURN_IF_ERROR(reader.Bytes16("entry bundle: entry", entry));
  }
  RETURN_IF_ERROR(reader.Finish("entry bundle"));
  return entries;
}

absl::StatusOr<std::vector<std::string>> ParseEntryBundle(absl::string_view bundle,
                                                          uint64_t width) {
  ASSIGN_OR_RETURN(const std::vector<absl::string_view> views,
                   ParseEntryBundleViews(bundle, width));
  return std::vector<std::string>(views.begin(), views.end());
}

absl::StatusOr<std::vector<Hash>> TileNodeReader::ReadNodes(const std::vector<NodeId>& ids) {
  std::vector<Hash> hashes;
  hashes.reserve(ids.size());
  for (NodeId id : ids) {
    ASSIGN_OR_RETURN(const Hash hash, ReadNode(id));
    hashes.push_back(hash);
  }
  return hashes;
}

absl::StatusOr<Hash> TileNodeReader::ReadNode(NodeId id) {
  if (id.level >= 64 || id.index >= size_ >> id.level) {
    return absl::OutOfRangeError(absl::StrCat("tiles: node ", id.level, "/", id.index,
                                              " is not full in a tree of ", size_, " leaves"));
  }
  // The node is the root over 2^height neighbours in one tile.
  const int height = id.level % kTileHeight;
  const uint64_t first = id.index << height;
  const uint64_t count = uint64_t{1} << height;
  const TileId tile{static_cast<uint8_t>(id.level / kTileHeight), first / kTileWidth};

  auto cached = cache_.find(tile);
  if (cached == cache_.end()) {
    const uint64_t width = TileWidthAt(tile, size_);
    ASSIGN_OR_RETURN(std::string bytes, tiles_.ReadTile(tile, width));
    if (bytes.size() < width * Hash::kSize || bytes.size() > kTileWidth * Hash::kSize ||
        bytes.size() % Hash::kSize != 0) {
      return absl::DataLossError(absl::StrCat(TilePath(tile, width), ": has ", bytes.size(),
                                              " bytes, needs ", width * Hash::kSize));
    }
    cached = cache_.emplace(tile, std::move(bytes)).first;
  }
  Frontier frontier;
  for (uint64_t i = first % kTileWidth; i < first % kTileWidth + count; ++i) {
    ASSIGN_OR_RETURN(
        const Hash hash,
        Hash::FromBytes(absl::string_view(cached->second).substr(i * Hash::kSize, Hash::kSize)));
    frontier.Append(hash);
  }
  return frontier.Root();
}

}  // namespace auditledger
