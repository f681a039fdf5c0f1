// Serves the public folders of tile_publisher.h over HTTP: GET and HEAD, nothing else.
//
//   /<ledger id>/checkpoint                     text/plain; charset=utf-8, to be asked for each
//   time
//   /<ledger id>/tile/<L>/<N>[.p/<W>]           application/octet-stream, immutable
//   /<ledger id>/tile/entries/<N>[.p/<W>]       the same
//
// A path is what ParseTilePath (merkle/tile.h) accepts below a ledger's id, or it is 404: no other
// name ever reaches the file system. It is plain HTTP without authentication: what it shows is
// signed and holds no personal data. A web server in front adds TLS, names and limits for the
// public; where only that web server is to be asked, listen on loopback.
//
// Limits: kTileServerThreads requests at a time, which wait kTileServerTimeout for their bytes;
// what is beyond them waits. Nothing else of the daemon waits for this.
//
// Example: ASSIGN_OR_RETURN(auto server, TileServer::Start("/srv/ledgers", "127.0.0.1:8080"));
//
// Thread-safety: all methods.
#ifndef AUDITLEDGER_API_TILE_SERVER_H_
#define AUDITLEDGER_API_TILE_SERVER_H_

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace auditledger {

// Tiles are files of a few KiB from the page cache: threads are for slow readers, not for work.
inline constexpr size_t kTileServerThreads = 16;
// What a reader may take for its request, and between the bytes of its answer.
inline constexpr std::chrono::seconds kTileServerTimeout{5};

class TileServer {
 public:
  // `address`: host:port, port 0 chosen by the machine. Unavailable when it cannot listen there.
  static absl::StatusOr<std::unique_ptr<TileServer>> Start(const std::string& root,
                                                           const std::string& address);
  // Ends what is under way.
  ~TileServer();

  // host:port as bound.
  const std::string& address() const;

 private:
  struct Impl;
  explicit TileServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_TILE_SERVER_H_
