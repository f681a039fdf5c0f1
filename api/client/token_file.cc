#include "api/client/token_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace auditledger {
namespace {

class TokenPlugin : public grpc::MetadataCredentialsPlugin {
 public:
  explicit TokenPlugin(const std::string& path) : file_(path) {}

  // A look at the file and, rarely, a read of it.
  bool IsBlocking() const override { return false; }
  const char* GetType() const override { return "AuditledgerTokenFile"; }
  grpc::Status GetMetadata(grpc::string_ref, grpc::string_ref, const grpc::AuthContext&,
                           std::multimap<std::string, std::string>* metadata) override {
    const absl::StatusOr<std::string> token = file_.Read();
    if (!token.ok()) {
      return {grpc::StatusCode::UNAUTHENTICATED, std::string(token.status().message())};
    }
    metadata->insert({"authorization", absl::StrCat("Bearer ", *token)});
    return grpc::Status::OK;
  }

 private:
  TokenFile file_;
};

}  // namespace

absl::StatusOr<std::string> TokenFile::Read() {
  const auto wrong = [this](absl::string_view why) {
    return absl::UnauthenticatedError(absl::StrCat("token file ", path_, ": ", why));
  };
  const std::lock_guard<std::mutex> lock(mutex_);
  struct stat info {};
  if (stat(path_.c_str(), &info) != 0) return wrong("cannot be read");
  const bool same = read_ && info.st_ino == inode_ && info.st_size == size_ &&
                    info.st_mtim.tv_sec == modified_.tv_sec &&
                    info.st_mtim.tv_nsec == modified_.tv_nsec;
  if (same) return token_;
  std::ifstream file(path_, std::ios::binary);
  std::string text(kMaxTokenFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMaxTokenFileBytes) {
    return wrong(absl::StrCat("has over ", kMaxTokenFileBytes, " bytes"));
  }
  std::string token(absl::StripAsciiWhitespace(text));
  const bool printable =
      std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (token.empty() || !printable) return wrong("does not hold a token alone");
  token_ = std::move(token);
  read_ = true;
  modified_ = info.st_mtim;
  inode_ = info.st_ino;
  size_ = info.st_size;
  return token_;
}

std::shared_ptr<grpc::CallCredentials> TokenFileCredentials(const std::string& path) {
  return grpc::MetadataCredentialsFromPlugin(std::make_unique<TokenPlugin>(path));
}

}  // namespace auditledger
