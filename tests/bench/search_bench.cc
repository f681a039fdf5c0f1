// What the search index costs to make, how large it is, and how long it takes to find a first page
// of 100 entries: the index alone, without reading those entries, proving them and putting the
// search on record, which take what they take in GetEntry.
//
//   search_bench [--entries 1000000] [--dir /tmp] [--questions 300]
//
// Events are of 100,000 patients, few of whom have many (Zipf, exponent 1), and 2,000 users in 30
// departments; each has two ids of its own, one in 500 an override. Questions are about patients,
// users and times by the dice. CPU time for making, wall time for finding.
#include <time.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/search/search_query.h"
#include "api/search/search_terms.h"
#include "auditledger/v1/event.pb.h"
#include "ledger/posting_store.h"
#include "ledger/random.h"

namespace auditledger {
namespace {

using D = SearchDimension;
using Groups = std::vector<std::vector<PostingTerm>>;

constexpr uint64_t kPatients = 100'000;
constexpr uint64_t kUsers = 2000;
constexpr uint64_t kDepartments = 30;
constexpr uint64_t kFirstUs = 1'760'000'000'000'000;
constexpr uint64_t kStepUs = 50'000;  // 20 events a second: ten million are six days
constexpr uint64_t kBatch = 4096;
constexpr size_t kPage = 100;

void NeedOk(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "search_bench: %s\n", status.ToString().c_str());
  std::exit(1);
}
template <typename T>
T Need(absl::StatusOr<T> value) {
  NeedOk(value.status());
  return *std::move(value);
}

double CpuSeconds() {
  timespec now = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

SearchKey MakeKey() {
  LedgerKeys keys(NoteVerifier::FromEd25519("bench.example/log", std::string(32, '\x07')).value());
  keys.index_key = SecretString(std::string(32, 'i'));
  keys.dedup_key = SecretString(std::string(32, 'd'));
  return SearchKey(Sealer("bench.example/log", keys, Random::System()));
}

class World {
 public:
  std::string Patient() {
    std::uniform_real_distribution<double> uniform(0, 1);
    const double rank = std::exp(uniform(dice_) * std::log(static_cast<double>(kPatients)));
    return absl::StrCat("Patient/", static_cast<uint64_t>(rank));
  }
  static std::string User(uint64_t number) { return absl::StrCat("Practitioner/", number); }
  uint64_t Any(uint64_t below) { return dice_() % below; }

  v1::AuditEvent Event(uint64_t index) {
    v1::AuditEvent event;
    event.set_event_id(absl::StrCat("event-", index));
    event.mutable_correlation()->set_request_id(absl::StrCat("request-", index));
    event.add_patient()->set_reference(Patient());
    event.set_action(static_cast<v1::Action>(1 + Any(5)));
    event.mutable_outcome()->set_indicator(Any(20) == 0 ? v1::Outcome::INDICATOR_MINOR_FAILURE
                                                        : v1::Outcome::INDICATOR_SUCCESS);
    Code("category", 4, *event.add_category());
    Code("code", 20, *event.add_code());
    Code("purpose", 5, *event.add_purpose_of_use());
    const uint64_t user = Any(kUsers);
    v1::Agent& agent = *event.add_agent();
    agent.mutable_who()->set_reference(User(user));
    agent.set_department(absl::StrCat("department-", user % kDepartments));
    agent.mutable_organization()->set_reference(absl::StrCat("Organization/", user % 5));
    agent.mutable_network()->set_address(absl::StrCat("10.0.0.", user % 500));
    event.mutable_source()->mutable_observer()->set_reference(absl::StrCat("Device/", user % 10));
    event.mutable_source()->set_stream_id(absl::StrCat("ehr-", user % 10));
    if (Any(500) == 0) event.mutable_emergency_access()->set_override_id(absl::StrCat(index));
    event.add_entity()->mutable_what()->set_reference(absl::StrCat("Observation/", Any(1'000'000)));
    return event;
  }

 private:
  void Code(const char* system, uint64_t kinds, v1::CodeableConcept& out) {
    out.add_coding()->set_system(system);
    out.mutable_coding(0)->set_code(absl::StrCat(Any(kinds)));
  }
  std::mt19937_64 dice_{1};
};

void Make(const SearchKey& key, PostingStore& store, uint64_t entries) {
  World world;
  double made = 0;
  double put = 0;
  const double began = CpuSeconds();
  uint64_t terms = 0;
  for (uint64_t begin = 0; begin < entries; begin += kBatch) {
    PostingBatch batch;
    const uint64_t end = std::min(entries, begin + kBatch);
    std::vector<v1::AuditEvent> events;
    for (uint64_t i = begin; i < end; ++i) events.push_back(world.Event(i));
    double at = CpuSeconds();
    for (uint64_t i = begin; i < end; ++i) {
      for (const PostingTerm& term : TermsOf(key, "spiffe://bench", events[i - begin])) {
        batch.runs[term].push_back(i);
        ++terms;
      }
    }
    made += CpuSeconds() - at;
    batch.position = end;
    batch.zones[begin / kZoneEntries] = {kFirstUs + begin * kStepUs, kFirstUs + end * kStepUs};
    at = CpuSeconds();
    NeedOk(store.Apply(batch));
    put += CpuSeconds() - at;
  }
  const auto each = [&](double seconds) { return seconds / static_cast<double>(entries) * 1e6; };
  std::printf(
      "making: %.1f terms an event; CPU us an event: terms %.1f, store %.1f (with merging)\n",
      static_cast<double>(terms) / static_cast<double>(entries), each(made), each(put));
  std::printf("the whole run, events made included: %.1f us\n", each(CpuSeconds() - began));
}

struct Question {
  const char* name;
  std::function<std::pair<Groups, SearchRange>(World&)> make;
};

void Ask(std::shared_ptr<const PostingStore> store, const Question& question, int count) {
  World world;
  std::vector<double> ms;
  uint64_t found = 0;
  uint64_t steps = 0;
  for (int i = 0; i < count; ++i) {
    const auto [groups, range] = question.make(world);
    const auto began = std::chrono::steady_clock::now();
    PostingReader reader(store);
    SearchWalk walk(reader, groups, range);
    size_t page = 0;
    while (page < kPage && Need(walk.Next()).has_value()) ++page;
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
    ms.push_back(took.count());
    found += page;
    steps += reader.steps();
  }
  std::sort(ms.begin(), ms.end());
  const auto at = [&](double share) {
    return ms[static_cast<size_t>(share * static_cast<double>(ms.size() - 1))];
  };
  std::printf("%-40s %8.2f %8.2f %8.2f %8.1f %8.1f\n", question.name, at(0.5), at(0.99), at(1),
              static_cast<double>(found) / count, static_cast<double>(steps) / count);
}

std::vector<Question> Questions(const SearchKey& key, uint64_t entries) {
  const auto one = [&key](D dimension, const std::string& value) {
    return std::vector<PostingTerm>{key.Term(dimension, "", value)};
  };
  const SearchRange forward{.begin = 0, .end = entries};
  const SearchRange backward{.begin = 0, .end = entries, .order = LogOrder::kBackward};
  const auto day = [=](World& world) {
    SearchRange range = forward;
    range.event_time.from = kFirstUs + world.Any(entries) * kStepUs;
    range.event_time.to = range.event_time.from + uint64_t{3600} * 1'000'000;
    return range;
  };
  const auto user = [=](World& world) { return one(D::kUser, World::User(world.Any(kUsers))); };
  const auto department = [=](World& world) {
    return one(D::kDepartment, absl::StrCat("department-", world.Any(kDepartments)));
  };
  using R = std::pair<Groups, SearchRange>;
  return {
      {"patient",
       [=](World& w) {
         return R{{one(D::kPatient, w.Patient())}, forward};
       }},
      {"patient, newest first",
       [=](World& w) {
         return R{{one(D::kPatient, w.Patient())}, backward};
       }},
      {"user",
       [=](World& w) {
         return R{{user(w)}, forward};
       }},
      {"user and patient",
       [=](World& w) {
         return R{{user(w), one(D::kPatient, w.Patient())}, forward};
       }},
      {"user, an hour by event time",
       [=](World& w) {
         return R{{user(w)}, day(w)};
       }},
      {"department, an hour by event time",
       [=](World& w) {
         return R{{department(w)}, day(w)};
       }},
      {"break-glass and department, newest first",
       [=](World& w) {
         return R{{one(D::kEmergency, "any"), department(w)}, backward};
       }},
      {"department, failed, deletions",
       [=](World& w) {
         return R{{department(w), one(D::kOutcome, "2"), one(D::kAction, "4")}, forward};
       }},
      {"one request id",
       [=](World& w) {
         return R{{one(D::kCorrelation, absl::StrCat("request-", w.Any(entries)))}, forward};
       }},
      {"nobody",
       [=](World&) {
         return R{{one(D::kPatient, "nobody")}, forward};
       }},
  };
}

uint64_t BytesIn(const std::string& folder) {
  uint64_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder)) bytes += file.file_size();
  return bytes;
}

int Run(int argc, char** argv) {
  uint64_t entries = 1'000'000;
  int questions = 300;
  std::string dir = "/tmp";
  CLI::App app("the search index: what it costs and how fast it finds");
  app.add_option("--entries", entries, "entries")->capture_default_str();
  app.add_option("--questions", questions, "of each kind")->capture_default_str();
  app.add_option("--dir", dir, "where the index is made, and removed")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const std::string path = absl::StrCat(dir, "/search_bench-", getpid());
  const SearchKey key = MakeKey();
  {
    const std::shared_ptr<PostingStore> store =
        Need(PostingStore::Open(path, "bench.example/log", key.check()));
    Make(key, *store, entries);
    std::printf("on disk: %.0f bytes an event\n\n",
                static_cast<double>(BytesIn(path)) / static_cast<double>(entries));
    std::printf("%-40s %8s %8s %8s %8s %8s\n", "first page, ms", "median", "p99", "worst", "found",
                "reads");
    for (const Question& question : Questions(key, entries)) Ask(store, question, questions);
  }
  std::filesystem::remove_all(path);
  return 0;
}

}  // namespace
}  // namespace auditledger

int main(int argc, char** argv) { return auditledger::Run(argc, argv); }
