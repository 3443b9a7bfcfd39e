#include "wire/ids.h"

namespace tercet {

const char* name_of(ServerId id) {
  static constexpr std::array<const char*, kServers> kNames{"lb1", "lb2", "b1", "b2", "b3"};
  return kNames[index(id)];
}

}  // namespace tercet
