#include "bench/dpdk/clients.h"

#include <array>

#include "base/check.h"
#include "base/hash.h"
#include "dataplane/net/ip.h"

namespace tercet::bench {
namespace {

// 198.19.0.0/16 behind a router, 50,000 ports of the first, then of the next.
constexpr uint32_t kFirst = 0xC6130001;
constexpr uint32_t kPorts = 50'000;
constexpr uint32_t kFirstPort = 10'000;

Endpoint endpoint_of(size_t client) {
  return dataplane::endpoint_of(dataplane::ipv4_of(kFirst + static_cast<uint32_t>(client / kPorts)),
                                static_cast<uint16_t>(kFirstPort + client % kPorts));
}
size_t client_at(const Endpoint& at) {
  const uint32_t host = dataplane::number(dataplane::ipv4_of(at.address)) - kFirst;
  return size_t{host} * kPorts + at.port - kFirstPort;
}

}  // namespace

uint64_t features_of(const Handle& handle, uint32_t request) {
  return hash64({handle.bytes.data(), handle.bytes.size()}, request);
}

Clients::Clients(size_t count, const seal::ClientKeys& keys) {
  clients_.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    clients_.push_back(std::make_unique<Client>(keys));
    seal::random_bytes(clients_.back()->handle.bytes);
  }
}

size_t Clients::next(MutBytes out, Endpoint& from) {
  const size_t number = turn_;
  turn_ = (turn_ + 1) % clients_.size();
  Client& client = *clients_[number];
  ++waiting_;
  from = endpoint_of(number);
  OpHeader header{};
  header.kind = static_cast<uint8_t>(OpKind::renew);
  header.length = sizeof(OpHeader) + sizeof(RenewBody);
  header.request = ++client.request;
  std::copy(client.handle.bytes.begin(), client.handle.bytes.end(), header.handle);
  std::array<uint8_t, sizeof(OpHeader) + sizeof(RenewBody)> op{};
  std::memcpy(op.data(), &header, sizeof header);
  std::array<uint8_t, kClientPlainMax> plain;
  QueryWriter writer(plain);
  TERCET_CHECK(writer.add(op), "a renewal fits");
  return client.keyring.seal_query(Bytes(plain).first(writer.finish()), out);
}

bool Clients::take(const Endpoint& to, MutBytes datagram) {
  const size_t number = client_at(to);
  if (number >= clients_.size()) {
    return false;
  }
  Client& client = *clients_[number];
  const auto opened = client.keyring.open_reply(datagram);
  Bytes rest;
  ReplyView reply;
  if (!opened || parse_reply(opened->plain, rest) != Drop::none || !next_reply(rest, reply) ||
      !rest.empty()) {
    return false;
  }
  if (reply.kind != OpKind::renew || reply.code != Code::granted || reply.request != client.answered + 1 ||
      !(reply.handle == client.handle) || reply.body.size() != sizeof(OpResult)) {
    return false;
  }
  OpResult result;
  std::memcpy(&result, reply.body.data(), sizeof result);
  if (result.features.get() != features_of(client.handle, reply.request)) {
    return false;
  }
  ++client.answered;
  --waiting_;
  return true;
}

}  // namespace tercet::bench
