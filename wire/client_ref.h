#pragma once
// A client as the LB must know it to answer: where, and under which key. Plain value; proves nothing by
// itself. Copied into whatever waits for an answer, so it stays small.

#include "wire/endpoint.h"
#include "wire/ids.h"

namespace tercet {

struct ClientRef {
  Endpoint endpoint;
  Lane lane = 0;
  uint8_t thread = 0;  ///< the steering thread that it came in by: the reply leaves by it
  uint32_t access_id = 0;
  SessionId session;
  uint32_t key_place = 0;  ///< where that thread's keyring had its keys: a hint (seal::ClientCache)
  constexpr auto operator<=>(const ClientRef&) const = default;
};
static_assert(sizeof(ClientRef) == 44);

}  // namespace tercet
