#pragma once
// The license book as the acceptor's Machine, with the real check of what is imported: a JWS signed by one of
// the issuers that Genesis named (wire/seal/license_file.h).
//
// A backend that lies is a fault for tests and demonstrations: its state goes on as it should, but what it
// says of it is wrong, plausibly (a denied checkout is granted) and in its digest. It must be outvoted, and
// nothing be given on its word.

#include "license/book.h"
#include "license/image_reader.h"
#include "license/image_writer.h"
#include "quorum/machine.h"

namespace tercet::backend {

struct BookMachineOptions {
  license::BookOptions book;
  bool lies = false;  ///< from the first entry on; see also BookMachine::lie()
};

class BookMachine : public quorum::Machine {
 public:
  explicit BookMachine(const BookMachineOptions& options);
  /// With a check of one's own (tests, the simulator: no keys).
  BookMachine(const BookMachineOptions& options, license::Checks checks);

  void apply(const EntryView& entry, quorum::Result& result) override;
  bool undo() override { return book_.undo(); }
  void settle(Seq through) override { book_.settle(through); }
  void reset() override { book_.reset(); }
  [[nodiscard]] Hash128 digest() const override;
  size_t read(Bytes query, MutBytes out) const override { return book_.read(query, out); }
  [[nodiscard]] bool leases_live() const override { return book_.leases_live(); }
  [[nodiscard]] bool more_due() const override { return book_.more_due(); }
  [[nodiscard]] uint8_t absent() const override { return static_cast<uint8_t>(book_.state().absent()); }
  [[nodiscard]] ContainerState container(Slot slot, Bytes introduction) const override;
  void capture() override { book_.capture(image_); }
  void begin_load() override;
  bool load(Bytes bytes) override { return reader_ && reader_->take(bytes); }
  bool end_load() override;

  /// Lies from the next entry on (say, once the own log was replayed), or no more.
  void lie(bool lies) { lies_ = lies; }
  [[nodiscard]] const license::Book& book() const { return book_; }
  [[nodiscard]] license::Book& book() { return book_; }
  /// What capture() has begun.
  [[nodiscard]] license::ImageWriter& image() { return image_; }

 private:
  license::Book book_;
  license::ImageWriter image_;
  std::optional<license::ImageReader> reader_;
  bool lies_;
};

/// The real checks: signature and canonical text. Pure; they allocate.
Code check_constituent(Bytes jws, std::span<const license::PublicKey> issuers,
                       license::CheckedConstituent& out);
Code check_notice(Bytes jws, std::span<const license::PublicKey> issuers, license::CheckedNotice& out);

}  // namespace tercet::backend
