#include "tools/monitor_source.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "ledger/posix_file.h"
#include "ledger/tile_folder.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

class HttpSource : public LogSource {
 public:
  HttpSource(std::string prefix, const HttpLimits& limits)
      : prefix_(std::move(prefix)), http_(limits) {}
  absl::StatusOr<std::string> Read(const std::string& path, size_t max_bytes) override {
    return http_.Get(absl::StrCat(prefix_, "/", path), max_bytes);
  }

 private:
  const std::string prefix_;
  HttpClient http_;
};

class FolderSource : public LogSource {
 public:
  explicit FolderSource(std::string dir) : dir_(std::move(dir)) {}
  absl::StatusOr<std::string> Read(const std::string& path, size_t max_bytes) override {
    absl::StatusOr<std::string> bytes = ReadWholeFile(absl::StrCat(dir_, "/", path), max_bytes);
    if (bytes.ok() || absl::IsNotFound(bytes.status()) ||
        absl::IsResourceExhausted(bytes.status())) {
      return bytes;
    }
    return absl::UnavailableError(bytes.status().message());
  }

 private:
  const std::string dir_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<LogSource>> OpenSource(const std::string& place,
                                                      const HttpLimits& limits) {
  const std::string prefix(absl::StripSuffix(place, "/"));
  if (absl::StartsWith(place, "http://") || absl::StartsWith(place, "https://")) {
    if (absl::StrContains(place, "@")) {
      return absl::InvalidArgumentError(
          "a place is shown in logs and alarms: no credentials in its URL");
    }
    return std::unique_ptr<LogSource>(std::make_unique<HttpSource>(prefix, limits));
  }
  if (place.empty() || absl::StrContains(place, "://")) {
    return absl::InvalidArgumentError("a source is an http(s) URL or a folder");
  }
  return std::unique_ptr<LogSource>(std::make_unique<FolderSource>(prefix));
}

absl::StatusOr<std::string> SourceTiles::ReadTile(TileId id, uint64_t width) {
  absl::StatusOr<std::string> tile = source_.Read(TilePath(id, width), kTileWidth * Hash::kSize);
  uint64_t count = width;
  if (width < kTileWidth && absl::IsNotFound(tile.status())) {
    count = kTileWidth;
    tile = source_.Read(TilePath(id, count), kTileWidth * Hash::kSize);
  }
  RETURN_IF_ERROR(tile.status());
  if (tile->size() != count * Hash::kSize) {
    return absl::DataLossError(absl::StrCat(TilePath(id, count), " has ", tile->size(), " bytes"));
  }
  return tile;
}

absl::StatusOr<std::vector<std::string>> SourceTiles::ReadEntries(uint64_t index, uint64_t width) {
  absl::StatusOr<std::string> bytes =
      source_.Read(EntriesPath(index, width), kMaxTileFolderFileBytes);
  uint64_t count = width;
  if (width < kTileWidth && absl::IsNotFound(bytes.status())) {
    count = kTileWidth;
    bytes = source_.Read(EntriesPath(index, count), kMaxTileFolderFileBytes);
  }
  RETURN_IF_ERROR(bytes.status());
  absl::StatusOr<std::vector<std::string>> leaves = ParseEntryBundle(*bytes, count);
  if (!leaves.ok()) {
    return absl::DataLossError(
        absl::StrCat(EntriesPath(index, count), ": ", leaves.status().message()));
  }
  leaves->resize(width);
  return leaves;
}

}  // namespace auditledger
