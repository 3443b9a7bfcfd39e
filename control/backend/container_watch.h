#pragma once
// ContainerWatch: the container file of this backend, looked at now and then. A container that goes, or that
// another one takes the place of, is noticed while the backend runs: its constituents count only while it is
// there. One thread.

#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "base/fixed.h"
#include "wire/introduction.h"
#include "wire/seal/container.h"

namespace tercet::control {

class ContainerWatch {
 public:
  ContainerWatch(std::string path, CellId cell, Slot slot)
      : path_(std::move(path)), cell_(cell), slot_(slot) {}

  /// The file is there, whatever it holds.
  [[nodiscard]] bool there() const;
  /// This backend's container; the error is one line with what to do.
  [[nodiscard]] tl::expected<seal::Container, std::string> read() const;

  struct Seen {
    FixedVector<uint8_t, kIntroductionMax> introduction;  ///< empty: gone, or not to be read
    std::string serial;                                   ///< of the container; "": none
    std::string fault;  ///< why it cannot be read, one line; "": it can, or it is not there
  };
  /// What is there, if the file has changed since the last look (at the first look: in any case).
  std::optional<Seen> look();

 private:
  /// What tells one state of the file from another.
  struct Mark {
    bool there = false;
    uint64_t inode = 0;
    int64_t changed_ns = 0;
    int64_t size = 0;
    bool operator==(const Mark&) const = default;
  };
  [[nodiscard]] Mark mark() const;

  std::string path_;
  CellId cell_;
  Slot slot_;
  std::optional<Mark> seen_;
};

}  // namespace tercet::control
