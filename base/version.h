#pragma once
// The version that every program shows; CMakeLists.txt reads it here.

namespace tercet {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace tercet
