#pragma once
// The receipts of this LB's failovers since it started, newest first. Written by the control thread, read by
// the admin interface's; both are off the polling path, so a mutex is right.

#include <deque>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "failover/receipt.h"

namespace tercet::control {

/// How many are kept.
inline constexpr size_t kReceiptsMax = 64;

class Receipts {
 public:
  void add(const failover::Receipt& receipt);
  /// More announcements for the newest one (its repetition).
  void announced(uint32_t more);
  [[nodiscard]] std::vector<failover::Receipt> newest_first() const;

 private:
  mutable std::mutex mutex_;
  std::deque<failover::Receipt> receipts_;
};

/// {at, cause, gap_ms, epoch_before, epoch_after, entries_recovered, announcements}: as `tercet status
/// --json` shows it.
nlohmann::json to_json(const failover::Receipt& receipt);
/// One line for the log.
std::string to_line(const failover::Receipt& receipt);

}  // namespace tercet::control
