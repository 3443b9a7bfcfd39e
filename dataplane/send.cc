#include "dataplane/send.h"

#include <algorithm>

#include "base/check.h"

namespace tercet::dataplane {
void Sender::hand_over(Port& port) {
  if (tap_.on()) [[unlikely]] {
    tap_.sent(*burst_);
  }
  port.send(*burst_);
  counters_.bursts.add();
}

MutBytes Sender::room(Port& port) {
  MutBytes buffer = burst_->next();
  if (buffer.empty()) {
    hand_over(port);
    burst_ = &port.transmit();
    buffer = burst_->next();
    TERCET_CHECK(!buffer.empty(), "an empty burst has room");
  }
  return buffer;
}

void Sender::to_client(const ClientRef& client, Bytes plain, Port& port) {
  const MutBytes buffer = room(port);
  const size_t size =
      keyring_.seal_reply({AccessId{client.access_id}, client.session}, plain, buffer, client.key_place);
  burst_->push(size, client.lane, client.endpoint);
  counters_.datagrams.add();
}

void Sender::to_servers(ServerSet servers, Bytes plain, Port& port) {
  for (unsigned i = 0; i < kServers; ++i) {
    const auto to = static_cast<ServerId>(i);
    if (!servers.has(to)) {
      continue;
    }
    const Lane lane = routes_.lane_of[i];
    if (lane == Routes::kNone || !keyring_.has_peer(to)) {
      counters_.drop_no_route.add();
      continue;
    }
    const MutBytes buffer = room(port);
    burst_->push(keyring_.seal_to_server(to, plain, buffer), lane, {});
    counters_.datagrams.add();
  }
}

void Sender::end(Port& port) {
  if (!burst_->empty()) {
    hand_over(port);
  }
  burst_ = nullptr;
  counters_.reply_keys_derived.set(keyring_.reply_keys_derived());
}

void Sender::send(Outbox& out, Port& port) {
  if (out.empty()) {
    return;
  }
  begin(port);
  const auto parcels = out.parcels();
  size_t fetched = 0;
  for (size_t next = 0; next < parcels.size(); ++next) {
    for (; fetched < std::min(parcels.size(), next + kKeysAhead); ++fetched) {
      if (parcels[fetched].servers.empty()) {
        prefetch(parcels[fetched].client);
      }
    }
    const Outbox::Parcel& parcel = parcels[next];
    if (parcel.servers.empty()) {
      to_client(parcel.client, out.bytes(parcel), port);
    } else {
      to_servers(parcel.servers, out.bytes(parcel), port);
    }
  }
  end(port);
  out.clear();
}

}  // namespace tercet::dataplane
