// What tests of the spool share: a key, a world of fake time and randomness, a disk that fails.
#ifndef AUDITLEDGER_TESTS_API_CLIENT_SPOOL_FIXTURE_H_
#define AUDITLEDGER_TESTS_API_CLIENT_SPOOL_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/client/spool_key.h"
#include "api/client/spool_system.h"
#include "api/client/spool_world.h"
#include "auditledger/v1/event.pb.h"
#include "tests/ledger/fault_disk.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/fake_random.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_log.h"

namespace auditledger::testing {

// FaultDisk behind the spool's own interface.
class SpoolFaultSystem : public SpoolSystem {
 public:
  FaultDisk& disk() { return disk_; }

  int Open(const std::string& path, int flags, mode_t mode) override {
    return disk_.Open(path, flags, mode);
  }
  int Close(int fd) override { return disk_.Close(fd); }
  ssize_t Pread(int fd, char* out, size_t size, off_t offset) override {
    return disk_.Pread(fd, out, size, offset);
  }
  ssize_t Pwrite(int fd, const char* bytes, size_t size, off_t offset) override {
    return disk_.Pwrite(fd, bytes, size, offset);
  }
  int Fsync(int fd) override { return disk_.Fsync(fd); }
  int Fdatasync(int fd) override { return disk_.Fdatasync(fd); }
  int Flock(int fd, int operation) override { return disk_.Flock(fd, operation); }
  int Mkdir(const std::string& path, mode_t mode) override { return disk_.Mkdir(path, mode); }
  int Unlink(const std::string& path) override { return disk_.Unlink(path); }
  int Rename(const std::string& from, const std::string& to) override {
    return disk_.Rename(from, to);
  }
  int List(const std::string& folder, std::vector<std::string>* names) override {
    return disk_.List(folder, names);
  }

 private:
  FaultDisk disk_;
};

inline SpoolKey TestSpoolKey(char fill = 'k') {
  return SpoolKey::FromBytes(std::string(kSpoolKeyBytes, fill)).value();
}
inline std::shared_ptr<const SpoolKey> SharedSpoolKey() {
  return std::make_shared<const SpoolKey>(TestSpoolKey());
}

// Must outlive what uses its world.
struct TestWorld {
  explicit TestWorld(uint64_t seed = 1) : random(seed) {}
  SpoolWorld On(SpoolSystem& system) {
    return {&system, [this] { return clock.WallMicros(); },
            [this] { return clock.MonotonicMicros(); },
            [this](size_t count) { return random.Bytes(count); }};
  }
  FakeClock clock;
  FakeRandom random;
};

// TestEvent without what the spool gives it.
inline v1::AuditEvent NewEvent(uint64_t number) {
  v1::AuditEvent event;
  EXPECT_TRUE(event.ParseFromString(TestEvent(number)));
  event.clear_event_id();
  event.mutable_source()->clear_stream_id();
  event.mutable_source()->clear_stream_sequence();
  return event;
}

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_API_CLIENT_SPOOL_FIXTURE_H_
