#pragma once
// What checkout and renew print of a granted seat.

#include "client/command/context.h"

namespace tercet::command {

int print_seat(Context& context, const client::SeatState& seat, const client::Grant& grant, uint32_t firm,
               uint32_t product);

}  // namespace tercet::command
