#include "control/lb/forced_rejoin.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/time_text.h"
#include "wire/seal/key_file.h"
#include "wire/seal/order_proof.h"

namespace tercet::control {
namespace {

using nlohmann::json;
using quorum::ForceVerdict;
using Forced = quorum::Proposer::Forced;

std::string hex_of(uint64_t value) { return seal::text_of(CellId{value}); }

std::string text_of(const AdminQuery& query, const char* name) {
  const auto it = query.find(name);
  return it == query.end() ? std::string() : it->second;
}

std::optional<Slot> slot_in(const AdminQuery& query) {
  const std::string text = text_of(query, "slot");
  if (text.size() != 1 || text[0] < '1' || text[0] > '3') {
    return std::nullopt;
  }
  return kSlots[static_cast<size_t>(text[0] - '1')];
}

Slot third_of(Slot a, Slot b) {
  for (const Slot slot : kSlots) {
    if (slot != a && slot != b) {
      return slot;
    }
  }
  return a;
}

const char* phase_of(Forced::Phase phase) {
  switch (phase) {
    case Forced::Phase::none:
      return "none";
    case Forced::Phase::under_way:
      return "under_way";
    case Forced::Phase::done:
      return "done";
    case Forced::Phase::refused:
      return "refused";
  }
  return "none";
}

json last_order(const dataplane::View& view) {
  const Forced& forced = view.forced;
  if (forced.phase == Forced::Phase::none) {
    return {};
  }
  ForcePlan plan;
  plan.verdict = forced.verdict;
  plan.order = forced.order;
  plan.survivor = forced.survivor;
  const bool refused = forced.phase == Forced::Phase::refused;
  return {{"token", view.forced_token},
          {"phase", phase_of(forced.phase)},
          {"code", refused ? json(quorum::name_of(forced.verdict)) : json()},
          {"message", refused ? json(reason_of(plan)) : json()},
          {"survivor", name_of(server_of(forced.survivor))},
          {"last_seq", forced.last.value},
          {"epoch", view.epoch.value}};
}

json document_of(const dataplane::View& view, const ForcePlan& plan) {
  const bool may = plan.verdict == ForceVerdict::may;
  json document{{"slot", index(plan.order.slot) + 1},
                {"name", name_of(server_of(plan.order.slot))},
                {"incarnation", hex_of(plan.order.incarnation.value)},
                {"possible", may},
                {"code", quorum::name_of(plan.verdict)},
                {"message", may ? json() : json(reason_of(plan))},
                {"commit", plan.commit.value},
                {"cell_time", to_rfc3339(WallTime{view.decided_cell.ms})},
                {"order", last_order(view)}};
  if (may) {
    document["survivor"] = {{"name", name_of(server_of(plan.survivor))}, {"seq", plan.last.value}};
    document["gone"] = {{"name", name_of(server_of(plan.gone))},
                        {"seq", plan.gone_last.value == 0 ? json() : json(plan.gone_last.value)}};
    document["words"] = words_of(plan.order.slot, plan.gone);
  }
  return document;
}

}  // namespace

ForcePlan plan_of(const dataplane::View& view, Slot slot) {
  ForcePlan plan;
  plan.order = {slot, view.backends[index(slot)].said.incarnation};
  plan.commit = view.commit;
  if (view.serving) {
    plan.verdict = ForceVerdict::not_needed;
    return plan;
  }
  if (view.role != LbRole::active && view.peer_heard && view.peer_role == LbRole::active) {
    plan.verdict = ForceVerdict::standby;
    return plan;
  }
  quorum::AllSaid said;
  for (const Slot each : kSlots) {
    said[index(each)] = view.backends[index(each)].said;
  }
  const quorum::ForceFinding finding = quorum::may_force(said, plan.order);
  plan.verdict = finding.verdict;
  plan.survivor = finding.survivor;
  plan.last = said[index(finding.survivor)].last;
  plan.gone = third_of(slot, finding.survivor);
  const dataplane::BackendView& gone = view.backends[index(plan.gone)];
  plan.gone_last = std::max(gone.seq, gone.pulled_to);
  return plan;
}

std::string reason_of(const ForcePlan& plan) {
  const std::string named = name_of(server_of(plan.order.slot));
  const std::string survivor = name_of(server_of(plan.survivor));
  switch (plan.verdict) {
    case ForceVerdict::may:
      return {};
    case ForceVerdict::not_needed:
      return "two backends have their logs: " + named + " is taken in by itself as soon as both vote";
    case ForceVerdict::no_survivor:
      return "no backend with a log answers: start one of the two others, or mend its network";
    case ForceVerdict::survivor_unfit:
      return survivor + " has a log, but its disk has stopped or its book is wrong: mend it first";
    case ForceVerdict::other_answers:
      return "a second backend answers, and has its log: mend its disk or its book, then nothing is lost";
    case ForceVerdict::not_asking:
      return named + " does not ask to be taken in: start it with a new, empty store (and look at its log)";
    case ForceVerdict::knows_more:
      return named + " has pulled decided entries that " + survivor +
             " lacks: bring the third backend back, or give them up by emptying the store of " + named;
    case ForceVerdict::standby:
      return "this load balancer is the standby: order it at the active one";
    case ForceVerdict::no_answer:
      return "the backends did not answer in time, nothing was changed: look at tercet status and order it "
             "again";
  }
  return "not possible";
}

std::string words_of(Slot slot, Slot gone) {
  return std::string("force rejoin ") + name_of(server_of(slot)) + ", lose what only " +
         name_of(server_of(gone)) + " knew";
}

std::string order_text(CellId cell, const quorum::ForcedRejoin& order, const std::string& words) {
  return seal::text_of(cell) + "\n" + std::to_string(index(order.slot) + 1) + "\n" +
         hex_of(order.incarnation.value) + "\n" + words;
}

AdminPage ForcedRejoins::page(const dataplane::View& view, const AdminQuery& query) {
  const std::optional<Slot> slot = slot_in(query);
  if (!slot) {
    return error_page(400, "slot: which backend is to come back: 1, 2 or 3");
  }
  if (!view.known) {
    return error_page(503, "starting");
  }
  const ForcePlan plan = plan_of(view, *slot);
  if (query.contains("proof")) {
    return order(plan, query);
  }
  return {200, "application/json", document_of(view, plan).dump() + "\n"};
}

AdminPage ForcedRejoins::order(const ForcePlan& plan, const AdminQuery& query) {
  if (plan.verdict != ForceVerdict::may) {
    return error_page(409, reason_of(plan));
  }
  if (text_of(query, "incarnation") != hex_of(plan.order.incarnation.value)) {
    return error_page(409, "another disk than the one that was asked about is there by now: ask again");
  }
  const std::string words = words_of(plan.order.slot, plan.gone);
  if (!seal::proves(key_, order_text(cell_, plan.order, words), text_of(query, "proof"))) {
    return error_page(403, "the order is not proved: give it with this load balancer's key file");
  }
  const std::lock_guard lock(mutex_);
  dataplane::Command command;
  command.kind = dataplane::Command::Kind::force;
  command.token = ++token_;
  command.slot = plan.order.slot;
  command.incarnation = plan.order.incarnation;
  waiting_ = command;
  spdlog::critical(
      "the operator ordered: {}. The log of {} goes on from seq {}; what {} and the former disk of {} alone "
      "had is lost",
      words, name_of(server_of(plan.survivor)), plan.last.value, name_of(server_of(plan.gone)),
      name_of(server_of(plan.order.slot)));
  return {202, "application/json", json{{"token", command.token}}.dump() + "\n"};
}

std::optional<dataplane::Command> ForcedRejoins::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(waiting_, std::nullopt);
}

}  // namespace tercet::control
