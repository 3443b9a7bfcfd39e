#pragma once
// The engines by name: the one place that knows them all. The mains hand this table on.

#include "control/engine.h"

namespace tercet::control {

const Engines& all_engines();

}  // namespace tercet::control
