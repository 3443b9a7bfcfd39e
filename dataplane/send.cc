#include "dataplane/send.h"

#include <algorithm>

#include "base/check.h"

namespace tercet::dataplane {
namespace {

constexpr size_t kKeysAhead = 8;  // as in open.cc

}  // namespace

MutBytes Sender::room(Port& port, TxBurst*& burst) {
  MutBytes buffer = burst->next();
  if (buffer.empty()) {
    port.send(*burst);
    counters_.bursts.add();
    burst = &port.transmit();
    buffer = burst->next();
    TERCET_CHECK(!buffer.empty(), "an empty burst has room");
  }
  return buffer;
}

void Sender::send(Outbox& out, Port& port) {
  if (out.empty()) {
    return;
  }
  TxBurst* burst = &port.transmit();
  const auto parcels = out.parcels();
  size_t fetched = 0;
  for (size_t next = 0; next < parcels.size(); ++next) {
    for (; fetched < std::min(parcels.size(), next + kKeysAhead); ++fetched) {
      prefetch(parcels[fetched]);
    }
    const Outbox::Parcel& parcel = parcels[next];
    const Bytes plain = out.bytes(parcel);
    if (parcel.servers.empty()) {
      const ClientRef& client = parcel.client;
      const MutBytes buffer = room(port, burst);
      const size_t size = keyring_.seal_reply({AccessId{client.access_id}, client.session}, plain, buffer);
      burst->push(size, client.lane, client.endpoint);
      counters_.datagrams.add();
      continue;
    }
    for (unsigned i = 0; i < kServers; ++i) {
      const auto to = static_cast<ServerId>(i);
      if (!parcel.servers.has(to)) {
        continue;
      }
      const Lane lane = routes_.lane_of[i];
      if (lane == Routes::kNone || !keyring_.has_peer(to)) {
        counters_.drop_no_route.add();
        continue;
      }
      const MutBytes buffer = room(port, burst);
      burst->push(keyring_.seal_to_server(to, plain, buffer), lane, {});
      counters_.datagrams.add();
    }
  }
  if (!burst->empty()) {
    port.send(*burst);
    counters_.bursts.add();
  }
  counters_.reply_keys_derived.set(keyring_.reply_keys_derived());
  out.clear();
}

}  // namespace tercet::dataplane
