// The proposer carries the operator's order out (quorum/force.h says why nothing splits of it): asks all
// three, prepares far above, asks the two others again once the survivor has promised, and starts in the
// forced form.

#include "quorum/proposer.h"

namespace tercet::quorum {

void Proposer::force(const ForcedRejoin& order, const Moment& now) {
  changed();
  forced_ = {};
  forced_.phase = Forced::Phase::under_way;
  forced_.order = order;
  forced_.until = now.mono + kForceGiveUp;
}

void Proposer::refuse_force(ForceVerdict verdict) {
  if (forced_.phase == Forced::Phase::under_way) {
    forced_.phase = Forced::Phase::refused;
    forced_.verdict = verdict;
  }
}

void Proposer::tick_force(const Moment& now) {
  if (forced_.phase != Forced::Phase::under_way) {
    return;
  }
  if (serving(now.mono)) {
    refuse_force(ForceVerdict::not_needed);
    return;
  }
  const auto* starting = std::get_if<Starting>(&role_);
  if (starting != nullptr && starting->forced) {
    if (survivor_has_start()) {
      forced_.phase = Forced::Phase::done;
      ++forced_starts_;
    }
    return;
  }
  if (now.mono >= forced_.until) {
    refuse_force(ForceVerdict::no_answer);
    return;
  }
  if (inquiry_.on) {
    return;
  }
  if (std::holds_alternative<Standby>(role_)) {
    cause_ = Cause::forced;
    role_ = Asking{};
    inquire(kAskGiveUp, now);
  } else if (active() || (starting != nullptr && starting->vacant)) {
    inquire(kAskGiveUp, now);
  }
}

/// All that answer have answered. True: the order is on its way.
bool Proposer::try_force(const Moment& now, Output& out) {
  if (forced_.phase != Forced::Phase::under_way || std::holds_alternative<Preparing>(role_)) {
    return false;
  }
  const ForceFinding finding = may_force(inquiry_.said, forced_.order);
  if (finding.verdict != ForceVerdict::may) {
    refuse_force(finding.verdict);
    return false;
  }
  bool raised = active();
  if (const auto* starting = std::get_if<Starting>(&role_)) {
    raised = starting->raised;
  }
  if (holds_epoch()) {
    out.roles.push_back({RoleChange::Kind::raising, epoch_, epoch_, Cause::forced, 0});
  }
  cause_ = Cause::forced;
  confirming_ = false;
  forced_.survivor = finding.survivor;
  prepare(raised, kForcedLeap, now);
  std::get<Preparing>(role_).forced = true;
  return true;
}

/// By the order, when one promise alone counts, and the others said again, after it had come, how they stand.
std::optional<Choice> Proposer::choose_by_order(const Moment& now) {
  auto& preparing = std::get<Preparing>(role_);
  const auto choice = choose_forced(preparing.promises, left_out_, forced_.survivor, forced_.order);
  if (!choice) {
    return std::nullopt;
  }
  if (preparing.asked_at.ns == 0) {
    preparing.asked_at = now.mono;
    inquire(kAskGiveUp, now);
    return std::nullopt;
  }
  // A moment for the third, too: if it is there, nothing is forced.
  if (now.mono - preparing.asked_at < kForceWait) {
    return std::nullopt;
  }
  const ForceFinding finding = may_force(inquiry_.said, forced_.order);
  return finding.verdict == ForceVerdict::may && finding.survivor == choice->source ? choice : std::nullopt;
}

}  // namespace tercet::quorum
