#include "quorum/proposer.h"

#include <algorithm>

namespace tercet::quorum {

const char* name_of(Cause cause) {
  static constexpr std::array<const char*, 11> kNames{
      "none",    "start",  "peer_silent", "peer_resigned", "peer_unfit", "raised",
      "refused", "fenced", "asked",       "no_progress",   "forced"};
  return kNames[static_cast<size_t>(cause)];
}

Proposer::Proposer(const Options& options)
    : options_(options),
      window_(options.history, options.window),
      reads_(options.reads),
      rounds_(options.rounds),
      checkpoints_(options.checkpoints) {}

LbRole Proposer::role() const { return static_cast<LbRole>(role_.index()); }
static_assert(static_cast<size_t>(LbRole::standby) == 0 && static_cast<size_t>(LbRole::asking) == 1 &&
              static_cast<size_t>(LbRole::preparing) == 2 && static_cast<size_t>(LbRole::starting) == 3 &&
              static_cast<size_t>(LbRole::active) == 4);

bool Proposer::holds_epoch() const {
  return std::holds_alternative<Starting>(role_) || std::holds_alternative<Active>(role_);
}

Seq Proposer::first_of_epoch() const {
  if (const auto* starting = std::get_if<Starting>(&role_)) {
    return starting->first;
  }
  if (const auto* active = std::get_if<Active>(&role_)) {
    return active->first;
  }
  return {};
}

void Proposer::changed() {
  gate_.reset();
  standing_.reset();
}

/// What is ordered meanwhile changes nothing of it: a backend that had nothing to do begins to be waited for.
const Proposer::Standing& Proposer::standing(MonoTime now) const {
  if (standing_ && standing_->at == now) {
    return *standing_;
  }
  Standing s{.at = now, .counted = backends_.counted()};
  for (const Slot slot : kSlots) {
    const BackendState state = backends_.state(slot, now, holds_epoch() ? last_ordered() : Seq{0});
    s.states[index(slot)] = state;
    if (state == BackendState::voting) {
      s.voters.add(slot);
    }
    s.in_reach += state == BackendState::voting || state == BackendState::catching_up ? 1U : 0U;
  }
  return standing_.emplace(s);
}

unsigned Proposer::voters(MonoTime now) const { return holds_epoch() ? standing(now).voters.count() : 0; }

unsigned Proposer::in_reach(MonoTime now) const { return standing(now).in_reach; }

BackendState Proposer::backend_state(Slot slot, MonoTime now) const {
  return standing(now).states[index(slot)];
}

void Proposer::note_epoch(Epoch epoch) { seen_ = std::max(seen_, epoch); }

void Proposer::unreachable(Slot slot, const Moment& now) {
  changed();
  backends_.report_closed(slot, now.mono);
}

std::optional<uint64_t> Proposer::digest(Slot slot, Seq seq) const {
  if (window_.has(seq) && window_.at(seq).tally.has(slot)) {
    return window_.at(seq).tally.s_of(slot);
  }
  const Backend& b = backends_[slot];
  if (b.digest_seq == seq && seq.value != 0) {
    return b.digest;
  }
  return std::nullopt;
}

void Proposer::step(ServerId from, const CellView& message, const Moment& now, Output& out) {
  if (!is_backend(from)) {
    return;  // heartbeats are failover's
  }
  changed();
  std::visit([&](const auto& view) { on(view, from, now, out); }, message);
  changed();
}

std::vector<Proposer::DecidedEntry> Proposer::decided_since(Seq after) const {
  std::vector<DecidedEntry> entries;
  for (Seq seq = std::max(next(after), window_.oldest()); seq <= decided_ && window_.has(seq);
       seq = next(seq)) {
    entries.push_back({seq, window_.at(seq).l, window_.at(seq).cell});
  }
  return entries;
}

MonoTime Proposer::tick(const Moment& now, Output& out) {
  changed();
  tick_takeover(now, out);
  changed();
  if (holds_epoch()) {
    deliver(now, out);
    note_split(now.mono);
    judge_reads(now, out);
    order_ticks(now);
    order_rejoins(now);
    order_presence(now);
    order_checkpoints(now);
    send_fresh(now, out);
    send_reads(now, out);
    send_resends(now, out);
    send_keepalives(now, out);
  }
  return next_tick(now);
}

MonoTime Proposer::next_tick(const Moment& now) const {
  MonoTime at = MonoTime::never();
  if (inquiry_.on) {
    at = earlier(at, earlier(inquiry_.again, inquiry_.until));
  }
  if (const auto* preparing = std::get_if<Preparing>(&role_)) {
    at = earlier(at, earlier(preparing->again, preparing->give_up));
    if (preparing->second_at.ns != 0) {
      at = earlier(at, preparing->second_at + kThirdPromiseWait);
    }
  }
  if (holds_epoch()) {
    for (const Slot slot : kSlots) {
      const Backend& b = backends_[slot];
      at = earlier(at, b.sent_at + options_.keepalive);
      if (b.acked < sent_ && backend_state(slot, now.mono) != BackendState::down) {
        at = earlier(at, b.resend_at);
      }
    }
    if (sent_ < last_ordered()) {
      at = earlier(at, rounds_.until());
    }
    if (reads_.used() != 0) {
      at = earlier(at, now.mono + kReadAgainMin);
    }
    if (leases_live_ && serving(now.mono)) {
      at = earlier(at, ordered_at_ + kTickEvery);
    }
  }
  return later(at, now.mono);
}

}  // namespace tercet::quorum
