// Processor time of this process, all threads, user's and kernel's: other work on the machine
// changes it less than it changes time.
#ifndef AUDITLEDGER_TESTS_BENCH_CPU_TIME_H_
#define AUDITLEDGER_TESTS_BENCH_CPU_TIME_H_

#include <sys/resource.h>

namespace auditledger {

inline double CpuMicros() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto micros = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
  };
  return micros(used.ru_utime) + micros(used.ru_stime);
}

}  // namespace auditledger

#endif  // AUDITLEDGER_TESTS_BENCH_CPU_TIME_H_
