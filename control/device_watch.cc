#include "control/device_watch.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace tercet::control {
namespace {

constexpr Duration kLookAtDevice = seconds(1);
constexpr Duration kSayAgain = seconds(60);
constexpr size_t kClaimsMax = 16;

std::string text_of_claim(const dataplane::AddressClaim& claim) {
  std::array<char, 128> text{};
  const auto& m = claim.mac;
  const auto& a = claim.address;
  std::snprintf(text.data(), text.size(),
                "another station, %02x:%02x:%02x:%02x:%02x:%02x, says that %u.%u.%u.%u is its own", m[0],
                m[1], m[2], m[3], m[4], m[5], a[0], a[1], a[2], a[3]);
  return std::string(text.data()) + ": one of the two must get another address";
}

}  // namespace

DeviceWatch::DeviceWatch(std::shared_ptr<dataplane::ControlPath> path,
                         std::function<bool(const Address&)> holds)
    : path_(std::move(path)), holds_(std::move(holds)) {}

std::optional<std::string> DeviceWatch::turn(MonoTime now) {
  if (path_ == nullptr || now < due_) {
    return std::nullopt;
  }
  due_ = now + kLookAtDevice;
  path_->count_device();
  auto warning = speak(now);  // of what was noted at the last look
  for (size_t thread = 0; thread < path_->threads(); ++thread) {
    std::array<dataplane::AddressClaim, kClaimsMax> came;
    const size_t count = path_->claims(thread).pop(std::span(came));
    for (size_t i = 0; i < count; ++i) {
      note(came[i], now);
    }
  }
  return warning;
}

/// One a look: the others come at the next ones.
std::optional<std::string> DeviceWatch::speak(MonoTime now) {
  std::erase_if(claims_, [this](const Claim& claim) { return claim.due && !holds_(claim.what.address); });
  const auto claim = std::ranges::find(claims_, true, &Claim::due);
  if (claim == claims_.end()) {
    return std::nullopt;
  }
  claim->due = false;
  claim->again = now + kSayAgain;
  return text_of_claim(claim->what);
}

void DeviceWatch::note(const dataplane::AddressClaim& what, MonoTime now) {
  const auto known = std::ranges::find(claims_, what, &Claim::what);
  if (known != claims_.end()) {
    known->due = known->due || now >= known->again;
    return;
  }
  if (claims_.size() == kClaimsMax) {  // whoever was spoken of longest ago
    claims_.erase(std::ranges::min_element(claims_, {}, &Claim::again));
  }
  claims_.push_back({.what = what, .again = now});
}

}  // namespace tercet::control
