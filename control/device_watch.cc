#include "control/device_watch.h"

#include <array>
#include <cstdio>

#include "wire/endpoint.h"

namespace tercet::control {
namespace {

constexpr Duration kLookAtDevice = seconds(1);
constexpr Duration kSayAgain = seconds(60);

std::string mac_text(uint64_t mac) {
  std::array<char, 18> text{};
  std::snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x",
                static_cast<unsigned>(mac >> 40U & 0xFFU), static_cast<unsigned>(mac >> 32U & 0xFFU),
                static_cast<unsigned>(mac >> 24U & 0xFFU), static_cast<unsigned>(mac >> 16U & 0xFFU),
                static_cast<unsigned>(mac >> 8U & 0xFFU), static_cast<unsigned>(mac & 0xFFU));
  return text.data();
}

std::string dotted(uint64_t number) {
  return std::to_string(number >> 24U & 0xFFU) + "." + std::to_string(number >> 16U & 0xFFU) + "." +
         std::to_string(number >> 8U & 0xFFU) + "." + std::to_string(number & 0xFFU);
}

}  // namespace

DeviceWatch::DeviceWatch(std::shared_ptr<dataplane::ControlPath> path)
    : path_(std::move(path)), said_(path_ == nullptr ? 0 : path_->threads()) {}

std::optional<std::string> DeviceWatch::turn(MonoTime now) {
  if (path_ == nullptr || now < due_) {
    return std::nullopt;
  }
  due_ = now + kLookAtDevice;
  path_->count_device();
  for (size_t thread = 0; thread < said_.size(); ++thread) {
    const dataplane::AddressClaims& claims = path_->claims(thread);
    Said& said = said_[thread];
    const Said is{claims.seen.get(), claims.address.get(), claims.mac.get(), now + kSayAgain};
    if (is.seen == said.seen || (is.address == said.address && is.mac == said.mac && now < said.again)) {
      continue;
    }
    said = is;
    return "another station, " + mac_text(is.mac) + ", says that " + dotted(is.address) +
           " is its own: one of the two must get another address";
  }
  return std::nullopt;
}

}  // namespace tercet::control
