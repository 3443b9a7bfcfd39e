#pragma once
// DeviceWatch: what the control thread looks at now and then where an engine has a device of its own and no
// kernel is under us: what the device counts, and whether another station claims an address of ours.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "dataplane/port/control_path.h"

namespace tercet::control {

class DeviceWatch {
 public:
  /// `path` is null with a kernel engine: nothing is looked at then.
  explicit DeviceWatch(std::shared_ptr<dataplane::ControlPath> path);

  /// To be called often; looks once a second. A warning for the log, when there is one that is new, or was
  /// last given a minute ago.
  std::optional<std::string> turn(MonoTime now);
  /// For /metrics, or null.
  [[nodiscard]] const dataplane::DeviceCounters* counters() const {
    return path_ == nullptr ? nullptr : &path_->device();
  }

 private:
  struct Said {
    uint64_t seen = 0;
    uint64_t address = 0;
    uint64_t mac = 0;
    MonoTime again;
  };

  std::shared_ptr<dataplane::ControlPath> path_;
  std::vector<Said> said_;  ///< of each polling thread
  MonoTime due_;
};

}  // namespace tercet::control
