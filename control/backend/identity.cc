#include "control/backend/identity.h"

#include <sys/random.h>

#include <cstring>

#include "backend/store/meta_file.h"
#include "base/bytes.h"
#include "base/check.h"
#include "wire/seal/key_file.h"

namespace tercet::control {
namespace {

constexpr uint8_t kLogMade = 1;
constexpr uint8_t kClean = 2;
constexpr uint8_t kMemory = 4;
constexpr uint8_t kLost = 8;
constexpr uint8_t kDoubted = 16;
constexpr uint8_t kFlagsOfVersion1 = kLogMade | kClean | kMemory;

}  // namespace

uint64_t draw_bits() {
  uint64_t bits = 0;
  while (bits == 0 || bits == UINT64_MAX) {  // the latter names nobody (quorum/backends.h); 0 means "none"
    TERCET_CHECK(getrandom(&bits, sizeof bits, 0) == ssize_t{sizeof bits}, "the kernel gives random bits");
  }
  return bits;
}

std::string identity_path(const std::string& store_dir) { return store_dir + "/identity"; }

Identity draw_identity(CellId cell, Slot slot) {
  Identity identity;
  identity.cell = cell;
  identity.slot = slot;
  identity.store = draw_bits();
  identity.incarnation = Incarnation{draw_bits()};
  return identity;
}

tl::expected<void, std::string> write_identity(const std::string& store_dir, const Identity& identity) {
  IdentityRecord record;
  record.slot = static_cast<uint8_t>(index(identity.slot));
  record.flags = static_cast<uint8_t>((identity.log_made ? kLogMade : 0) | (identity.clean ? kClean : 0) |
                                      (identity.memory ? kMemory : 0) | (identity.lost ? kLost : 0) |
                                      (identity.doubted ? kDoubted : 0));
  const size_t size = std::min(identity.boot_id.size(), kBootIdMax);
  record.boot_id_size = static_cast<uint16_t>(size);
  record.aside = identity.aside;
  record.cell = identity.cell.value;
  record.store = identity.store;
  record.incarnation = identity.incarnation.value;
  std::memcpy(record.boot_id, identity.boot_id.data(), size);
  return store::write_meta(identity_path(store_dir), bytes_of(record));
}

tl::expected<Found, std::string> find_identity(const std::string& store_dir, bool segments, CellId cell,
                                               Slot slot) {
  const std::string path = identity_path(store_dir);
  Found found;
  const auto content = store::read_meta(path);
  if (!content) {
    if (content.error().kind == store::MetaError::Kind::absent) {
      found.kind = segments ? Found::Kind::untrusted : Found::Kind::blank;
      found.why = path + " is missing, and there is a log beside it";
    } else if (content.error().kind == store::MetaError::Kind::damaged) {
      found.kind = Found::Kind::untrusted;
      found.why = content.error().text;
    } else {
      return tl::unexpected(content.error().text +
                            ": nothing is known of this disk: mend what keeps it from being read");
    }
    return found;
  }
  IdentityRecord record;
  if (content->size() != sizeof record) {
    found.kind = Found::Kind::untrusted;
    found.why = path + " has a length that no version of this program writes";
    return found;
  }
  std::memcpy(&record, content->data(), sizeof record);
  if (record.version == 1) {
    record.flags = record.flags & kFlagsOfVersion1;
    record.aside = 0;
  }
  if (record.version < 1 || record.version > 2 || record.slot >= kBackends ||
      record.boot_id_size > kBootIdMax) {
    return tl::unexpected(path + ": was written by another version of this program (" +
                          std::to_string(record.version) + "): start that one");
  }
  Identity& identity = found.identity;
  identity.cell = CellId{record.cell};
  identity.slot = static_cast<Slot>(record.slot);
  identity.store = record.store;
  identity.incarnation = Incarnation{record.incarnation};
  identity.boot_id.assign(record.boot_id, record.boot_id_size.get());
  identity.log_made = (record.flags & kLogMade) != 0;
  identity.clean = (record.flags & kClean) != 0;
  identity.memory = (record.flags & kMemory) != 0;
  identity.lost = (record.flags & kLost) != 0;
  identity.doubted = (record.flags & kDoubted) != 0;
  identity.aside = record.aside;
  if (identity.cell != cell || identity.slot != slot) {
    return tl::unexpected("store " + store_dir + ": is the disk of " + name_of(server_of(identity.slot)) +
                          " of cell " + seal::text_of(identity.cell) + ", not of " +
                          name_of(server_of(slot)) + " of cell " + seal::text_of(cell) +
                          ": correct store.dir");
  }
  found.kind = Found::Kind::known;
  if (identity.log_made && !segments) {
    found.kind = Found::Kind::untrusted;
    found.why = "store " + store_dir + ": its log is gone";
  }
  return found;
}

std::string doubt(const Identity& identity, const std::string& boot_id) {
  if (identity.doubted) {
    return "in its last life it found that what it had voted on may be gone";
  }
  if (!identity.memory || identity.clean) {
    return {};
  }
  if (!boot_id.empty() && boot_id == identity.boot_id) {
    return {};
  }
  return "it ran with durability = \"memory\", was not stopped cleanly, and the machine was started anew "
         "since: what it "
         "voted on may be lost";
}

}  // namespace tercet::control
