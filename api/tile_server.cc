#include "api/tile_server.h"

#include <httplib.h>

#include <atomic>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "ledger/ledger_set.h"
#include "ledger/posix_file.h"
#include "ledger/tile_folder.h"
#include "merkle/note.h"
#include "merkle/tile.h"

namespace auditledger {
namespace {

constexpr char kText[] = "text/plain; charset=utf-8";
constexpr char kBytes[] = "application/octet-stream";
// A checkpoint is old as soon as it is read; a tile never is.
constexpr char kAskAgain[] = "no-cache";
constexpr char kForEver[] = "public, max-age=31536000, immutable";
// An idle connection; a shutdown waits so long for those that are open.
constexpr time_t kKeepAliveSeconds = 1;
// Requests of one connection: a mirror that follows asks for a dozen files a second.
constexpr size_t kRequestsPerConnection = 1000;

// What the path asks for, below the root; nothing for what is not a tile's or a checkpoint's path.
struct Wanted {
  std::string path;
  size_t max_bytes = 0;
  bool checkpoint = false;
};

std::optional<Wanted> ParsePath(absl::string_view path) {
  if (!absl::ConsumePrefix(&path, "/")) return std::nullopt;
  const size_t slash = path.find('/');
  if (slash == absl::string_view::npos) return std::nullopt;
  const absl::string_view id = path.substr(0, slash);
  const absl::string_view rest = path.substr(slash + 1);
  if (!CheckLedgerId(id).ok()) return std::nullopt;
  if (rest == "checkpoint") return Wanted{absl::StrCat(id, "/", rest), kMaxNoteBytes, true};
  if (!ParseTilePath(rest).ok()) return std::nullopt;
  return Wanted{absl::StrCat(id, "/", rest), kMaxTileFolderFileBytes, false};
}

void Fail(httplib::Response& response, int status, const char* text) {
  response.status = status;
  response.set_header("Cache-Control", kAskAgain);
  response.set_content(text, kText);
}

// httplib leaves a body that it does not expect on the connection and would take it for the next
// request; a "Connection: close" in an answer does not make it close. A body whose provider fails
// does, once all of it was written; as a HEAD would have none it is answered like a GET.
void FailAndClose(const httplib::Request& request, httplib::Response& response, int status,
                  const std::string& text) {
  const_cast<httplib::Request&>(request).method = "GET";  // httplib's own, not const there
  response.status = status;
  response.set_header("Cache-Control", kAskAgain);
  response.set_header("Connection", "close");
  response.set_content_provider(text.size(), kText,
                                [text](size_t offset, size_t length, httplib::DataSink& sink) {
                                  sink.write(text.data() + offset, length);
                                  return false;
                                });
}

bool HasBody(const httplib::Request& request) {
  const size_t lengths = request.get_header_value_count("Content-Length");
  return request.has_header("Transfer-Encoding") || lengths > 1 ||
         (lengths == 1 && request.get_header_value("Content-Length") != "0");
}

void Answer(const std::string& root, const httplib::Request& request, httplib::Response& response) {
  if (request.method != "GET" && request.method != "HEAD") {
    response.set_header("Allow", "GET, HEAD");
    return FailAndClose(request, response, 405, "GET only\n");
  }
  if (HasBody(request)) return FailAndClose(request, response, 400, "a GET has no body\n");
  const std::optional<Wanted> wanted = ParsePath(request.path);
  if (!wanted) return Fail(response, 404, "no such tile\n");
  absl::StatusOr<std::string> bytes =
      ReadWholeFile(absl::StrCat(root, "/", wanted->path), wanted->max_bytes);
  if (absl::IsNotFound(bytes.status())) return Fail(response, 404, "not published\n");
  if (!bytes.ok()) return Fail(response, 500, "cannot be read\n");
  response.status = 200;
  response.set_header("Cache-Control", wanted->checkpoint ? kAskAgain : kForEver);
  response.set_header("Access-Control-Allow-Origin", "*");  // verifiers in a browser
  response.set_header("X-Content-Type-Options", "nosniff");
  response.set_content(*std::move(bytes), wanted->checkpoint ? kText : kBytes);
}

}  // namespace

struct TileServer::Impl {
  httplib::Server http;
  std::string address;
  std::atomic<bool> ended{false};
  std::thread thread;
};

TileServer::TileServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

TileServer::~TileServer() {
  impl_->http.stop();
  impl_->thread.join();
}

const std::string& TileServer::address() const { return impl_->address; }

absl::StatusOr<std::unique_ptr<TileServer>> TileServer::Start(const std::string& root,
                                                              const std::string& address) {
  auto impl = std::make_unique<Impl>();
  httplib::Server& http = impl->http;
  http.new_task_queue = [] { return new httplib::ThreadPool(kTileServerThreads); };
  http.set_keep_alive_max_count(kRequestsPerConnection);
  http.set_keep_alive_timeout(kKeepAliveSeconds);
  http.set_read_timeout(kTileServerTimeout);
  http.set_write_timeout(kTileServerTimeout);
  http.set_payload_max_length(0);
  http.set_tcp_nodelay(true);
  // Not the library's own choice, SO_REUSEPORT, by which two daemons would share a port.
  http.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  });
  // Before any route, so that no regular expression is run over what a stranger sends.
  http.set_pre_routing_handler(
      [root](const httplib::Request& request, httplib::Response& response) {
        Answer(root, request, response);
        return httplib::Server::HandlerResponse::Handled;
      });

  const size_t colon = address.rfind(':');
  int port = 0;
  if (colon == std::string::npos || !absl::SimpleAtoi(address.substr(colon + 1), &port)) {
    return absl::InvalidArgumentError("publish.listen: must be host:port");
  }
  const std::string host = address.substr(0, colon);
  const std::string bare = absl::StartsWith(host, "[") ? host.substr(1, host.size() - 2) : host;
  if (port == 0) {
    port = http.bind_to_any_port(bare);
  } else if (!http.bind_to_port(bare, port)) {
    port = -1;
  }
  if (port < 0) return absl::UnavailableError("publish.listen: cannot listen there");
  impl->address = absl::StrCat(host, ":", port);
  impl->thread = std::thread([impl = impl.get()] {
    impl->http.listen_after_bind();
    impl->ended = true;
  });
  // Before it runs, stop() would not be heard.
  while (!http.is_running() && !impl->ended) std::this_thread::yield();
  return std::unique_ptr<TileServer>(new TileServer(std::move(impl)));
}

}  // namespace auditledger
