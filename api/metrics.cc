#include "api/metrics.h"

#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <atomic>
#include <exception>
#include <fstream>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "api/access/policy_keeper.h"
#include "api/access/token_metrics.h"
#include "api/status.h"
#include "api/witness_metrics.h"
#include "ledger/mutex.h"

namespace auditledger {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t total = 0;
  uint64_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

// Reads the ledgers when asked, so that nothing has to be kept up to date.
class LedgerCollector : public prometheus::Collectable {
 public:
  LedgerCollector(LedgerSet& ledgers, Clock& clock) : ledgers_(ledgers), clock_(clock) {}
  void ReportPublishing(const TilePublisher& publisher) { publisher_ = &publisher; }
  void ReportWitnessing(Witnessing& witnessing) { witnessing_ = &witnessing; }
  void ReportAnchors(const Anchorer& anchorer) { anchorer_ = &anchorer; }
  void ReportAccess(const PolicyKeeper& policy) { policy_ = &policy; }
  void ReportTokens(const TokenAccess& tokens) { tokens_ = &tokens; }
  void ReportConnections(const std::string& listener, std::shared_ptr<const AcceptGuard> guard) {
    MutexLock lock(mutex_);
    guards_.emplace_back(listener, std::move(guard));
  }

  std::vector<MetricFamily> Collect() const override {
    std::vector<MetricFamily> out;
    const std::vector<LedgerSet::Slot> slots = ledgers_.List();
    const auto family = [&](const char* name, const char* help, MetricType type, auto value) {
      MetricFamily added{name, help, type, {}};
      for (const LedgerSet::Slot& slot : slots) {
        ClientMetric metric;
        metric.label = {{"ledger", slot.id}};
        const double number = static_cast<double>(value(slot));
        if (type == MetricType::Counter) metric.counter.value = number;
        if (type == MetricType::Gauge) metric.gauge.value = number;
        added.metric.push_back(std::move(metric));
      }
      out.push_back(std::move(added));
    };
    const auto of = [](uint64_t LedgerCounters::*member) {
      return [member](const LedgerSet::Slot& slot) {
        return slot.ledger == nullptr ? 0 : slot.ledger->counters().*member;
      };
    };
    constexpr MetricType kCounter = MetricType::Counter;
    constexpr MetricType kGauge = MetricType::Gauge;
    family("auditledger_ledger_appended_total", "Events appended", kCounter,
           of(&LedgerCounters::appended));
    family("auditledger_ledger_repeated_total", "Exact repeats answered", kCounter,
           of(&LedgerCounters::repeated));
    family("auditledger_ledger_conflicts_total", "Other events under a known id", kCounter,
           of(&LedgerCounters::conflicts));
    family("auditledger_ledger_streams_over_cap_total", "Events whose stream's gaps are not known",
           kCounter, of(&LedgerCounters::streams_over_cap));
    family("auditledger_ledger_cut_logs", "Logs whose torn last commit was left out at a start",
           kGauge, of(&LedgerCounters::cut_logs));
    family("auditledger_ledger_overload_total", "Appends refused for load", kCounter,
           of(&LedgerCounters::refused_overload));
    family("auditledger_ledger_commits_total", "Commits", kCounter, of(&LedgerCounters::commits));
    family("auditledger_ledger_commit_micros_total", "Time in commits", kCounter,
           of(&LedgerCounters::commit_micros));
    family("auditledger_ledger_queued_entries", "Waiting for the committer", kGauge,
           of(&LedgerCounters::queued_entries));
    family("auditledger_ledger_queued_bytes", "Waiting for the committer", kGauge,
           of(&LedgerCounters::queued_bytes));
    family("auditledger_ledger_identity_memory_bytes", "Identities in memory", kGauge,
           of(&LedgerCounters::identity_memory_bytes));
    family("auditledger_ledger_checked_entries_total", "Entries re-read in the background",
           kCounter, of(&LedgerCounters::checked_entries));
    family("auditledger_ledger_check_rounds_total", "Times the whole log was re-read", kCounter,
           of(&LedgerCounters::check_rounds));
    family("auditledger_ledger_damage_findings", "What the background check finds damaged", kGauge,
           of(&LedgerCounters::damage_findings));
    family("auditledger_ledger_head_size", "Entries under the newest signed head", kGauge,
           [](const LedgerSet::Slot& slot) {
             return slot.ledger == nullptr ? 0 : slot.ledger->head()->head.size;
           });
    family("auditledger_ledger_head_age_seconds", "Since the newest head was made", kGauge,
           [&](const LedgerSet::Slot& slot) {
             return slot.ledger == nullptr ? 0.0 : HeadAge(*slot.ledger);
           });
    family("auditledger_ledger_serving", "1 while appends are accepted", kGauge,
           [](const LedgerSet::Slot& slot) {
             return slot.ledger != nullptr && slot.ledger->status().state == LedgerState::kServing
                        ? 1
                        : 0;
           });
    AddKeys(slots, out);
    AddOthers(slots, out);
    AddConnections(out);
    AddMemory(out);
    return out;
  }

 private:
  void AddOthers(const std::vector<LedgerSet::Slot>& slots, std::vector<MetricFamily>& out) const {
    if (const TilePublisher* publisher = publisher_) AddPublishing(*publisher, out);
    if (const Anchorer* anchorer = anchorer_) AddAnchors(*anchorer, out);
    if (const TokenAccess* tokens = tokens_) AddTokenMetrics(*tokens, out);
    if (Witnessing* witnessing = witnessing_) AddWitnessMetrics(*witnessing, slots, out);
    if (const PolicyKeeper* policy = policy_) AddAccess(*policy, out);
  }

  void AddConnections(std::vector<MetricFamily>& out) const {
    MetricFamily open{"auditledger_connections", "Open connections", MetricType::Gauge, {}};
    MetricFamily total{"auditledger_connections_total",
                       "Connections, by what became of them",
                       MetricType::Counter,
                       {}};
    MutexLock lock(mutex_);
    for (const auto& [listener, guard] : guards_) {
      const AcceptGuard::Stats stats = guard->stats();
      open.metric.emplace_back();
      open.metric.back().label = {{"listener", listener}};
      open.metric.back().gauge.value = static_cast<double>(stats.open);
      for (const auto& [outcome, count] :
           {std::pair<const char*, uint64_t>{"accepted", stats.accepted},
            {"refused_full", stats.refused_full},
            {"refused_address", stats.refused_address},
            {"refused_cut_off", stats.refused_cut_off},
            {"gone", stats.gone},
            {"cut_off", stats.cut_off},
            {"failed", stats.failed}}) {
        total.metric.emplace_back();
        total.metric.back().label = {{"listener", listener}, {"outcome", outcome}};
        total.metric.back().counter.value = static_cast<double>(count);
      }
    }
    out.push_back(std::move(open));
    out.push_back(std::move(total));
  }

  static void AddKeys(const std::vector<LedgerSet::Slot>& slots, std::vector<MetricFamily>& out) {
    MetricFamily left{"auditledger_ledger_rewrap_segments_left",
                      "Segments of secrets that a rotation of the wrapping key has before it",
                      MetricType::Gauge,
                      {}};
    MetricFamily uses{"auditledger_key_uses_total",
                      "Secrets wrapped and opened, by key",
                      MetricType::Counter,
                      {}};
    for (const LedgerSet::Slot& slot : slots) {
      if (slot.ledger == nullptr) continue;
      left.metric.emplace_back();
      left.metric.back().label = {{"ledger", slot.id}};
      left.metric.back().gauge.value =
          static_cast<double>(slot.ledger->counters().rewrap_segments_left);
      for (const auto& [id, count] : slot.ledger->key_uses()) {
        for (const auto& [use, number] :
             {std::pair("wrap", count.wrapped), std::pair("open", count.opened)}) {
          uses.metric.emplace_back();
          uses.metric.back().label = {
              {"ledger", slot.id}, {"key", absl::StrCat("wrap-", id)}, {"use", use}};
          uses.metric.back().counter.value = static_cast<double>(number);
        }
      }
    }
    out.push_back(std::move(left));
    out.push_back(std::move(uses));
  }

  static void AddMemory(std::vector<MetricFamily>& out) {
    MetricFamily memory{"process_resident_memory_bytes", "Resident memory", MetricType::Gauge, {}};
    memory.metric.emplace_back();
    memory.metric[0].gauge.value = static_cast<double>(ResidentBytes());
    out.push_back(std::move(memory));
  }

  static void AddPublishing(const TilePublisher& publisher, std::vector<MetricFamily>& out) {
    const std::vector<TilePublisher::Published> report = publisher.Report();
    const auto family = [&](const char* name, const char* help, auto value) {
      MetricFamily added{name, help, MetricType::Gauge, {}};
      for (const TilePublisher::Published& published : report) {
        ClientMetric metric;
        metric.label = {{"ledger", published.ledger_id}};
        metric.gauge.value = static_cast<double>(value(published));
        added.metric.push_back(std::move(metric));
      }
      out.push_back(std::move(added));
    };
    using P = const TilePublisher::Published&;
    family("auditledger_publish_size", "Entries under the head in the public folder",
           [](P p) { return p.size; });
    family("auditledger_publish_lag_entries", "Entries of the ledger's head not yet published",
           [](P p) { return p.lag; });
    family("auditledger_publish_failing", "1 while publishing fails: the log says why",
           [](P p) { return p.failing ? 1 : 0; });
  }

  void AddAnchors(const Anchorer& anchorer, std::vector<MetricFamily>& out) const {
    const std::vector<Anchorer::Anchored> report = anchorer.Report();
    const auto family = [&](const char* name, const char* help, MetricType type, auto value) {
      MetricFamily added{name, help, type, {}};
      for (const Anchorer::Anchored& anchored : report) {
        ClientMetric metric;
        metric.label = {{"ledger", anchored.ledger_id}, {"tsa", anchored.tsa}};
        (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) =
            static_cast<double>(value(anchored));
        added.metric.push_back(std::move(metric));
      }
      out.push_back(std::move(added));
    };
    using A = const Anchorer::Anchored&;
    family("auditledger_anchor_size", "Entries under the newest head stamped since the start",
           MetricType::Gauge, [](A a) { return a.size; });
    family("auditledger_anchor_age_seconds",
           "Since that head was stamped, by the authority's clock; -1: none was yet",
           MetricType::Gauge, [&](A a) { return a.time_us == 0 ? -1.0 : Since(a.time_us); });
    family("auditledger_anchor_failures_total", "Timestamps that failed", MetricType::Counter,
           [](A a) { return a.failures; });
    family("auditledger_anchor_failing", "1 while timestamps fail: the log says why",
           MetricType::Gauge, [](A a) { return a.failing ? 1 : 0; });
  }

  void AddAccess(const PolicyKeeper& policy, std::vector<MetricFamily>& out) const {
    const PolicyKeeper::Report report = policy.report();
    const auto family = [&](const char* name, const char* help, MetricType type, double value) {
      MetricFamily added{name, help, type, {}};
      ClientMetric& metric = added.metric.emplace_back();
      (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
      out.push_back(std::move(added));
    };
    const uint64_t now_us = clock_.WallMicros();
    family("auditledger_access_policy_loads_total", "Access policies that came into force",
           MetricType::Counter, static_cast<double>(report.loads));
    family("auditledger_access_policy_refusals_total", "Files that were no access policy",
           MetricType::Counter, static_cast<double>(report.refusals));
    family("auditledger_access_policy_failing",
           "1 while the file is none, and the last good one is in force: the log says why",
           MetricType::Gauge, report.failing ? 1 : 0);
    family("auditledger_access_grants", "Grants in force", MetricType::Gauge,
           static_cast<double>(report.in_force));
    family("auditledger_access_next_expiry_seconds", "Until the next grant ends; -1: none will",
           MetricType::Gauge,
           report.next_expiry_us <= now_us
               ? -1.0
               : static_cast<double>(report.next_expiry_us - now_us) / 1e6);
  }

  double HeadAge(Ledger& ledger) const { return Since(ledger.head()->head.time_us); }

  double Since(uint64_t made) const {
    const uint64_t now = clock_.WallMicros();
    return now < made ? 0.0 : static_cast<double>(now - made) / 1e6;
  }

  LedgerSet& ledgers_;
  Clock& clock_;
  std::atomic<const TilePublisher*> publisher_{nullptr};
  std::atomic<Witnessing*> witnessing_{nullptr};
  std::atomic<const Anchorer*> anchorer_{nullptr};
  std::atomic<const PolicyKeeper*> policy_{nullptr};
  std::atomic<const TokenAccess*> tokens_{nullptr};
  mutable Mutex mutex_;
  std::vector<std::pair<std::string, std::shared_ptr<const AcceptGuard>>> guards_
      GUARDED_BY(mutex_);
};

}  // namespace

struct Metrics::Impl {
  Impl(LedgerSet& ledgers, Clock& clock)
      : registry(std::make_shared<prometheus::Registry>()),
        collector(std::make_shared<LedgerCollector>(ledgers, clock)),
        rpcs(prometheus::BuildCounter()
                 .Name("auditledger_rpcs_total")
                 .Help("Finished calls")
                 .Register(*registry)),
        refusals(prometheus::BuildCounter()
                     .Name("auditledger_refusals_total")
                     .Help("Refused calls and events")
                     .Register(*registry)),
        rate_limited(prometheus::BuildCounter()
                         .Name("auditledger_rate_limited_total")
                         .Help("Calls and events over a rate")
                         .Register(*registry)),
        append(prometheus::BuildHistogram()
                   .Name("auditledger_append_seconds")
                   .Help("Arrival to acknowledgement")
                   .Register(*registry)
                   .Add({}, prometheus::Histogram::BucketBoundaries{0.0005, 0.001, 0.002, 0.005,
                                                                    0.01, 0.02, 0.05, 0.1, 0.2, 0.5,
                                                                    1, 2, 5, 10})) {}
  std::shared_ptr<prometheus::Registry> registry;
  std::shared_ptr<LedgerCollector> collector;
  // A family's own lookup copies and hashes the labels, which costs as much as all else of a call's
  // bookkeeping. Counters are never removed.
  prometheus::Counter& Rpc(absl::string_view method, absl::StatusCode code) {
    MutexLock lock(mutex);
    prometheus::Counter*& counter = rpc_counters[{std::string(method), code}];
    if (counter == nullptr) {
      counter = &rpcs.Add({{"method", std::string(method)}, {"code", CodeName(code)}});
    }
    return *counter;
  }

  prometheus::Family<prometheus::Counter>& rpcs;
  Mutex mutex;
  absl::flat_hash_map<std::pair<std::string, absl::StatusCode>, prometheus::Counter*> rpc_counters
      GUARDED_BY(mutex);
  prometheus::Family<prometheus::Counter>& refusals;
  prometheus::Family<prometheus::Counter>& rate_limited;
  prometheus::Histogram& append;
  std::unique_ptr<prometheus::Exposer> exposer;
};

Metrics::Metrics(LedgerSet& ledgers, Clock& clock)
    : impl_(std::make_unique<Impl>(ledgers, clock)) {}
Metrics::~Metrics() = default;

void Metrics::CountRpc(absl::string_view method, absl::StatusCode code) {
  impl_->Rpc(method, code).Increment();
}

void Metrics::CountRefusal(absl::string_view reason) {
  impl_->refusals.Add({{"reason", std::string(reason)}}).Increment();
}

void Metrics::CountRateLimited(absl::string_view limit) {
  impl_->rate_limited.Add({{"limit", std::string(limit)}}).Increment();
}

void Metrics::ObserveAppend(uint64_t micros) {
  impl_->append.Observe(static_cast<double>(micros) / 1e6);
}

void Metrics::ReportWitnessing(Witnessing& witnessing) {
  impl_->collector->ReportWitnessing(witnessing);
}

void Metrics::ReportPublishing(const TilePublisher& publisher) {
  impl_->collector->ReportPublishing(publisher);
}

void Metrics::ReportAnchors(const Anchorer& anchorer) { impl_->collector->ReportAnchors(anchorer); }
void Metrics::ReportAccess(const PolicyKeeper& policy) { impl_->collector->ReportAccess(policy); }

void Metrics::ReportTokens(const TokenAccess& tokens) { impl_->collector->ReportTokens(tokens); }
void Metrics::ReportConnections(const std::string& listener,
                                std::shared_ptr<const AcceptGuard> guard) {
  impl_->collector->ReportConnections(listener, std::move(guard));
}

absl::StatusOr<int> Metrics::Serve(const std::string& address) {
  try {  // the exposer's constructor throws when it cannot listen
    impl_->exposer = std::make_unique<prometheus::Exposer>(address, 1);
  } catch (const std::exception&) {
    return absl::UnavailableError("metrics.address: cannot listen there");
  }
  impl_->exposer->RegisterCollectable(impl_->registry);
  impl_->exposer->RegisterCollectable(impl_->collector);
  return impl_->exposer->GetListeningPorts().front();
}

std::string Metrics::Text() const {
  std::vector<MetricFamily> families = impl_->registry->Collect();
  for (MetricFamily& family : impl_->collector->Collect()) families.push_back(std::move(family));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace auditledger
