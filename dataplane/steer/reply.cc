#include "dataplane/steer/reply.h"

namespace tercet::dataplane {

void Reply::add(const ClientRef& client, const ReplyView& answer, Outbox& out) {
  if (writer_ && client_ == client && writer_->add(answer)) {
    ++counters_.replies;
    return;
  }
  finish(out);
  const MutBytes room = out.open();
  if (room.empty()) {
    ++counters_.drop_no_room;
    return;
  }
  writer_.emplace(room);
  client_ = client;
  if (!writer_->add(answer)) {
    ++counters_.drop_no_room;
    writer_.reset();
    return;
  }
  ++counters_.replies;
}

void Reply::finish(Outbox& out) {
  if (writer_) {
    out.close(client_, writer_->finish());
    writer_.reset();
  }
}

}  // namespace tercet::dataplane
