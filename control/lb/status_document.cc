#include "control/lb/status_document.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/time_text.h"
#include "control/lb/receipts.h"
#include "wire/seal/key_file.h"

namespace tercet::control {
namespace {

using nlohmann::json;

/// Longer than an LB that claims may leave between two questions (quorum: kBackoffMax, kAskGiveUp).
constexpr Duration kToldLately = seconds(1);
static_assert(kToldLately > quorum::kBackoffMin + quorum::kBackoffMax + quorum::kAskGiveUp);

std::string hex(uint64_t value) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (size_t i = 0; i < 16; ++i) {
    text[15 - i] = kDigits[(value >> (4 * i)) & 15U];
  }
  return text;
}

const char* role_of(LbRole role) {
  switch (role) {
    case LbRole::active:
      return "active";
    case LbRole::starting:
      return "starting";
    default:
      return "standby";
  }
}

json lbs(const dataplane::View& view) {
  json list = json::array();
  for (const ServerId id : {ServerId::lb1, ServerId::lb2}) {
    const bool self = id == view.self;
    list.push_back({{"name", name_of(id)},
                    {"role", self              ? role_of(view.role)
                             : view.peer_heard ? role_of(view.peer_role)
                                               : "down"}});
  }
  return list;
}

/// How far one that catches up has come, percent of what is decided; null for the others.
json progress(const dataplane::BackendView& b, Seq commit) {
  const bool pulls =
      b.state == quorum::BackendState::catching_up || b.state == quorum::BackendState::amnesiac;
  if (!pulls || commit.value == 0) {
    return {};
  }
  return std::min<uint64_t>(std::max(b.pulled_to, b.seq).value * 100 / commit.value, 100);
}

/// Why one has stopped; null for the others.
json stop_reason(quorum::BackendState state, StopReason stop) {
  if (state != quorum::BackendState::stopped) {
    return {};
  }
  return stop == StopReason::disk_full ? "disk full" : "disk failed";
}

json heard_ms_ago(const dataplane::BackendView& b) { return b.heard ? json(b.heard_ago.ms()) : json(); }

/// While nobody is active a standby asks the backends again and again whether it may be, two or three times a
/// second: what they answer is all that there is to know.
json what_backends_told(const dataplane::View& view) {
  Seq most;
  for (const dataplane::BackendView& b : view.backends) {
    most = std::max(most, b.pulled_to);
  }
  json list = json::array();
  for (const Slot slot : kSlots) {
    const dataplane::BackendView& b = view.backends[index(slot)];
    const bool silent = !b.heard || b.heard_ago > kToldLately;
    const auto state = silent ? quorum::BackendState::down : b.told;
    list.push_back({{"name", name_of(server_of(slot))},
                    {"slot", index(slot) + 1},
                    {"state", quorum::name_of(state)},
                    {"incarnation", b.incarnation.value == 0 ? json() : json(hex(b.incarnation.value))},
                    {"seq", b.pulled_to.value},
                    {"lag", distance(b.pulled_to, most)},
                    {"progress", json()},
                    {"reason", stop_reason(state, b.stop)},
                    {"rtt_us", b.rtt.us()},
                    {"constituents", json()},
                    {"container", b.heard ? json(name_of(b.container)) : json()},
                    {"digest", json()},
                    {"heard_ms_ago", heard_ms_ago(b)}});
  }
  return list;
}

json backends(const dataplane::View& view) {
  json list = json::array();
  if (view.role != LbRole::active) {
    const bool other_knows = view.peer_heard && view.peer_role == LbRole::active;
    return other_knows ? list : what_backends_told(view);
  }
  for (const Slot slot : kSlots) {
    const dataplane::BackendView& b = view.backends[index(slot)];
    // Of a backend that lost its memory an earlier life's vote may still be known here.
    const bool has_book = b.state != quorum::BackendState::amnesiac;
    const uint64_t lag = view.commit > b.seq ? distance(b.seq, view.commit) : 0;
    list.push_back({{"name", name_of(server_of(slot))},
                    {"slot", index(slot) + 1},
                    {"state", quorum::name_of(b.state)},
                    {"incarnation", b.incarnation.value == 0 ? json() : json(hex(b.incarnation.value))},
                    {"seq", b.seq.value},
                    {"lag", lag},
                    {"progress", progress(b, view.commit)},
                    {"reason", stop_reason(b.state, b.stop)},
                    {"rtt_us", b.rtt.us()},
                    {"constituents", b.absent ? "absent" : "present"},
                    {"container", name_of(b.container)},
                    {"digest", b.digest && has_book ? json(hex(*b.digest)) : json()},
                    {"heard_ms_ago", heard_ms_ago(b)}});
  }
  return list;
}

}  // namespace

std::string status_json(const StatusInput& input) {
  const dataplane::View& view = *input.view;
  const bool active = view.role == LbRole::active;
  json document;
  document["cell"] = seal::text_of(input.cell);
  document["from"] = name_of(view.self);
  document["at"] = to_rfc3339(input.at);
  document["active"] = active ? json(name_of(view.self))
                       : view.peer_heard && view.peer_role == LbRole::active
                           ? json(name_of(other_lb(view.self)))
                           : json();
  document["epoch"] = (active ? view.epoch : std::max(view.highest_seen, view.peer_epoch)).value;
  // A standby knows what the active one says of itself in its heartbeats, and of the backends nothing.
  const bool other = !active && view.peer_heard && view.peer_role == LbRole::active;
  document["commit"] = other ? view.peer_commit.value : view.commit.value;
  document["serving"] = active ? view.serving : other && view.peer_serving;
  document["split"] = view.split;
  document["holds_address"] = input.on_air;
  document["engine"] = input.engine;
  if (input.load != nullptr) {
    document["threads"] = threads_json(input.threads, *input.load);
  }
  document["in_flight"] = view.in_flight;
  document["undecided"] = view.undecided;
  document["clocks_apart_ms"] = view.clocks_apart.ms();
  document["lbs"] = lbs(view);
  document["digest_seq"] = view.digest_seq.value;
  document["backends"] = backends(view);
  json outvoted = json::array();
  for (const quorum::OutvotedEvent& event : view.outvoted) {
    outvoted.push_back(
        {{"at", to_rfc3339(event.at)}, {"slot", index(event.slot) + 1}, {"seq", event.seq.value}});
  }
  document["outvoted"] = std::move(outvoted);
  json failovers = json::array();
  for (size_t i = 0; i < std::min(input.receipts.size(), kStatusReceiptsMax); ++i) {
    failovers.push_back(to_json(input.receipts[i]));
  }
  document["failovers"] = std::move(failovers);
  return document.dump();
}

void write_document(const std::string& text, uint32_t version, dataplane::StatusDocument& out) {
  TERCET_CHECK(text.size() <= out.text.size(), "the status document is bounded");
  out.version = version;
  out.size = static_cast<uint32_t>(text.size());
  std::memcpy(out.text.data(), text.data(), text.size());
}

}  // namespace tercet::control
