#pragma once
// Reply: answers → datagrams. Answers to one client that follow each other share one.

#include <optional>

#include "dataplane/steer/in_flight.h"
#include "dataplane/steer/view.h"
#include "wire/outbox.h"
#include "wire/query.h"

namespace tercet::dataplane {

class Reply {
 public:
  explicit Reply(SteerCounters& counters) : counters_(counters) {}
  /// One answer. Nothing else may open the outbox before finish().
  void add(const ClientRef& client, const ReplyView& answer, Outbox& out);
  void add(const InFlight::Query& query, Code code, Bytes body, Outbox& out) {
    add(query.client, {query.kind, code, query.request, query.handle, body}, out);
  }
  void finish(Outbox& out);

 private:
  SteerCounters& counters_;
  std::optional<ReplyWriter> writer_;
  ClientRef client_;
};

}  // namespace tercet::dataplane
