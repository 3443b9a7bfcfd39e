#include "control/device_watch.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "dataplane/net/ip.h"

namespace tercet::control {
namespace {

constexpr Duration kLookAtDevice = seconds(1);
constexpr Duration kSayAgain = seconds(60);
constexpr size_t kClaimsMax = 16;

std::string text_of_mac(const std::array<uint8_t, 6>& m) {
  std::array<char, 18> text{};
  std::snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
                m[5]);
  return text.data();
}

}  // namespace

DeviceWatch::DeviceWatch(std::shared_ptr<dataplane::ControlPath> path,
                         const std::array<Endpoint, kServers>& peers,
                         std::function<bool(const Address&)> holds)
    : path_(std::move(path)), peers_(peers), holds_(std::move(holds)) {}

std::string DeviceWatch::name_of_host(const Address& address) const {
  const std::string text = address_text(dataplane::endpoint_of(address, 0));
  for (unsigned i = 0; i < kServers; ++i) {
    if (peers_[i].is_v4() && dataplane::ipv4_of(peers_[i].address) == address) {
      return std::string(name_of(static_cast<ServerId>(i))) + " (" + text + ")";
    }
  }
  return text;
}

std::string DeviceWatch::text_of(const dataplane::AddressClaim& claim) const {
  if (claim.before) {
    return "the hardware address of " + name_of_host(claim.address) + " changed from " +
           text_of_mac(*claim.before) + " to " + text_of_mac(claim.mac) +
           ": if nobody changed that host or its NIC, another station took its address";
  }
  return "another station, " + text_of_mac(claim.mac) + ", says that " +
         address_text(dataplane::endpoint_of(claim.address, 0)) +
         " is its own: one of the two must get another address";
}

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
  std::erase_if(claims_, [this](const Claim& claim) {
    return claim.due && !claim.what.before && !holds_(claim.what.address);
  });
  const auto claim = std::ranges::find(claims_, true, &Claim::due);
  if (claim == claims_.end()) {
    return std::nullopt;
  }
  claim->due = false;
  claim->again = now + kSayAgain;
  return text_of(claim->what);
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
