// Fan-out: unsent entries and reads into Accepts for the three, written once; resends per backend;
// keep-alives.

#include <algorithm>

#include "base/mutant.h"
#include "quorum/proposer.h"

namespace tercet::quorum {

/// Who is sent fresh Accepts: all that are not down. A down one hears keep-alives, and asks for what it
/// missed.
ServerSet Proposer::listeners(MonoTime now) const {
  ServerSet set;
  for (const Slot slot : kSlots) {
    if (!backends_.closed(slot, now) || std::holds_alternative<Starting>(role_)) {
      set.add(server_of(slot));
    }
  }
  return set;
}

AcceptHeader Proposer::accept_header(Seq first, const Moment& now) const {
  AcceptHeader header{};
  header.type = static_cast<uint8_t>(CellMessage::accept);
  header.flags = fit(now.mono) ? kFit : 0;
  header.heartbeat_us = static_cast<uint32_t>(options_.keepalive.us());
  header.epoch = epoch_.value;
  header.instance = options_.instance.value;
  header.first = first.value;
  header.prev_l = window_.l_at(previous(first));
  // Only from our own tally, after our EpochStart was decided: never relayed from a Promise.
  if (decided_ >= first_of_epoch()) {
    header.commit = decided_.value;
    header.commit_s = Hash128{decided_s_, 0};
  }
  if (planted(Mutant::relayed_state) && header.commit == 0) {
    for (const Slot slot : kSlots) {
      if (backends_[slot].digest_seq.value > header.commit) {
        header.commit = backends_[slot].digest_seq.value;
        header.commit_s = Hash128{backends_[slot].digest, 0};
      }
    }
  }
  const bool holds_first = window_.has(first);
  header.cell_ms = as_unsigned(holds_first ? window_.at(first).cell.ms : decided_cell_.ms);
  header.wall_ms = as_unsigned(holds_first ? window_.at(first).wall.ms : decided_wall_.ms);
  return header;
}

bool Proposer::send_range(Seq from, Seq to, unsigned datagrams, ServerSet to_whom, const Moment& now,
                          Output& out) {
  Seq at = from;
  for (unsigned i = 0; i < datagrams && at <= to; ++i) {
    const MutBytes room = out.sends.open();
    if (room.empty()) {
      return false;
    }
    AcceptWriter writer(room, accept_header(at, now));
    while (at <= to && writer.add(window_.view(at))) {
      at = next(at);
    }
    TERCET_CHECK(writer.items() != 0, "one operation fits one Accept");
    out.sends.close(to_whom, writer.finish());
  }
  for (const Slot slot : kSlots) {
    if (to_whom.has(server_of(slot))) {
      backends_[slot].sent_at = now.mono;
    }
  }
  return at > to;
}

/// A round that two backends have not voted on by then has lost an Accept or a vote: the next one need not
/// wait for the resend.
Duration Proposer::round_patience() const {
  std::array<Duration, kBackends> after{};
  for (const Slot slot : kSlots) {
    after[index(slot)] = backends_.resend_after(slot);
  }
  std::ranges::nth_element(after, after.begin() + 1);
  return after[1];
}

void Proposer::send_fresh(const Moment& now, Output& out) {
  const Seq to = std::holds_alternative<Starting>(role_) ? first_of_epoch() : last_ordered();
  const ServerSet whom = listeners(now.mono);
  if (sent_ >= to || whom.empty() || !rounds_.may_open(decided_, undecided(), now.mono)) {
    return;
  }
  while (sent_ < to) {
    const MutBytes room = out.sends.open();
    if (room.empty()) {
      break;
    }
    AcceptWriter writer(room, accept_header(next(sent_), now));
    while (sent_ < to && writer.add(window_.view(next(sent_)))) {
      sent_ = next(sent_);
      window_.at(sent_).sent_at = now.mono;
    }
    out.sends.close(whom, writer.finish());
  }
  rounds_.opened(sent_, now.mono, round_patience());
  for (const Slot slot : kSlots) {
    Backend& b = backends_[slot];
    if (!whom.has(server_of(slot))) {
      continue;
    }
    b.sent_at = now.mono;
    if (b.resend_at < now.mono) {
      b.resend_at = now.mono + backends_.resend_after(slot);
    }
    if (now.mono - b.progress_at > backends_.down_after(slot) && next(b.acked) == window_.next()) {
      b.progress_at = now.mono;
      changed();
    }
  }
}

/// Reads stand behind all that was sent, so behind all that was answered, before them: linearizable at that
/// place.
void Proposer::send_reads(const Moment& now, Output& out) {
  uint32_t slot = 0;
  if (!active() || reads_.waiting(slot) == nullptr) {
    return;
  }
  const SlotSet voters = standing(now.mono).voters;
  if (voters.count() < 2) {
    return;  // given up by judge_reads
  }
  const Seq place = sent_;
  MutBytes room = out.sends.open();
  if (room.empty()) {
    return;
  }
  AcceptWriter writer(room, accept_header(next(place), now));
  ServerSet whom;
  while (Reads::Read* read = reads_.waiting(slot)) {
    // Two of the voters, in turn; the less loaded first when one is left to choose. After two misses, all.
    SlotSet readers = voters;
    if (voters.count() == kBackends && read->misses < 2) {
      readers.remove(kSlots[read_turn_ % kBackends]);
    }
    ++read_turn_;
    Slot body = Slot::one;
    unsigned turn = read_turn_ / kBackends;
    for (unsigned i = 0; i < kBackends; ++i) {
      body = kSlots[(turn + i) % kBackends];
      if (readers.has(body)) {
        break;
      }
    }
    ReadItem item{};
    item.item = kItemRead;
    item.readers = readers.bits();
    item.length = static_cast<uint16_t>(read->query.size());
    item.slot = slot;
    item.generation = read->generation;
    item.body_from = static_cast<uint8_t>(index(body));
    if (!writer.add(item, {read->query.data(), read->query.size()})) {
      out.sends.close(whom, writer.finish());
      room = out.sends.open();
      if (room.empty()) {
        return;
      }
      writer = AcceptWriter(room, accept_header(next(place), now));
      whom = {};
      continue;
    }
    for (const Slot reader : kSlots) {
      if (readers.has(reader)) {
        whom.add(server_of(reader));
      }
    }
    reads_.placed(place, readers, now.mono);
  }
  if (writer.items() != 0) {
    out.sends.close(whom, writer.finish());
  }
}

/// The first entry that waits because two ballots for it do not fit each other: in their S (a split), or in
/// their result alone (damaged after it was hashed). 0: none.
Seq Proposer::contested() const {
  if (split_) {
    return next(decided_);
  }
  const Seq seq = next(answered_);
  if (!active() || seq > decided_ || window_.at(seq).tag.none()) {
    return {};
  }
  const Tally& tally = window_.at(seq).tally;
  const SlotSet here(static_cast<uint8_t>(tally.present().bits() & backends_.counted().bits()));
  return here.count() >= 2 && tally.answer(here) == nullptr ? seq : Seq{};
}

void Proposer::send_resends(const Moment& now, Output& out) {
  constexpr unsigned kDatagrams = 4;
  if (const Seq seq = contested(); seq.value != 0 && now.mono >= contest_at_) {
    // Whose ballot was wrong may have recomputed it since: all vote on it again.
    contest_at_ = now.mono + kContestAgain;
    ++resends_;
    send_range(seq, sent_, kDatagrams, kAllBackends, now, out);
  }
  for (const Slot slot : kSlots) {
    Backend& b = backends_[slot];
    const BackendState state = backend_state(slot, now.mono);
    if (b.acked >= sent_ || now.mono < b.resend_at || state == BackendState::down) {
      continue;
    }
    // One that pulls asks for itself; what the window no longer holds it gets from its peers.
    const Seq from = std::max(next(b.acked), window_.oldest());
    if ((b.flags & kCatchingUp) == 0 || std::holds_alternative<Starting>(role_)) {
      for (Seq seq = from; seq <= sent_ && distance(from, seq) < 64; seq = next(seq)) {
        window_.at(seq).sent_at = {};  // Karn: a resent entry measures nothing
      }
      ++resends_;
      send_range(from, sent_, kDatagrams, ServerSet(server_of(slot)), now, out);
    }
    ++b.resends;
    b.resend_at = now.mono + backends_.resend_after(slot);
  }
}

/// Whether a backend need not answer a Keepalive: all that it could say was heard lately.
bool Proposer::settled(Slot slot, MonoTime now) const {
  const Backend& b = backends_[slot];
  return active() && !inquiry_.on && b.acked >= sent_ && b.closed_at.ns == 0 &&
         now - b.heard_at < options_.keepalive * kQuietKeepalives - options_.keepalive / 4 &&
         backend_state(slot, now) == BackendState::voting;
}

/// We start behind a table with a vacant slot, and the backend whose log goes on has our EpochStart durable.
bool Proposer::survivor_has_start() const {
  const auto* starting = std::get_if<Starting>(&role_);
  return starting != nullptr && starting->vacant && window_.at(starting->first).tally.has(starting->source);
}

void Proposer::send_keepalives(const Moment& now, Output& out) {
  constexpr int64_t kUnderLoad = 10;  // heartbeats between keep-alives to one that hears Accepts anyway
  ServerSet asked;
  ServerSet told;
  for (const Slot slot : kSlots) {
    Backend& b = backends_[slot];
    // A little early when the thread is awake anyway (a heartbeat, say): one wake-up less.
    if (now.mono - b.sent_at >= options_.keepalive - options_.keepalive / 8 ||
        now.mono - b.keepalive_at >= options_.keepalive * kUnderLoad) {
      if (b.regressed || (active() && backends_.replaced(slot, decided_))) {
        send_keepalive(ServerSet(server_of(slot)), 0, b.incarnation, now, out);
      } else {
        (settled(slot, now.mono) ? told : asked).add(server_of(slot));
      }
      b.sent_at = now.mono;
      b.keepalive_at = now.mono;
    }
  }
  send_keepalive(asked, survivor_has_start() ? kAdmits : 0, {}, now, out);
  send_keepalive(told, kQuiet, {}, now, out);
}

void Proposer::send_keepalive(ServerSet whom, uint8_t flags, Incarnation lost, const Moment& now,
                              Output& out) {
  if (whom.empty()) {
    return;
  }
  const MutBytes room = out.sends.open();
  if (room.empty()) {
    return;
  }
  Keepalive message{};
  message.type = static_cast<uint8_t>(CellMessage::keepalive);
  message.flags = fit(now.mono) ? kFit | flags : flags;
  message.heartbeat_us = static_cast<uint32_t>(options_.keepalive.us());
  message.epoch = epoch_.value;
  message.instance = options_.instance.value;
  message.next = next(sent_).value;
  message.last_l = window_.l_at(sent_);
  if (decided_ >= first_of_epoch()) {
    message.commit = decided_.value;
    message.commit_s = Hash128{decided_s_, 0};
  }
  message.stamp = as_unsigned(now.mono.ns);
  message.lost = lost.value;
  put(room, message);
  out.sends.close(whom, sizeof(message));
}

/// A backend misses entries: while the window has them they come as Accepts, else it must ask a peer.
void Proposer::on(const MissingView& view, ServerId from, const Moment& now, Output& out) {
  const Missing& h = *view.header;
  if (!holds_epoch()) {
    return;
  }
  const Seq at{h.from};
  const Backend& b = backends_[slot_of(from)];
  if (at >= first_of_epoch() && at <= b.acked) {
    // It voted for these: an old datagram, or its disk lost them. Fed, it would look whole before it was
    // asked.
    send_keepalive(ServerSet(from), 0, {}, now, out);
    return;
  }
  if (at >= first_of_epoch() && window_.has(at) && at <= sent_) {
    send_range(at, sent_, std::clamp<unsigned>(h.datagrams, 1, 32), ServerSet(from), now, out);
    return;
  }
  const MutBytes room = out.sends.open();
  if (room.empty()) {
    return;
  }
  EntriesHeader header{};
  header.type = static_cast<uint8_t>(CellMessage::entries);
  header.number = h.number;
  header.first = at.value;
  EntriesWriter writer(room, header);
  out.sends.close(from, writer.finish());
}

}  // namespace tercet::quorum
