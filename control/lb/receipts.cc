#include "control/lb/receipts.h"

#include <nlohmann/json.hpp>

#include "base/time_text.h"

namespace tercet::control {

using failover::Receipt;

void Receipts::add(const Receipt& receipt) {
  const std::lock_guard lock(mutex_);
  receipts_.push_front(receipt);
  if (receipts_.size() > kReceiptsMax) {
    receipts_.pop_back();
  }
}

void Receipts::announced(uint32_t more) {
  const std::lock_guard lock(mutex_);
  if (!receipts_.empty()) {
    receipts_.front().announcements += more;
  }
}

std::vector<Receipt> Receipts::newest_first() const {
  const std::lock_guard lock(mutex_);
  return {receipts_.begin(), receipts_.end()};
}

nlohmann::json to_json(const Receipt& receipt) {
  return {{"at", to_rfc3339(receipt.at)},
          {"cause", failover::name_of(receipt.cause)},
          {"gap_ms", receipt.gap.ms()},
          {"epoch_before", receipt.epoch_before.value},
          {"epoch_after", receipt.epoch_after.value},
          {"entries_recovered", receipt.entries_recovered},
          {"announcements", receipt.announcements}};
}

std::string to_line(const Receipt& receipt) {
  return std::string("active (") + failover::name_of(receipt.cause) + "): epoch " +
         std::to_string(receipt.epoch_before.value) + " -> " + std::to_string(receipt.epoch_after.value) +
         ", gap " + std::to_string(receipt.gap.ms()) + " ms, " + std::to_string(receipt.entries_recovered) +
         " entries recovered, " + std::to_string(receipt.announcements) + " announcements";
}

}  // namespace tercet::control
