#include "control/backend/container_watch.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "wire/seal/key_file.h"

namespace tercet::control {

bool ContainerWatch::there() const { return access(path_.c_str(), F_OK) == 0 || errno != ENOENT; }

tl::expected<seal::Container, std::string> ContainerWatch::read() const {
  auto container = seal::read_container(path_);
  if (container && (container->cell != cell_ || container->slot != slot_)) {
    return tl::unexpected(path_ + ": is the container of " + name_of(server_of(container->slot)) +
                          " of cell " + seal::text_of(container->cell) + ": correct store.dir");
  }
  return container;
}

ContainerWatch::Mark ContainerWatch::mark() const {
  struct stat info {};
  if (::stat(path_.c_str(), &info) != 0) {
    return {.there = there()};
  }
  return {.there = true,
          .inode = info.st_ino,
          .changed_ns = info.st_ctim.tv_sec * 1'000'000'000 + info.st_ctim.tv_nsec,
          .size = info.st_size};
}

std::optional<ContainerWatch::Seen> ContainerWatch::look() {
  const Mark now = mark();
  if (seen_ == now) {
    return std::nullopt;
  }
  seen_ = now;
  Seen out;
  if (!now.there) {
    return out;
  }
  const auto container = read();
  if (!container) {
    out.fault = container.error();
    return out;
  }
  out.serial = container->serial;
  out.introduction.resize(kIntroductionMax);
  const size_t size = write_introduction(container->key.public_key().bytes, container->serial,
                                         {out.introduction.data(), out.introduction.size()});
  out.introduction.resize(size);
  if (size == 0) {
    out.fault = path_ + ": its serial number is too long: make a new container";
  }
  return out;
}

}  // namespace tercet::control
