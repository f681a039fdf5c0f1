// Where a log is shown: C2SP tlog-tiles below an http(s) URL or in a folder, and its tiles and
// bundles read from there. What comes back is a stranger's word until hashes say otherwise.
//
// Example:
//   ASSIGN_OR_RETURN(auto source, OpenSource("https://tiles.example.org/clinic", {}));
//   ASSIGN_OR_RETURN(const std::string note, source->Read("checkpoint", kMaxNoteBytes));
//
// Thread-safety: an object belongs to one thread.
// Errors: NotFound; ResourceExhausted for more bytes than were asked for; Unavailable for all else
// that comes from the network or the disk.
#ifndef AUDITLEDGER_TOOLS_MONITOR_SOURCE_H_
#define AUDITLEDGER_TOOLS_MONITOR_SOURCE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "merkle/tile.h"
#include "tools/monitor_http.h"

namespace auditledger {

class LogSource {
 public:
  virtual ~LogSource() = default;
  // The file at `path` below the log's prefix.
  virtual absl::StatusOr<std::string> Read(const std::string& path, size_t max_bytes) = 0;
};

// `place`: http://, https:// or a folder. InvalidArgument for another scheme.
absl::StatusOr<std::unique_ptr<LogSource>> OpenSource(const std::string& place,
                                                      const HttpLimits& limits);

// A source's tiles. DataLoss for one of the wrong size.
class SourceTiles : public TileReader {
 public:
  explicit SourceTiles(LogSource& source) : source_(source) {}
  // The partial form, or the full one that has taken its place.
  absl::StatusOr<std::string> ReadTile(TileId id, uint64_t width) override;
  // The first `width` leaves of bundle `index`. DataLoss when the bundle does not parse.
  absl::StatusOr<std::vector<std::string>> ReadEntries(uint64_t index, uint64_t width);

 private:
  LogSource& source_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_MONITOR_SOURCE_H_
