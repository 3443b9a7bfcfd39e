#pragma once
// DeviceWatch: what the control thread looks at now and then where an engine has a device of its own and no
// kernel is under us: what the device counts, and whether another station claims an address of ours, or has
// come to have that of a server or a gateway.

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "dataplane/port/control_path.h"
#include "wire/endpoint.h"
#include "wire/ids.h"

namespace tercet::control {

class DeviceWatch {
 public:
  using Address = std::array<uint8_t, 4>;
  /// `path` is null with a kernel engine: nothing is looked at then. `holds`: whether an address that was
  /// ours still is. At a takeover the new holder announces the virtual one a moment before we give it up: a
  /// claim is worth a word only if it is still one a second later.
  /// `peers`: the servers, which are called by their names.
  DeviceWatch(
      std::shared_ptr<dataplane::ControlPath> path, const std::array<Endpoint, kServers>& peers,
      std::function<bool(const Address&)> holds = [](const Address&) { return true; });

  /// To be called often; looks once a second. A warning for the log, for a claim that is new, or was last
  /// spoken of a minute ago.
  std::optional<std::string> turn(MonoTime now);
  /// For /metrics, or null.
  [[nodiscard]] const dataplane::DeviceCounters* counters() const {
    return path_ == nullptr ? nullptr : &path_->device();
  }

 private:
  struct Claim {
    dataplane::AddressClaim what;
    bool due = true;  ///< to be spoken of at the next look
    MonoTime again;
  };
  std::optional<std::string> speak(MonoTime now);
  void note(const dataplane::AddressClaim& what, MonoTime now);
  [[nodiscard]] std::string name_of_host(const Address& address) const;
  [[nodiscard]] std::string text_of(const dataplane::AddressClaim& claim) const;

  std::shared_ptr<dataplane::ControlPath> path_;
  std::array<Endpoint, kServers> peers_;
  std::function<bool(const Address&)> holds_;
  std::vector<Claim> claims_;  ///< a few
  MonoTime due_;
};

}  // namespace tercet::control
