#pragma once
// Why there are no huge pages, where EAL only says that it has none.

#include <string>

namespace tercet::dataplane {

/// One line with what to do, if `eal_said` is about huge pages; else empty.
std::string huge_page_trouble(const std::string& eal_said);

}  // namespace tercet::dataplane
