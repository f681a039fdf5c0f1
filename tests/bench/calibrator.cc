// How fast this machine is just now: microseconds of one Ed25519 verification, on all cores at
// once.
//
// Shared hosts have two speeds, and nothing tells which one it is (shared/reference/performance.md
// 0): a figure is worth something only with the calibrator's before and after it.
//
//   calibrator [MILLISECONDS]     default 300; prints one number
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "ledger/ed25519_key.h"
#include "merkle/ed25519_verify.h"

namespace auditledger {
namespace {

using Clock = std::chrono::steady_clock;

double MedianMicros(const std::string& key, const std::string& message,
                    const std::string& signature, std::chrono::milliseconds span) {
  std::vector<double> micros;
  for (const auto end = Clock::now() + span; Clock::now() < end;) {
    const auto begin = Clock::now();
    if (!VerifyEd25519(key, message, signature).ok()) std::abort();
    micros.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
  }
  std::nth_element(micros.begin(), micros.begin() + static_cast<int64_t>(micros.size() / 2),
                   micros.end());
  return micros[micros.size() / 2];
}

int Main(std::chrono::milliseconds span) {
  const auto signer = Ed25519Key::FromSeed(std::string(kEd25519SeedBytes, 's'));
  if (!signer.ok()) return 1;
  const std::string message(150, 'm');  // about what a checkpoint has
  const auto signature = signer->Sign(message);
  if (!signature.ok()) return 1;
  std::vector<double> medians(std::max(1u, std::thread::hardware_concurrency()));
  std::vector<std::thread> threads;
  for (double& median : medians) {
    threads.emplace_back(
        [&] { median = MedianMicros(signer->public_key(), message, *signature, span); });
  }
  for (std::thread& thread : threads) thread.join();
  std::printf("%.1f\n", *std::max_element(medians.begin(), medians.end()));
  return 0;
}

}  // namespace
}  // namespace auditledger

int main(int argc, char** argv) {
  const int64_t ms = argc > 1 ? std::atoll(argv[1]) : 300;
  return auditledger::Main(std::chrono::milliseconds(std::max<int64_t>(ms, 1)));
}
