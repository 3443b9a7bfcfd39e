#pragma once
// Metrics in Prometheus's text format (version 0.0.4): names `tercet_…`, base units, counters end in
// `_total`. Built anew for each scrape, from counters and snapshots; `promtool check metrics` has nothing to
// say about it.

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/port/device_counters.h"
#include "dataplane/thread_view.h"

namespace tercet::control {

class Metrics {
 public:
  /// Samples of one metric, told apart by labels: {{"reason", "forged"}}.
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  void counter(std::string_view name, std::string_view help, uint64_t value);
  void gauge(std::string_view name, std::string_view help, double value);
  /// Begins a metric with several samples; sample() adds them.
  void begin_counter(std::string_view name, std::string_view help) { begin(name, help, "counter"); }
  void begin_gauge(std::string_view name, std::string_view help) { begin(name, help, "gauge"); }
  void sample(Labels labels, uint64_t value);
  void sample(Labels labels, double value);
  /// A histogram's samples for one value of a label. `counts`: of each bucket alone, one more than there are
  /// borders. `sum`: of what was counted.
  void begin_histogram(std::string_view name, std::string_view help) { begin(name, help, "histogram"); }
  void buckets(std::pair<std::string_view, std::string_view> label, std::span<const double> borders,
               std::span<const uint64_t> counts, double sum);

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void begin(std::string_view name, std::string_view help, std::string_view type);
  void write(Labels labels, const std::string& value, std::string_view suffix = {});

  std::string text_;
  std::string name_;
};

/// What every server has: process, port, open, send, and its polling threads, of which each is shown for
/// itself as well. `device`: of an engine without a kernel, else null.
void add_common(Metrics& metrics, const char* engine, std::span<const dataplane::ThreadView> threads,
                const dataplane::DeviceCounters* device = nullptr);

}  // namespace tercet::control
