#include "failover/receipt.h"

namespace tercet::failover {

const char* name_of(Cause cause) {
  switch (cause) {
    case Cause::none:
      return "none";
    case Cause::first_start:
      return "first_start";
    case Cause::silence:
      return "silence";
    case Cause::killed:
      return "killed";
    case Cause::stopped:
      return "stopped";
    case Cause::unfit:
      return "unfit";
    case Cause::handover:
      return "handover";
    case Cause::higher_epoch:
      return "higher_epoch";
    case Cause::stray_prepare:
      return "stray_prepare";
    case Cause::cut_off:
      return "cut_off";
    case Cause::regained:
      return "regained";
    case Cause::forced:
      return "forced";
  }
  return "unknown";
}

}  // namespace tercet::failover
