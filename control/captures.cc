#include "control/captures.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "dataplane/net/pcap.h"

namespace tercet::control {
namespace {

using Clock = std::chrono::steady_clock;
using dataplane::Captured;

constexpr uint64_t kSecondsMax = 7 * 86'400;
constexpr size_t kTakenAtOnce = 512;                       ///< of each tap, between two writes
constexpr auto kLookEvery = std::chrono::milliseconds(1);  ///< a Link of 4,096 then holds 4 million a second
constexpr auto kSilenceMax = std::chrono::milliseconds(50);  ///< then the reader is looked after again

}  // namespace

class Captures::Stream final : public AdminStream {
 public:
  Stream(Captures& captures, std::optional<uint64_t> seconds) : captures_(captures) {
    if (seconds) {
      end_ = Clock::now() + std::chrono::seconds(*seconds);
    }
    for (dataplane::Wiretap* tap : captures_.taps_) {
      tap->start();
    }
  }
  ~Stream() override {
    for (dataplane::Wiretap* tap : captures_.taps_) {
      tap->stop();
    }
    captures_.running_.store(false);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  [[nodiscard]] const char* type() const override { return "application/vnd.tcpdump.pcap"; }

  bool more(std::string& out) override {
    if (!begun_) {
      begun_ = true;
      const dataplane::PcapFileHeader header = dataplane::pcap_file_header();
      out.append(as_text(bytes_of(header)));
      return true;
    }
    const auto silence = Clock::now() + kSilenceMax;
    for (;;) {
      const bool over = Clock::now() >= end_;
      const bool some = take(out);  // what was copied until then still goes out
      if (over) {
        return false;
      }
      if (some || Clock::now() >= silence) {
        return true;
      }
      std::this_thread::sleep_for(kLookEvery);
    }
  }

 private:
  /// What waits in all taps, by time. False: nothing.
  bool take(std::string& out) {
    size_t count = 0;
    for (dataplane::Wiretap* tap : captures_.taps_) {
      taken_.resize(count + kTakenAtOnce);
      count += tap->take(std::span(taken_).subspan(count));
    }
    order_.clear();
    for (size_t i = 0; i < count; ++i) {
      order_.push_back(&taken_[i]);
    }
    std::ranges::stable_sort(order_, {}, &Captured::wall_ns);
    for (const Captured* one : order_) {
      record_.resize(one->size + dataplane::kPcapOverheadMax);
      const size_t size =
          dataplane::write_pcap_datagram({one->wall_ns, one->from, one->to, one->datagram()}, record_);
      out.append(as_text(Bytes(record_).first(size)));
    }
    return count != 0;
  }

  Captures& captures_;
  Clock::time_point end_ = Clock::time_point::max();
  bool begun_ = false;
  std::vector<Captured> taken_;
  std::vector<const Captured*> order_;
  std::vector<uint8_t> record_;
};

tl::expected<std::unique_ptr<AdminStream>, AdminPage> Captures::begin(const AdminQuery& query) {
  std::optional<uint64_t> seconds;
  if (const auto given = query.find("seconds"); given != query.end()) {
    uint64_t value = 0;
    const char* end = given->second.data() + given->second.size();
    const auto [rest, error] = std::from_chars(given->second.data(), end, value);
    if (error != std::errc{} || rest != end || value == 0 || value > kSecondsMax) {
      return tl::unexpected(error_page(400, "seconds is a whole number from 1 to 604800"));
    }
    seconds = value;
  }
  if (running_.exchange(true)) {
    return tl::unexpected(
        error_page(409, "another capture of this server goes on: wait until it ends, or end it"));
  }
  taken_before_.store(taken());
  lost_before_.store(lost());
  return std::make_unique<Stream>(*this, seconds);
}

AdminPage Captures::counts() const {
  return {200, "application/json",
          nlohmann::json{{"running", running_.load()},
                         {"datagrams", taken() - taken_before_.load()},
                         {"lost", lost() - lost_before_.load()}}
                  .dump() +
              "\n"};
}

uint64_t Captures::taken() const {
  uint64_t sum = 0;
  for (const dataplane::Wiretap* tap : taps_) {
    sum += tap->counters().taken.get();
  }
  return sum;
}

uint64_t Captures::lost() const {
  uint64_t sum = 0;
  for (const dataplane::Wiretap* tap : taps_) {
    sum += tap->counters().lost.get();
  }
  return sum;
}

void add_capture_routes(std::vector<AdminRoute>& routes, Captures& captures) {
  routes.push_back({.path = "/v1/capture",
                    .stream = [&captures](const AdminQuery& query) { return captures.begin(query); }});
  routes.push_back({.path = "/v1/capture/counts", .page = [&captures] { return captures.counts(); }});
}

}  // namespace tercet::control
