#pragma once
// Who holds a seat, as the process knows it: user, host and program, for people to see in `tercet leases`.

#include "client/request.h"

namespace tercet::client {

/// Fills user, host and process where they are empty, then fits the texts (fit_texts).
void identify(Wanted& wanted);

}  // namespace tercet::client
