#include "backend/replica.h"

#include <algorithm>

namespace tercet::backend {
namespace {
constexpr Duration kPublishEvery = milliseconds(20);
}

Replica::Replica(const Opening& opening, BookMachine& machine, store::Disk& disk, store::StoreId store)
    : acceptor_(*opening.acceptor),
      machine_(machine),
      log_(*opening.log),
      disk_(disk),
      lsn_base_(log_.appended() - acceptor_.taken().value),
      checkpoints_(acceptor_, machine, log_, disk, store, lsn_base_, opening.older),
      sender_(checkpoints_, disk),
      fetch_(acceptor_, machine, checkpoints_) {}

/// Hands the acceptor's records to the log, in order. False: not all fit, the rest waits for the batch in
/// flight.
bool Replica::keep() {
  const auto records = records_.records();
  while (kept_ < records.size()) {
    const auto& record = records[kept_];
    const auto sync = record.must_sync ? store::Log::Sync::always : store::Log::Sync::as_configured;
    if (log_.append(static_cast<uint8_t>(record.type), records_.bytes(record), {}, sync) ==
        store::kNotTaken) {
      return false;
    }
    ++kept_;
  }
  records_.clear();
  kept_ = 0;
  return true;
}

void Replica::step(const dataplane::Message& message, const Moment& now, quorum::Acceptor::Output& output) {
  CellView view;
  if (parse_cell(message.plain, view) != Drop::none) {
    ++drop_malformed_;
    return;
  }
  ++messages_;
  if (const auto* fetch = std::get_if<FetchView>(&view)) {
    sender_.on(*fetch, message.server, now.mono, output.sends);
  } else if (const auto* chunk = std::get_if<ChunkView>(&view)) {
    fetch_.on(*chunk, message.server, now.mono);
  } else {
    acceptor_.step(message.server, view, now, machine_, output);
  }
}

/// What the disk has done, to whom it was done for.
void Replica::reap() {
  store::IoDone done[8];
  for (size_t n = std::size(done); n == std::size(done);) {
    n = disk_.reap(done);
    for (size_t i = 0; i < n; ++i) {
      if (!log_.take(done[i]) && !checkpoints_.take(done[i])) {
        sender_.take(done[i]);
      }
    }
  }
}

MonoTime Replica::poll(std::span<const dataplane::Message> in, const Moment& now, Outbox& out) {
  quorum::Acceptor::Output output{out, records_};
  bool room = keep();
  for (const dataplane::Message& message : in) {
    if (!message.from_server) {
      ++drop_malformed_;
      continue;
    }
    if (!room) {
      ++drop_log_full_;  // back-pressure: the LB sends again
      continue;
    }
    step(message, now, output);
    if (records_.records().size() > 512) {
      room = keep();
    }
  }
  acceptor_.note_commit_in(records_);
  keep();  // the rest, if any, at the next poll
  log_.flush();
  reap();
  acceptor_.durable(Lsn{log_.durable() - lsn_base_});
  if (log_.failed()) {
    acceptor_.stop(log_.state() == store::LogState::full ? StopReason::disk_full : StopReason::io_error);
  }
  const MonoTime again = earlier(earlier(acceptor_.tick(now, machine_, output), fetch_.poll(now.mono, out)),
                                 checkpoints_.poll(now.mono));
  sender_.send(out);
  checkpoints_.clean_up(now.mono);
  if (!records_.empty()) {
    keep();
    log_.flush();
    reap();  // starts the next batch if none is in flight
  }
  if (view_ != nullptr && now.mono >= publish_at_) {
    publish_at_ = now.mono + kPublishEvery;
    if (introduced_ != nullptr) {
      const Introduced& own = introduced_->read();
      acceptor_.introduce({own.data(), own.size()});
    }
    view_->draft() = view();
    view_->publish();
  }
  return again;
}

void Replica::resigned(ServerId lb, Epoch epoch, const Moment& /*now*/) {
  if (is_lb(lb) && lb_of(epoch) == lb) {
    acceptor_.resigned(epoch);
  }
}

ReplicaView Replica::view() const {
  ReplicaView view;
  view.known = true;
  view.state = log_.failed()             ? "stopped"
               : acceptor_.amnesiac()    ? "amnesiac"
               : acceptor_.divergent()   ? "divergent"
               : acceptor_.log().empty() ? "blank"
               : acceptor_.catching_up() ? "catching-up"
                                         : "voting";
  view.incarnation = acceptor_.incarnation();
  view.promised = acceptor_.promised();
  view.last = acceptor_.log().last();
  view.durable = acceptor_.durable_seq();
  view.commit = acceptor_.commit();
  view.digest = acceptor_.log().s_at(std::min(acceptor_.commit(), acceptor_.applied())).low;
  view.divergent = acceptor_.divergent();
  view.lost = acceptor_.lost();
  view.reopen = acceptor_.reopen();
  view.checkpoint = acceptor_.checkpoint();
  view.checkpoints = checkpoints_.counters();
  view.fetched = fetch_.counters();
  view.image = fetch_.transfer();
  view.image_failed = fetch_.last_failed();
  view.room_wanted = checkpoints_.room_wanted();
  view.waits_for_room = fetch_.waits_for_room();
  view.leases_live = machine_.leases_live();
  view.container = acceptor_.container(machine_);
  view.messages = messages_;
  view.drop_malformed = drop_malformed_;
  view.drop_log_full = drop_log_full_;
  view.batches = log_.batches();
  view.sectors = log_.sectors();
  view.acceptor = acceptor_.counters();
  return view;
}

}  // namespace tercet::backend
