#include "tests/ledger/fault_disk.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "ledger/posix_file.h"

namespace auditledger::testing {
namespace {

constexpr size_t kPageBytes = 4096;
constexpr char kBootId[] = "/proc/sys/kernel/random/boot_id";

int Fail(int error) {
  errno = error;
  return -1;
}

// The same for the same file whatever happens to the others.
std::mt19937_64 RandomFor(uint64_t seed, const std::string& path) {
  std::seed_seq mixed(path.begin(), path.end());
  std::vector<uint32_t> word(1);
  mixed.generate(word.begin(), word.end());
  return std::mt19937_64(seed * 0x9e3779b97f4a7c15 + word[0]);
}

bool IsZero(absl::string_view bytes) {
  return bytes.empty() ||
         (bytes[0] == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace

std::string FaultFile::Read(uint64_t offset, size_t size) const {
  if (offset >= size_) return "";
  std::string out(std::min<uint64_t>(size, size_ - offset), '\0');
  for (size_t done = 0; done < out.size();) {
    const uint64_t at = offset + done;
    const size_t in_page = at % kPageBytes;
    const size_t bytes = std::min(kPageBytes - in_page, out.size() - done);
    const auto page = pages_.find(at / kPageBytes);
    if (page != pages_.end()) out.replace(done, bytes, *page->second, in_page, bytes);
    done += bytes;
  }
  return out;
}

void FaultFile::Write(uint64_t offset, const std::string& bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const uint64_t at = offset + done;
    const size_t in_page = at % kPageBytes;
    const size_t count = std::min(kPageBytes - in_page, bytes.size() - done);
    const auto page = pages_.find(at / kPageBytes);
    const absl::string_view piece = absl::string_view(bytes).substr(done, count);
    done += count;
    if (page == pages_.end() && IsZero(piece)) continue;
    std::string changed =
        page == pages_.end() ? std::string(kPageBytes, '\0') : std::string(*page->second);
    changed.replace(in_page, count, piece.data(), count);
    pages_[at / kPageBytes] = std::make_shared<const std::string>(std::move(changed));
  }
  size_ = std::max<uint64_t>(size_, offset + bytes.size());
}

FaultDisk::FaultDisk() {
  auto root = std::make_shared<Node>();
  root->is_folder = true;
  root->mode = 0700;
  names_["/"] = durable_names_["/"] = std::move(root);
}

void FaultDisk::SetScript(Script script) {
  MutexLock lock(mutex_);
  script_ = std::move(script);
}

void FaultDisk::Crash() {
  MutexLock lock(mutex_);
  crashed_ = true;
}

bool FaultDisk::crashed() const {
  MutexLock lock(mutex_);
  return crashed_;
}

size_t FaultDisk::open_files() const {
  MutexLock lock(mutex_);
  return handles_.size();
}

FaultDisk::Verdict FaultDisk::Ask(Op op, const std::string& path, size_t bytes) {
  using What = Fault::What;
  if (crashed_) {
    errno = EIO;
    return {false, true, 0};
  }
  if (!script_) return {};
  const Fault fault = script_({op, path, bytes});
  crashed_ = fault.crash;
  errno = fault.error;
  switch (fault.what) {
    case What::kNone:
      return {!fault.crash, fault.crash, SIZE_MAX};
    case What::kAbsent:
      return {false, true, 0};
    case What::kPresent:
      return {true, true, SIZE_MAX};
    case What::kTorn:
      return {true, true, fault.bytes};
    case What::kShort:
      return {true, fault.crash, fault.bytes};
  }
  return {};
}

int FaultDisk::ChangeNames(Op op, NameChange change) {
  const Verdict verdict = Ask(op, change.added.empty() ? change.removed : change.added);
  const int error = errno;
  if (verdict.go) Rename(std::move(change));
  return verdict.fail ? Fail(error) : 0;
}

FaultDisk::Handle* FaultDisk::Find(int fd) {
  const auto found = handles_.find(fd);
  return found == handles_.end() ? nullptr : &found->second;
}

FaultDisk::NodePtr FaultDisk::Lookup(const std::string& path) {
  const auto found = names_.find(path);
  return found == names_.end() ? nullptr : found->second;
}

void FaultDisk::Apply(const NameChange& change, Names& names) {
  if (!change.removed.empty()) names.erase(change.removed);
  if (!change.added.empty()) names[change.added] = change.node;
}

void FaultDisk::Apply(const Write& write, FaultFile& file) {
  if (write.truncate) file.Truncate();
  file.Write(write.offset, write.bytes);
}

void FaultDisk::Rename(NameChange change) {
  Apply(change, names_);
  unsynced_names_.push_back(std::move(change));
}

int FaultDisk::Open(const std::string& path, int flags, mode_t mode) {
  MutexLock lock(mutex_);
  if (path == kBootId) {
    auto node = std::make_shared<Node>();
    node->seen.Write(0, absl::StrCat("boot-", boots_, "\n"));
    handles_[next_fd_] = {std::move(node), path};
    return next_fd_++;
  }
  const Verdict verdict = Ask(Op::kOpen, path);
  const int error = errno;
  if (!verdict.go) return Fail(error);
  NodePtr node = Lookup(path);
  if (node != nullptr && (flags & O_EXCL) != 0) return Fail(EEXIST);
  if (node != nullptr && (flags & O_DIRECTORY) != 0 && !node->is_folder) return Fail(ENOTDIR);
  if (node == nullptr) {
    if ((flags & O_CREAT) == 0) return Fail(ENOENT);
    if (Lookup(DirectoryOf(path)) == nullptr) return Fail(ENOENT);
    node = std::make_shared<Node>();
    node->mode = mode;
    Rename({"", path, node});
  } else if ((flags & O_TRUNC) != 0) {
    node->seen.Truncate();
    node->unsynced.push_back({true, 0, ""});
  }
  if (verdict.fail) return Fail(error);
  handles_[next_fd_] = {std::move(node), path};
  return next_fd_++;
}

int FaultDisk::Close(int fd) {
  MutexLock lock(mutex_);
  Handle* const handle = Find(fd);
  if (handle == nullptr) return Fail(EBADF);
  if (handle->locked) handle->node->locked = false;
  handles_.erase(fd);
  return 0;
}

ssize_t FaultDisk::Pread(int fd, char* out, size_t size, off_t offset) {
  MutexLock lock(mutex_);
  const Handle* const handle = Find(fd);
  if (handle == nullptr) return Fail(EBADF);
  const Verdict verdict = Ask(Op::kRead, handle->path, size);
  if (verdict.fail) return -1;
  const std::string bytes =
      handle->node->seen.Read(static_cast<uint64_t>(offset), std::min(size, verdict.bytes));
  std::memcpy(out, bytes.data(), bytes.size());
  return static_cast<ssize_t>(bytes.size());
}

ssize_t FaultDisk::Pwrite(int fd, const char* bytes, size_t size, off_t offset) {
  MutexLock lock(mutex_);
  const Handle* const handle = Find(fd);
  if (handle == nullptr) return Fail(EBADF);
  const Verdict verdict = Ask(Op::kWrite, handle->path, size);
  const int error = errno;
  const size_t count = std::min(size, verdict.bytes);
  if (verdict.go && count > 0) {
    Write write{false, static_cast<uint64_t>(offset), std::string(bytes, count)};
    Apply(write, handle->node->seen);
    handle->node->unsynced.push_back(std::move(write));
  }
  return verdict.fail ? Fail(error) : static_cast<ssize_t>(count);
}

void FaultDisk::SyncNode(const Handle& handle) {
  for (const Write& write : handle.node->unsynced) Apply(write, handle.node->durable);
  for (const NameChange& change : unsynced_names_) {
    const bool here =
        DirectoryOf(change.added.empty() ? change.removed : change.added) == handle.path;
    if (here) Apply(change, durable_names_);
  }
  ForgetUnsynced(handle);
}

// After a failed sync the cache counts these changes as written, and no later sync writes them.
void FaultDisk::ForgetUnsynced(const Handle& handle) {
  handle.node->unsynced.clear();
  const auto here = [&](const NameChange& change) {
    return DirectoryOf(change.added.empty() ? change.removed : change.added) == handle.path;
  };
  unsynced_names_.erase(std::remove_if(unsynced_names_.begin(), unsynced_names_.end(), here),
                        unsynced_names_.end());
}

int FaultDisk::Fsync(int fd) {
  MutexLock lock(mutex_);
  const Handle* const handle = Find(fd);
  if (handle == nullptr) return Fail(EBADF);
  const Verdict verdict = Ask(Op::kSync, handle->path);
  const int error = errno;
  if (verdict.go) {
    SyncNode(*handle);
  } else if (!crashed_ && error != EINTR) {  // a signal came before anything was tried
    ForgetUnsynced(*handle);
  }
  return verdict.fail ? Fail(error) : 0;
}

int FaultDisk::Stat(const std::string& path, struct stat* info) {
  MutexLock lock(mutex_);
  if (Ask(Op::kLook, path).fail) return -1;
  const NodePtr node = Lookup(path);
  if (node == nullptr) return Fail(ENOENT);
  *info = {};
  info->st_mode = node->mode | (node->is_folder ? S_IFDIR : S_IFREG);
  info->st_uid = ::geteuid();
  info->st_size = static_cast<off_t>(node->seen.size());
  return 0;
}

int FaultDisk::Fstat(int fd, struct stat* info) {
  MutexLock lock(mutex_);
  const Handle* const handle = Find(fd);
  if (handle == nullptr) return Fail(EBADF);
  if (handle->path != kBootId && Ask(Op::kLook, handle->path).fail) return -1;
  *info = {};
  info->st_mode = handle->node->mode | (handle->node->is_folder ? S_IFDIR : S_IFREG);
  info->st_uid = ::geteuid();
  info->st_size = static_cast<off_t>(handle->node->seen.size());
  return 0;
}

int FaultDisk::Fchmod(int fd, mode_t mode) {
  MutexLock lock(mutex_);
  const Handle* const handle = Find(fd);
  if (handle == nullptr) return Fail(EBADF);
  if (Ask(Op::kLook, handle->path).fail) return -1;
  handle->node->mode = mode;
  return 0;
}

int FaultDisk::Flock(int fd, int operation) {
  MutexLock lock(mutex_);
  Handle* const handle = Find(fd);
  if (handle == nullptr || (operation & LOCK_EX) == 0) return Fail(EBADF);
  if (Ask(Op::kLook, handle->path).fail) return -1;
  if (handle->node->locked && !handle->locked) return Fail(EWOULDBLOCK);
  handle->locked = handle->node->locked = true;
  return 0;
}

int FaultDisk::Mkdir(const std::string& path, mode_t mode) {
  MutexLock lock(mutex_);
  if (Lookup(path) != nullptr) return Fail(EEXIST);
  if (Lookup(DirectoryOf(path)) == nullptr) return Fail(ENOENT);
  auto node = std::make_shared<Node>();
  node->is_folder = true;
  node->mode = mode;
  return ChangeNames(Op::kFolder, {"", path, std::move(node)});
}

int FaultDisk::Unlink(const std::string& path) {
  MutexLock lock(mutex_);
  if (Lookup(path) == nullptr) return Fail(ENOENT);
  return ChangeNames(Op::kRemove, {path, "", nullptr});
}

int FaultDisk::Rename(const std::string& from, const std::string& to) {
  MutexLock lock(mutex_);
  const NodePtr node = Lookup(from);
  if (node == nullptr) return Fail(ENOENT);
  return ChangeNames(Op::kRename, {from, to, node});
}

int FaultDisk::Link(const std::string& from, const std::string& to) {
  MutexLock lock(mutex_);
  const NodePtr node = Lookup(from);
  if (node == nullptr) return Fail(ENOENT);
  if (Lookup(to) != nullptr) return Fail(EEXIST);
  return ChangeNames(Op::kRename, {"", to, node});
}

int FaultDisk::List(const std::string& dir, std::vector<std::string>* names) {
  MutexLock lock(mutex_);
  if (Ask(Op::kLook, dir).fail) return -1;
  if (Lookup(dir) == nullptr) return Fail(ENOENT);
  for (const auto& [path, node] : names_) {
    if (path != "/" && DirectoryOf(path) == dir) names->push_back(path.substr(path.rfind('/') + 1));
  }
  return 0;
}

void FaultDisk::SettleNames(Survival survival, uint64_t seed) {
  std::map<std::string, std::mt19937_64> random;  // by folder
  std::set<std::string> lost;                     // names, or folders of which no more survives
  for (const NameChange& change : unsynced_names_) {
    const std::string folder = DirectoryOf(change.added.empty() ? change.removed : change.added);
    auto& dice = random.try_emplace(folder, RandomFor(seed, folder)).first->second;
    bool survives = survival == Survival::kAll;
    if (survival == Survival::kPrefix) survives = lost.count(folder) == 0 && dice() % 4 != 0;
    if (survival == Survival::kScattered) {
      survives = lost.count(change.removed) + lost.count(change.added) == 0 && dice() % 2 == 0;
    }
    if (survives) {
      Apply(change, durable_names_);
    } else if (survival == Survival::kPrefix) {
      lost.insert(folder);
    } else {
      // What follows of these names follows from what is lost.
      if (!change.removed.empty()) lost.insert(change.removed);
      if (!change.added.empty()) lost.insert(change.added);
    }
  }
  unsynced_names_.clear();
  names_ = durable_names_;
}

void FaultDisk::SettleFile(Node& node, Survival survival, uint64_t seed) {
  if (survival == Survival::kAll) {
    // What a failed sync dropped from the list is in the cache as well.
    node.durable = node.seen;
  }
  if (survival == Survival::kPrefix && !node.unsynced.empty()) {
    std::mt19937_64 dice(seed);
    size_t whole = dice() % (node.unsynced.size() + 1);
    for (size_t i = 0; i < whole; ++i) Apply(node.unsynced[i], node.durable);
    if (whole < node.unsynced.size()) {
      Write torn = node.unsynced[whole];
      torn.bytes.resize(dice() % (torn.bytes.size() / kSectorBytes + 1) * kSectorBytes);
      Apply(torn, node.durable);
    }
  }
  if (survival == Survival::kScattered) {
    std::mt19937_64 dice(seed);
    for (const Write& write : node.unsynced) {
      if (write.truncate) Apply(write, node.durable);
      for (size_t at = 0; at < write.bytes.size();) {
        const uint64_t offset = write.offset + at;
        const size_t sector = kSectorBytes - offset % kSectorBytes;
        if (dice() % 2 == 0) Apply({false, offset, write.bytes.substr(at, sector)}, node.durable);
        at += sector;
      }
    }
  }
  node.unsynced.clear();
  node.seen = node.durable;
  node.locked = false;
}

void FaultDisk::Restart(Survival survival, uint64_t seed) {
  MutexLock lock(mutex_);
  if (survival == Survival::kAll) durable_names_ = names_;
  SettleNames(survival, seed);
  for (const auto& [path, node] : names_) SettleFile(*node, survival, RandomFor(seed, path)());
  // A folder that is lost takes its contents along.
  for (auto it = names_.begin(); it != names_.end();) {
    const bool orphan = it->first != "/" && names_.count(DirectoryOf(it->first)) == 0;
    it = orphan ? names_.erase(it) : std::next(it);
  }
  durable_names_ = names_;
  handles_.clear();
  script_ = nullptr;
  crashed_ = false;
  if (survival != Survival::kAll) ++boots_;
}

std::shared_ptr<const FaultDisk::Saved> FaultDisk::Save() const {
  MutexLock lock(mutex_);
  auto saved = std::make_shared<Saved>();
  for (const auto& [path, node] : names_) {
    saved->files[path] = {node->is_folder, node->mode, node->seen};
  }
  return saved;
}

void FaultDisk::Load(const Saved& saved) {
  MutexLock lock(mutex_);
  names_.clear();
  for (const auto& [path, file] : saved.files) {
    auto node = std::make_shared<Node>();
    node->is_folder = file.is_folder;
    node->mode = file.mode;
    node->seen = node->durable = file.contents;
    names_[path] = std::move(node);
  }
  durable_names_ = names_;
  unsynced_names_.clear();
  handles_.clear();
  script_ = nullptr;
  crashed_ = false;
}

}  // namespace auditledger::testing
