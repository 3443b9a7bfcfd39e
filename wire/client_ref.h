#pragma once
// A client as the LB must know it to answer: where, and under which key. Plain value; proves nothing by
// itself.

#include "wire/endpoint.h"
#include "wire/ids.h"

namespace tercet {

struct ClientRef {
  Endpoint endpoint;
  Lane lane = 0;
  uint8_t thread = 0;  ///< the steering thread that it came in by: the reply leaves by it
  uint32_t access_id = 0;
  SessionId session;
  constexpr auto operator<=>(const ClientRef&) const = default;
};

}  // namespace tercet
