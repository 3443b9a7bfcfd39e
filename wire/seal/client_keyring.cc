#include "wire/seal/client_keyring.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace tercet::seal {

ClientKeyring::ClientKeyring(const ClientKeys& keys, std::optional<SessionId> session,
                             std::optional<Provider> provider)
    : cell_(keys.cell),
      access_(keys.access),
      aead_(keys.aead, provider),
      access_key_(keys.aead, keys.access_key) {
  TERCET_CHECK(access_.value != 0, "an access id is never 0");
  if (session) {
    take_session(*session);
  } else {
    reseed();
  }
}

ClientKeyring::~ClientKeyring() {
  wipe(&access_key_, sizeof access_key_);
  wipe(&query_key_, sizeof query_key_);
  wipe(&lbs_, sizeof lbs_);
}

void ClientKeyring::reseed() {
  SessionId session;
  random_bytes(session.bytes);
  take_session(session);
}

void ClientKeyring::take_session(const SessionId& session) {
  session_ = session;
  counter_ = 0;
  aead_.prepare(access_key_.derive({.purpose = Purpose::query, .from = kSenderClient, .sender = session_}),
                query_key_);
  for (LbSession& lb : lbs_) {
    lb.used = 0;  // their keys were for our former session
  }
  fork_.rearm();
}

size_t ClientKeyring::seal_query(Bytes plain, MutBytes out) {
  TERCET_CHECK(plain.size() <= kCellPlainMax && out.size() >= plain.size() + kSealOverhead,
               "room for the datagram");
  if (fork_.forked()) [[unlikely]] {
    reseed();
  }
  DatagramHeader header;
  header.kind = static_cast<uint8_t>(DatagramKind::client_to_lb);
  header.sender = kSenderClient;
  header.access_id = access_.value;
  header.cell_id = cell_.value;
  header.counter = ++counter_;
  std::memcpy(header.session, session_.bytes.data(), sizeof header.session);
  std::memcpy(out.data(), &header, sizeof header);
  aead_.seal(query_key_, counter_, out.first(kHeaderSize), plain, out.data() + kHeaderSize);
  return plain.size() + kSealOverhead;
}

tl::expected<FromLb, Drop> ClientKeyring::open_reply(MutBytes datagram) {
  const auto view = parse_datagram(datagram, cell_);
  if (!view) {
    return tl::unexpected(view.error());
  }
  if (view->kind() != DatagramKind::lb_to_client || view->header->access_id != access_.value) {
    return tl::unexpected(Drop::not_for_us);
  }
  const auto from = static_cast<ServerId>(view->header->sender);
  const SessionId session = view->header->session_id();
  const uint64_t counter = view->header->counter;
  const Bytes aad = datagram.first(kHeaderSize);
  const auto known = std::ranges::find_if(
      lbs_, [&](const LbSession& lb) { return lb.used != 0 && lb.lb == from && lb.session == session; });
  if (known != lbs_.end()) {
    if (!aead_.open(known->key, counter, aad, view->sealed)) {
      return tl::unexpected(Drop::forged);
    }
    known->used = ++clock_;
  } else {
    PreparedKey key;
    aead_.prepare(access_key_.derive({.purpose = Purpose::reply,
                                      .from = view->header->sender,
                                      .to = kSenderClient,
                                      .sender = session,
                                      .receiver = session_}),
                  key);
    if (!aead_.open(key, counter, aad, view->sealed)) {
      return tl::unexpected(Drop::forged);
    }
    LbSession& victim = *std::ranges::min_element(lbs_, {}, &LbSession::used);
    victim = {session, from, ++clock_, key};
  }
  return FromLb{from, session, counter, view->sealed.first(view->sealed.size() - kTagSize)};
}

}  // namespace tercet::seal
