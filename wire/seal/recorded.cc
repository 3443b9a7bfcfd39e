#include "wire/seal/recorded.h"

#include <algorithm>
#include <cstring>

namespace tercet::seal {
namespace {

/// Keys (1 KiB each) and clients that are remembered; then everything is learned anew.
constexpr size_t kRememberedMax = 16'384;
/// Processes that used one address and port after each other.
constexpr size_t kSessionsMax = 4;

}  // namespace

RecordedOpener::RecordedOpener(const ServerKeys& keys) : keys_(keys), aead_(keys.aead) {}

RecordedOpener::~RecordedOpener() {
  for (auto& [name, key] : prepared_) {
    wipe(&key, sizeof key);
  }
  wipe(&keys_.pairs, sizeof keys_.pairs);
  wipe(&keys_.client_master, sizeof keys_.client_master);
}

const PreparedKey* RecordedOpener::key_of(const KeyName& name) {
  if (const auto found = prepared_.find(name); found != prepared_.end()) {
    return &found->second;
  }
  KdfInput input{.purpose = name.purpose,
                 .from = name.from,
                 .to = name.to,
                 .number = name.number,
                 .sender = name.sender,
                 .receiver = name.receiver};
  Key secret;
  if (name.access != 0) {
    if (!keys_.client_master) {
      return nullptr;
    }
    secret = KdfKey(keys_.aead, *keys_.client_master)
                 .derive({.purpose = Purpose::access_key, .number = name.access});
  } else {
    // A pair's key is found by the end that is not us.
    const uint8_t other = name.from == index(keys_.self) ? name.to : name.from;
    if (other >= kServers || !keys_.pairs[other]) {
      return nullptr;
    }
    secret = *keys_.pairs[other];
  }
  if (prepared_.size() >= kRememberedMax) {
    prepared_.clear();
  }
  PreparedKey& key = prepared_[name];
  aead_.prepare(KdfKey(keys_.aead, secret).derive(input), key);
  wipe(&secret, sizeof secret);
  return &key;
}

bool RecordedOpener::try_key(const KeyName& name, Bytes datagram) {
  const PreparedKey* key = key_of(name);
  if (key == nullptr) {
    return false;
  }
  opened_.assign(datagram.begin(), datagram.end());
  const auto* header = reinterpret_cast<const DatagramHeader*>(datagram.data());  // its length was checked
  if (!aead_.open(*key, header->counter, datagram.first(kHeaderSize),
                  MutBytes(opened_).subspan(kHeaderSize))) {
    return false;
  }
  opened_.resize(opened_.size() - kTagSize);
  return true;
}

bool RecordedOpener::open_server(const DatagramHeader& header, Purpose purpose, Bytes datagram) {
  KeyName name{.purpose = purpose, .from = header.sender, .sender = header.session_id()};
  if (purpose == Purpose::resignation) {
    name.number = header.counter;
  }
  if (header.sender != index(keys_.self)) {
    name.to = static_cast<uint8_t>(index(keys_.self));
    return try_key(name, datagram);
  }
  for (uint8_t to = 0; to < kServers; ++to) {
    name.to = to;
    if (to != index(keys_.self) && try_key(name, datagram)) {
      return true;
    }
  }
  return false;
}

void RecordedOpener::saw(const Client& client, const SessionId& session) {
  if (sessions_.size() >= kRememberedMax) {
    sessions_.clear();
  }
  std::vector<SessionId>& known = sessions_[client];
  if (!known.empty() && known.back() == session) {
    return;
  }
  std::erase(known, session);
  if (known.size() >= kSessionsMax) {
    known.erase(known.begin());
  }
  known.push_back(session);
}

tl::expected<Bytes, Drop> RecordedOpener::open(Bytes datagram, const Endpoint& from, const Endpoint& to) {
  std::vector<uint8_t> copy(datagram.begin(), datagram.end());
  const auto view = parse_datagram(copy, keys_.cell);
  if (!view) {
    return tl::unexpected(view.error());
  }
  const DatagramHeader& header = *view->header;
  const uint32_t access = header.access_id;
  bool opened = false;
  Drop reason = Drop::forged;
  switch (view->kind()) {
    case DatagramKind::client_to_lb:
      opened = try_key(
          {.purpose = Purpose::query, .from = kSenderClient, .access = access, .sender = header.session_id()},
          datagram);
      if (opened) {
        saw({from, access}, header.session_id());
      } else if (!keys_.client_master) {
        reason = Drop::unknown_key;
      }
      break;
    case DatagramKind::lb_to_client: {
      const auto known = sessions_.find({to, access});
      if (known == sessions_.end()) {
        reason = Drop::unknown_key;
        break;
      }
      for (size_t i = known->second.size(); i-- > 0 && !opened;) {
        opened = try_key({.purpose = Purpose::reply,
                          .from = header.sender,
                          .to = kSenderClient,
                          .access = access,
                          .sender = header.session_id(),
                          .receiver = known->second[i]},
                         datagram);
      }
      break;
    }
    case DatagramKind::server_to_server:
      opened = open_server(header, Purpose::server, datagram);
      break;
    case DatagramKind::resignation:
      opened = open_server(header, Purpose::resignation, datagram);
      break;
  }
  if (!opened) {
    return tl::unexpected(reason);
  }
  return Bytes(opened_).subspan(kHeaderSize);
}

}  // namespace tercet::seal
