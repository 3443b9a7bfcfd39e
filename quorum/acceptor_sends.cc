// What a backend says of itself: flags, Promise, Refused, Heard; and the commit that its log keeps.

#include <algorithm>

#include "quorum/acceptor.h"

namespace tercet::quorum {

/// Written along with what is appended anyway: a commit is never worth a write of its own.
void Acceptor::note_commit_in(Records& append) {
  if (!commit_dirty_ || append.empty() || commit_ > log_.last()) {
    return;
  }
  CommitRecord record;
  record.seq = commit_.value;
  record.s = commit_s_;
  append.add_commit(record);
  ++lsn_.value;
  commit_dirty_ = false;
}

uint8_t Acceptor::flags(const Machine& machine) const {
  unsigned flags = 0;
  flags |= divergent() ? kDivergent : 0U;
  flags |= log_.empty() ? kBlank : 0U;
  flags |= amnesiac() ? kAmnesiac : 0U;
  flags |= stopped() ? kStopped : 0U;
  flags |= member() ? kMember : 0U;
  flags |= catching_up() ? kCatchingUp : 0U;
  flags |= machine.leases_live() ? kLeasesLive : 0U;
  flags |= machine.more_due() ? kMoreDue : 0U;
  return static_cast<uint8_t>(flags);
}

Acceptor::Word Acceptor::word(const Machine& machine) const {
  return {flags(machine), container(machine), machine.absent()};
}

PromiseHeader Acceptor::promise_now(const Moment& now, const Machine& machine) const {
  PromiseHeader header{};
  header.type = static_cast<uint8_t>(CellMessage::promise);
  header.flags = flags(machine);
  header.admitted = member() ? 1 : 0;
  header.introduction = static_cast<uint8_t>(options_.introduction.size());
  header.epoch = promised_.value;
  header.instance = promised_to_.value;
  header.incarnation = options_.incarnation.value;
  header.last_epoch = log_.epoch_at(log_.last()).value;
  header.last = log_.last().value;
  header.last_l = log_.l_at(log_.last());
  header.commit = commit_.value;
  header.cell_ms = as_unsigned(log_.cell_at(log_.last()).ms);
  header.wall_ms = as_unsigned(log_.wall_at(log_.last()).ms);
  header.clock_ms = as_unsigned(now.wall.ms);
  write_members(log_.members(), header.members);
  return header;
}

void Acceptor::refuse(CellMessage of, Epoch epoch, ServerId to, const Machine& machine, Output& out) {
  ++counters_.refused;
  const MutBytes room = out.sends.open();
  if (room.empty()) {
    return;
  }
  Refused refused{};
  refused.type = static_cast<uint8_t>(CellMessage::refused);
  refused.flags = flags(machine);
  refused.of = static_cast<uint8_t>(of);
  refused.epoch = epoch.value;
  refused.promised = promised_.value;
  refused.incarnation = options_.incarnation.value;
  put(room, refused);
  out.sends.close(to, sizeof(refused));
}

void Acceptor::send_heard(ServerId to, bool asked, uint32_t number, uint64_t stamp, const Moment& now,
                          const Machine& machine, Output& out) {
  const MutBytes room = out.sends.open();
  if (room.empty()) {
    return;
  }
  Heard reply{};
  reply.type = static_cast<uint8_t>(CellMessage::heard);
  reply.flags = flags(machine);
  const Word own = word(machine);
  reply.container = static_cast<uint8_t>(own.container);
  reply.absent = own.absent;
  if (!asked) {
    told_ = own;
  }
  reply.heard = heard(now.mono) ? 1 : 0;
  reply.asked = asked ? 1 : 0;
  reply.number = number;
  reply.stamp = stamp;
  reply.promised = promised_.value;
  reply.incarnation = options_.incarnation.value;
  reply.last = log_.last().value;
  reply.durable = durable_seq_.value;
  reply.durable_l = log_.l_at(durable_seq_);
  const Seq commit = std::min(commit_, applied_);
  reply.commit = commit.value;
  reply.decided = commit_.value;
  reply.commit_s = log_.s_at(commit);
  reply.progress = pull_.progress();
  reply.wall_ms = as_unsigned(now.wall.ms);
  reply.load = static_cast<uint32_t>(held_.reads());
  unsigned traits = asks_rejoin() ? kAsksRejoin : 0U;
  traits |= newcomer() ? kNewcomer : 0U;
  traits |= member() && log_.members().vacant() ? kVacant : 0U;
  reply.traits = static_cast<uint8_t>(traits);
  reply.stop = static_cast<uint8_t>(stopped_);
  reply.base = image_.value;
  put(room, reply);
  out.sends.close(to, sizeof(reply));
}

}  // namespace tercet::quorum
