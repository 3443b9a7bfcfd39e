#include "wire/seal/keyring.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace tercet::seal {
namespace {

SessionId random_session() {
  SessionId id;
  random_bytes(id.bytes);
  return id;
}
uint64_t random_salt() {
  uint64_t salt = 0;
  random_bytes({reinterpret_cast<uint8_t*>(&salt), sizeof salt});
  return salt;
}
constexpr uint8_t wire_id(ServerId id) { return static_cast<uint8_t>(index(id)); }

}  // namespace

Key derive_access_key(Algorithm aead, const Key& client_master, AccessId access) {
  return KdfKey(aead, client_master).derive({.purpose = Purpose::access_key, .number = access.value});
}

Keyring::Keyring(const ServerKeys& keys, const KeyringOptions& options)
    : cell_(keys.cell),
      self_(keys.self),
      aead_(keys.aead, options.provider),
      clients_(keys.client_master ? std::max<size_t>(options.client_cache_entries, ClientCache::kWays) : 0,
               random_salt()),
      prefetch_(options.prefetch) {
  for (unsigned i = 0; i < kServers; ++i) {
    if (keys.pairs[i] && i != index(self_)) {
      peers_[i] = std::make_unique<Peer>(Peer{KdfKey(keys.aead, *keys.pairs[i]), {}, 0, {}});
    }
  }
  if (keys.client_master) {
    TERCET_CHECK(is_lb(self_), "only an LB holds the client master key");
    master_.emplace(keys.aead, *keys.client_master);
  }
  take_session(options.session ? *options.session : random_session());
}

Keyring::~Keyring() {
  for (auto& peer : peers_) {
    if (peer) {
      wipe(&peer->pair, sizeof peer->pair);
      wipe(&peer->seal_key, sizeof peer->seal_key);
    }
  }
  if (master_) {
    wipe(&*master_, sizeof *master_);
  }
}

void Keyring::reseed() { take_session(random_session()); }

void Keyring::take_session(const SessionId& session) {
  session_ = session;
  for (unsigned i = 0; i < kServers; ++i) {
    if (peers_[i]) {
      peers_[i]->seal_key = server_key(*peers_[i], self_, static_cast<ServerId>(i), session_);
      peers_[i]->counter = 0;
    }
  }
  reply_counter_ = 0;
  resigned_epoch_ = {};
  clients_.forget_replies();
  fork_.rearm();
}

void Keyring::write_header(DatagramKind kind, AccessId access, uint64_t counter, MutBytes out) const {
  DatagramHeader header;
  header.kind = static_cast<uint8_t>(kind);
  header.sender = wire_id(self_);
  header.access_id = access.value;
  header.cell_id = cell_.value;
  header.counter = counter;
  std::memcpy(header.session, session_.bytes.data(), sizeof header.session);
  std::memcpy(out.data(), &header, sizeof header);
}

PreparedKey Keyring::server_key(const Peer& peer, ServerId from, ServerId to, const SessionId& sender) const {
  PreparedKey key;
  aead_.prepare(peer.pair.derive(
                    {.purpose = Purpose::server, .from = wire_id(from), .to = wire_id(to), .sender = sender}),
                key);
  return key;
}

PreparedKey Keyring::resignation_key(const Peer& peer, ServerId from, ServerId to, Epoch epoch,
                                     const SessionId& sender) const {
  PreparedKey key;
  aead_.prepare(peer.pair.derive({.purpose = Purpose::resignation,
                                  .from = wire_id(from),
                                  .to = wire_id(to),
                                  .number = epoch.value,
                                  .sender = sender}),
                key);
  return key;
}

KdfKey Keyring::access_key(AccessId access) const {
  return {aead_.algorithm(), master_->derive({.purpose = Purpose::access_key, .number = access.value})};
}

void Keyring::prepare_query(const ClientKeyRef& client, PreparedKey& out) const {
  aead_.prepare(access_key(client.access)
                    .derive({.purpose = Purpose::query, .from = kSenderClient, .sender = client.session}),
                out);
}

void Keyring::prepare_reply(const ClientKeyRef& client, PreparedKey& out) const {
  aead_.prepare(access_key(client.access)
                    .derive({.purpose = Purpose::reply,
                             .from = wire_id(self_),
                             .to = kSenderClient,
                             .sender = session_,
                             .receiver = client.session}),
                out);
}

Keyring::Peer& Keyring::peer_for_sealing(ServerId to) {
  if (fork_.forked()) [[unlikely]] {
    reseed();
  }
  TERCET_CHECK(has_peer(to), "a key for every peer that is spoken to");
  return *peers_[index(to)];
}

size_t Keyring::seal_to_server(ServerId to, Bytes plain, MutBytes out) {
  TERCET_CHECK(plain.size() <= kCellPlainMax && out.size() >= plain.size() + kSealOverhead,
               "room for the datagram");
  Peer& peer = peer_for_sealing(to);
  const uint64_t counter = ++peer.counter;
  write_header(DatagramKind::server_to_server, {}, counter, out);
  aead_.seal(peer.seal_key, counter, out.first(kHeaderSize), plain, out.data() + kHeaderSize);
  return plain.size() + kSealOverhead;
}

size_t Keyring::seal_reply(const ClientKeyRef& client, Bytes plain, MutBytes out, uint32_t place) {
  TERCET_CHECK(plain.size() <= kCellPlainMax && out.size() >= plain.size() + kSealOverhead,
               "room for the datagram");
  TERCET_CHECK(serves_clients() && client.access.value != 0, "only an LB answers clients");
  if (fork_.forked()) [[unlikely]] {
    reseed();
  }
  ClientCache::Entry entry = clients_.find(client.access, client.session, place);
  if (entry.tag == nullptr) {
    entry = clients_.admit(client.access, client.session);
  }
  if (!entry.tag->reply_ready) {
    prepare_reply(client, entry.keys->reply);
    ++reply_keys_derived_;
    entry.tag->reply_ready = true;
  }
  const uint64_t counter = ++reply_counter_;
  write_header(DatagramKind::lb_to_client, client.access, counter, out);
  aead_.seal(entry.keys->reply, counter, out.first(kHeaderSize), plain, out.data() + kHeaderSize);
  return plain.size() + kSealOverhead;
}

tl::expected<FromServer, Drop> Keyring::open_from_server(MutBytes datagram) {
  const auto view = parse_datagram(datagram, cell_);
  if (!view) {
    return tl::unexpected(view.error());
  }
  if (view->kind() != DatagramKind::server_to_server) {
    return tl::unexpected(Drop::not_for_us);
  }
  const auto from = static_cast<ServerId>(view->header->sender);
  if (from == self_) {
    return tl::unexpected(Drop::sender);  // our own, reflected
  }
  if (!has_peer(from)) {
    return tl::unexpected(Drop::unknown_key);
  }
  Peer& peer = *peers_[index(from)];
  const SessionId session = view->header->session_id();
  const uint64_t counter = view->header->counter;
  const Bytes aad = datagram.first(kHeaderSize);
  PeerSessions::Entry* entry = peer.heard.find(session);
  if (entry != nullptr) {
    if (!entry->window.fresh(counter)) {
      return tl::unexpected(Drop::replay);
    }
    if (!aead_.open(entry->key, counter, aad, view->sealed)) {
      return tl::unexpected(Drop::forged);
    }
  } else {
    if (!peer.heard.may_be_new(session, counter)) {
      return tl::unexpected(Drop::replay);
    }
    const PreparedKey key = server_key(peer, from, self_, session);
    if (!aead_.open(key, counter, aad, view->sealed)) {
      return tl::unexpected(Drop::forged);
    }
    entry = &peer.heard.admit(session, key);
  }
  peer.heard.accept(*entry, counter);
  return {tl::in_place, from, session, counter, view->sealed.first(view->sealed.size() - kTagSize)};
}

tl::expected<FromClient, Drop> Keyring::open_from_client(MutBytes datagram, uint32_t place) {
  const auto view = parse_datagram(datagram, cell_);
  if (!view) {
    return tl::unexpected(view.error());
  }
  if (view->kind() != DatagramKind::client_to_lb || !serves_clients()) {
    return tl::unexpected(Drop::not_for_us);
  }
  const ClientKeyRef client{AccessId{view->header->access_id}, view->header->session_id()};
  const uint64_t counter = view->header->counter;
  const Bytes aad = datagram.first(kHeaderSize);
  ClientCache::Entry entry = clients_.find(client.access, client.session, place);
  if (entry.tag != nullptr && entry.tag->query_ready) {
    if (!aead_.open(entry.keys->query, counter, aad, view->sealed)) {
      return tl::unexpected(Drop::forged);
    }
  } else {
    PreparedKey key;
    prepare_query(client, key);
    ++query_keys_derived_;
    if (!aead_.open(key, counter, aad, view->sealed)) {
      return tl::unexpected(Drop::forged);  // and the cache is as it was: strangers cannot wash it out
    }
    if (entry.tag == nullptr) {
      entry = clients_.admit(client.access, client.session);
    }
    entry.keys->query = key;
    entry.tag->query_ready = true;
  }
  clients_.touch(entry);
  return {tl::in_place, client, clients_.place_of(entry), counter,
          view->sealed.first(view->sealed.size() - kTagSize)};
}

void Keyring::prefetch_client(Bytes datagram) const {
  if (prefetch_ && datagram.size() >= kSealOverhead) {
    const auto* header = reinterpret_cast<const DatagramHeader*>(datagram.data());
    clients_.prefetch_set(AccessId{header->access_id}, header->session_id());
  }
}

uint32_t Keyring::prefetch_query_key(Bytes datagram) {
  if (!prefetch_ || datagram.size() < kSealOverhead) {
    return 0;
  }
  const auto* header = reinterpret_cast<const DatagramHeader*>(datagram.data());
  const ClientCache::Entry entry = clients_.find(AccessId{header->access_id}, header->session_id());
  if (entry.tag == nullptr) {
    return 0;
  }
  aead_.prefetch(entry.keys->query);
  return clients_.place_of(entry);
}

void Keyring::prefetch_reply_key(uint32_t place) const {
  if (!prefetch_) {
    return;
  }
  if (const ClientCache::Keys* keys = clients_.prefetch_tag(place); keys != nullptr) {
    aead_.prefetch(keys->reply);
  }
}

size_t Keyring::seal_resignation(ServerId to, Epoch epoch, Nonce nonce, MutBytes out) {
  TERCET_CHECK(is_lb(self_) && is_valid(epoch) && lb_of(epoch) == self_, "an LB resigns from its own epoch");
  TERCET_CHECK(out.size() >= kResignationSize, "room for the datagram");
  const Peer& peer = peer_for_sealing(to);
  TERCET_CHECK(epoch != resigned_epoch_ || nonce == resigned_nonce_, "one resignation an epoch");
  resigned_epoch_ = epoch;
  resigned_nonce_ = nonce;
  const Le64 plain = nonce.value;
  write_header(DatagramKind::resignation, {}, epoch.value, out);
  aead_.seal(resignation_key(peer, self_, to, epoch, session_), epoch.value, out.first(kHeaderSize),
             bytes_of(plain), out.data() + kHeaderSize);
  return kResignationSize;
}

tl::expected<Resignation, Drop> Keyring::open_resignation(MutBytes datagram) {
  const auto view = parse_datagram(datagram, cell_);
  if (!view) {
    return tl::unexpected(view.error());
  }
  if (view->kind() != DatagramKind::resignation) {
    return tl::unexpected(Drop::not_for_us);
  }
  const auto from = static_cast<ServerId>(view->header->sender);
  if (from == self_) {
    return tl::unexpected(Drop::sender);
  }
  if (!has_peer(from)) {
    return tl::unexpected(Drop::unknown_key);
  }
  if (view->sealed.size() != sizeof(Le64) + kTagSize) {
    return tl::unexpected(Drop::malformed);
  }
  const Epoch epoch{view->header->counter};
  if (!is_valid(epoch) || lb_of(epoch) != from) {
    return tl::unexpected(Drop::malformed);
  }
  const PreparedKey key =
      resignation_key(*peers_[index(from)], from, self_, epoch, view->header->session_id());
  if (!aead_.open(key, epoch.value, datagram.first(kHeaderSize), view->sealed)) {
    return tl::unexpected(Drop::forged);
  }
  Le64 nonce;
  std::memcpy(&nonce, view->sealed.data(), sizeof nonce);
  return Resignation{from, epoch, Nonce{nonce}};
}

}  // namespace tercet::seal
