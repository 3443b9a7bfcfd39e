#pragma once
// Proof of an operator's order to a load balancer: whoever may read that LB's key file gave it. The admin
// interface alone proves nothing of who asks (on a loopback address anyone on the machine may read there).

#include <string>
#include <string_view>

#include "wire/seal/keys.h"

namespace tercet::seal {

/// Of `order`, every word of it: 64 hex digits.
std::string order_proof(const Key& client_master, std::string_view order);
/// Takes as long for a wrong one as for the right one.
bool proves(const Key& client_master, std::string_view order, std::string_view proof);

}  // namespace tercet::seal
