#pragma once
// Integers that are different things are different types.

#include <compare>
#include <cstdint>
#include <functional>

namespace tercet {

template <class Tag, class Rep>
struct Strong {
  Rep value{};
  constexpr auto operator<=>(const Strong&) const = default;
};

}  // namespace tercet

template <class Tag, class Rep>
struct std::hash<tercet::Strong<Tag, Rep>> {
  size_t operator()(const tercet::Strong<Tag, Rep>& s) const noexcept { return std::hash<Rep>{}(s.value); }
};
