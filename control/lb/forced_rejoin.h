#pragma once
// The operator's forced way out, at a load balancer's admin interface (quorum/force.h has the rules):
//
//   GET /v1/force-rejoin?slot=2                           what it would do, what may be lost, the words
//   GET /v1/force-rejoin?slot=2&incarnation=…&proof=…     the order; what became of it shows in the first one
//
// The order is taken from whoever proves that he may read this load balancer's key file: the proof covers the
// words that were typed, the slot and the incarnation, so it holds for this backend's present disk only.
//
// Threads: page() by any; take() by the control thread.

#include <mutex>
#include <optional>
#include <string>

#include "control/admin.h"
#include "dataplane/steer/control_link.h"
#include "dataplane/steer/view.h"
#include "wire/seal/keys.h"

namespace tercet::control {

/// What an order for a slot would do now, as far as this load balancer knows.
struct ForcePlan {
  quorum::ForceVerdict verdict = quorum::ForceVerdict::no_survivor;
  quorum::ForcedRejoin order;
  Slot survivor = Slot::one;  ///< may: whose log goes on …
  Seq last;                   ///< … up to here
  Slot gone = Slot::one;      ///< may: who is given up …
  Seq gone_last;              ///< … and the last entry it was known to have; 0: not known here
  Seq commit;                 ///< the last entry that this load balancer saw decided; 0: none
};
ForcePlan plan_of(const dataplane::View& view, Slot slot);
/// One line for people: why not, and what to do.
std::string reason_of(const ForcePlan& plan);
/// What is to be typed.
std::string words_of(Slot slot, Slot gone);
/// What the proof is of.
std::string order_text(CellId cell, const quorum::ForcedRejoin& order, const std::string& words);

class ForcedRejoins {
 public:
  ForcedRejoins(CellId cell, const seal::Key& key) : cell_(cell), key_(key) {}

  AdminPage page(const dataplane::View& view, const AdminQuery& query);
  /// An order that came in, once.
  std::optional<dataplane::Command> take();

 private:
  AdminPage order(const ForcePlan& plan, const AdminQuery& query);

  CellId cell_;
  seal::Key key_;
  std::mutex mutex_;
  std::optional<dataplane::Command> waiting_;
  uint32_t token_ = 0;
};

}  // namespace tercet::control
