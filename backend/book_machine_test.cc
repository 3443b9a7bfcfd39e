// The book as a Machine with real license files, and a backend that lies.

#include "backend/book_machine.h"

#include <gtest/gtest.h>

#include "license/plain_constituent.h"
#include "wire/seal/container.h"
#include "wire/seal/license_file.h"
#include "wire/seal/notice.h"

namespace tercet::backend {
namespace {

using license::Buffer;

class BookMachineTest : public ::testing::Test {
 protected:
  static constexpr CellId kCell{42};

  BookMachineTest() : issuer_(seal::SigningKey::generate()) {
    for (const Slot slot : kSlots) {
      containers_.push_back(seal::make_container(kCell, slot));
    }
  }
  static BookMachineOptions options(bool lies = false) {
    return {.book = {.leases_max = 100, .tombstones_max = 100}, .lies = lies};
  }
  Buffer genesis() const {
    GenesisBody body{};
    body.cell = kCell.value;
    unsigned at = 0;
    for (const char c : seal::activation_id_of(kCell)) {
      if (c != '-') {
        body.activation_id[at++] = static_cast<uint8_t>(c);
      }
    }
    EXPECT_EQ(at, sizeof body.activation_id);
    std::array<std::array<uint8_t, kIntroductionMax>, kBackends> room{};
    std::array<Bytes, kBackends> introductions;
    for (unsigned slot = 0; slot < kBackends; ++slot) {
      const size_t size =
          write_introduction(containers_[slot].key.public_key().bytes, containers_[slot].serial, room[slot]);
      EXPECT_GT(size, 0u);
      introductions[slot] = Bytes(room[slot]).first(size);
    }
    Buffer out(kOpMax);
    out.resize(write_genesis(body, issuer_.public_key().bytes, introductions, out));
    return out;
  }
  seal::LicenseText text(unsigned slot) const {
    seal::LicenseText t;
    t.firm_code = FirmCode{10};
    t.product_code = ProductCode{20};
    t.tmr_id = TmrId{1};
    t.name = "Drawing";
    t.quantity = 1;
    t.features = 3;
    t.issued_at = WallTime{1'700'000'000'000};
    t.slot = kSlots[slot];
    t.container_serial = containers_[slot].serial;
    t.container_key = containers_[slot].key.public_key();
    t.activation_id = seal::activation_id_of(kCell);
    return t;
  }
  std::string jws(const seal::LicenseText& t) const {
    const auto signed_text = seal::sign(t, issuer_);
    EXPECT_TRUE(signed_text) << (signed_text ? "" : signed_text.error().text);
    return signed_text.value_or("");
  }
  static OpResult apply(BookMachine& machine, EntryKind kind, Bytes op) {
    quorum::Result result;
    EntryView entry;
    entry.seq = next(machine.book().applied());
    entry.cell = CellTime{5'000};
    entry.wall = WallTime{1'700'000'000'000};
    entry.kind = kind;
    entry.op = op;
    machine.apply(entry, result);
    OpResult out{};
    std::memcpy(&out, result.data(), result.size());
    return out;
  }
  static OpResult import(BookMachine& machine, std::string_view jws) {
    Handle handle;
    const Hash128 h = hash128(as_bytes(jws));
    std::memcpy(handle.bytes.data(), &h, sizeof h);
    return apply(machine, EntryKind::op,
                 license::make_op(OpKind::import_constituent, handle, 1, 5'000, as_bytes(jws)));
  }
  static OpResult checkout(BookMachine& machine, uint8_t who, std::string_view station = "") {
    CheckoutBody body{};
    body.firm = 10;
    body.product = 20;
    body.station_size = static_cast<uint8_t>(station.size());
    Buffer bytes(sizeof body);
    std::memcpy(bytes.data(), &body, sizeof body);
    bytes.insert(bytes.end(), station.begin(), station.end());
    Handle handle;
    handle.bytes.fill(who);
    return apply(machine, EntryKind::op, license::make_op(OpKind::checkout, handle, 1, 5'000, bytes));
  }
  static Code code(const OpResult& r) { return static_cast<Code>(r.code); }

  seal::SigningKey issuer_;
  std::vector<seal::Container> containers_;
};

TEST_F(BookMachineTest, RealLicenseFilesServe) {
  BookMachine machine(options());
  apply(machine, EntryKind::genesis, genesis());
  for (unsigned slot = 0; slot < kBackends; ++slot) {
    const OpResult r = import(machine, jws(text(slot)));
    EXPECT_EQ(code(r), Code::granted) << name_of(code(r));
    EXPECT_EQ(r.slot, slot + 1);
  }
  const OpResult r = checkout(machine, 1);
  EXPECT_EQ(code(r), Code::granted);
  EXPECT_EQ(r.features, 3u);
  EXPECT_EQ(r.lease_ms, 60'000u);
  EXPECT_EQ(code(checkout(machine, 2)), Code::no_free_seat);
  EXPECT_TRUE(machine.leases_live());
  EXPECT_TRUE(machine.undo());
  EXPECT_TRUE(machine.undo());
  EXPECT_FALSE(machine.leases_live());
  const auto& cell = machine.book().state().cell();
  EXPECT_EQ(std::string(cell.virtual_serial, cell.virtual_serial_size),
            seal::virtual_serial_of(seal::activation_id_of(kCell)));
}

TEST_F(BookMachineTest, RealFilesOfEveryModeServe) {
  for (const seal::LicenseMode mode : {seal::LicenseMode::user_limit, seal::LicenseMode::no_user_limit,
                                       seal::LicenseMode::station_share, seal::LicenseMode::exclusive}) {
    BookMachine machine(options());
    apply(machine, EntryKind::genesis, genesis());
    for (unsigned slot = 0; slot < kBackends; ++slot) {
      seal::LicenseText t = text(slot);
      t.mode = mode;
      t.quantity = mode == seal::LicenseMode::no_user_limit ? 0 : 1;
      EXPECT_EQ(code(import(machine, jws(t))), Code::granted) << seal::name_of(mode);
    }
    EXPECT_EQ(code(checkout(machine, 1, "desk")), Code::granted) << seal::name_of(mode);
    const Code second = mode == seal::LicenseMode::user_limit  ? Code::no_free_seat
                        : mode == seal::LicenseMode::exclusive ? Code::station_busy
                                                               : Code::granted;
    EXPECT_EQ(code(checkout(machine, 2, "desk")), second) << seal::name_of(mode);
    EXPECT_EQ(code(checkout(machine, 3, "bench")),
              mode == seal::LicenseMode::no_user_limit ? Code::granted : Code::no_free_seat)
        << seal::name_of(mode);
  }
}

TEST_F(BookMachineTest, UnitsAndUsagePeriodOfRealFiles) {
  BookMachine machine(options());
  apply(machine, EntryKind::genesis, genesis());
  for (unsigned slot = 0; slot < kBackends; ++slot) {
    seal::LicenseText t = text(slot);
    t.units = 100;
    t.usage_period_ms = 86'400'000;
    EXPECT_EQ(code(import(machine, jws(t))), Code::granted);
  }
  EXPECT_EQ(code(checkout(machine, 1)), Code::granted);
  ConsumeBody body{};
  body.total = 30;
  Handle handle;
  handle.bytes.fill(1);
  const OpResult r =
      apply(machine, EntryKind::op, license::make_op(OpKind::consume, handle, 2, 5'000, bytes_of(body)));
  EXPECT_EQ(code(r), Code::granted);
  EXPECT_EQ(r.features, 70u);
  const license::Terms* terms = machine.book().state().in_force(0);
  ASSERT_NE(terms, nullptr);
  EXPECT_EQ(terms->usage_period_ms, 86'400'000u);
  EXPECT_EQ(machine.book().state().usage(0).started_wall_ms, 1'700'000'000'000u);
  seal::LicenseText none = text(0);
  none.tmr_id = TmrId{2};
  none.units = 0;
  EXPECT_EQ(code(import(machine, jws(none))), Code::granted);
  EXPECT_EQ(machine.book().state().licenses()[1].terms[0].metered, 1) << "none is not without number";
}

TEST_F(BookMachineTest, RefusalsOfRealFiles) {
  BookMachine machine(options());
  apply(machine, EntryKind::genesis, genesis());
  std::string altered = jws(text(0));
  altered[altered.size() - 20] = altered[altered.size() - 20] == 'A' ? 'B' : 'A';
  EXPECT_EQ(code(import(machine, altered)), Code::bad_signature);
  const std::string whole = jws(text(0));
  EXPECT_EQ(code(import(machine, whole.substr(0, 40))), Code::malformed);
  const auto stranger = seal::sign(text(0), seal::SigningKey::generate());
  ASSERT_TRUE(stranger);
  EXPECT_EQ(code(import(machine, *stranger)), Code::unknown_issuer);
  seal::LicenseText elsewhere = text(0);
  elsewhere.container_key = issuer_.public_key();
  EXPECT_EQ(code(import(machine, jws(elsewhere))), Code::foreign_container);
  ASSERT_EQ(code(import(machine, jws(text(0)))), Code::granted);
  seal::LicenseText renamed = text(1);
  renamed.name = "Painting";
  EXPECT_EQ(code(import(machine, jws(renamed))), Code::properties_differ);
  EXPECT_EQ(code(import(machine, jws(text(1)))), Code::granted);
}

TEST_F(BookMachineTest, ALiarIsPlausibleAndItsDigestIsWrong) {
  BookMachine honest(options());
  BookMachine liar(options(true));
  for (BookMachine* machine : {&honest, &liar}) {
    apply(*machine, EntryKind::genesis, genesis());
    for (unsigned slot = 0; slot < kBackends; ++slot) {
      import(*machine, jws(text(slot)));
    }
    checkout(*machine, 1);
  }
  EXPECT_NE(honest.digest(), liar.digest());
  const OpResult denied = checkout(honest, 2);
  const OpResult lie = checkout(liar, 2);
  EXPECT_EQ(code(denied), Code::no_free_seat);
  EXPECT_EQ(code(lie), Code::granted);
  EXPECT_EQ(lie.tmr_id, 1u);
  EXPECT_EQ(lie.lease_ms, 60'000u);
  EXPECT_EQ(liar.book().digest(), honest.book().digest()) << "its state goes on as it should";
  liar.lie(false);
  EXPECT_EQ(honest.digest(), liar.digest());
  EXPECT_EQ(code(checkout(liar, 3)), Code::no_free_seat);
}

TEST_F(BookMachineTest, ASignedReissueReplacesTheContainerAndTheOldOneIsKnownForIt) {
  BookMachine machine(options());
  apply(machine, EntryKind::genesis, genesis());
  for (unsigned slot = 0; slot < kBackends; ++slot) {
    ASSERT_EQ(import(machine, jws(text(slot))).code, 0);
  }
  const auto introduction = [](const seal::Container& container) {
    Buffer out(kIntroductionMax);
    out.resize(write_introduction(container.key.public_key().bytes, container.serial, out));
    return out;
  };
  const seal::Container lost = containers_[1];
  containers_[1] = seal::make_container(kCell, Slot::two);
  EXPECT_EQ(machine.container(Slot::two, introduction(lost)), ContainerState::here);
  EXPECT_EQ(machine.container(Slot::two, introduction(containers_[1])), ContainerState::foreign);
  EXPECT_EQ(machine.container(Slot::two, {}), ContainerState::gone);
  EXPECT_EQ(machine.container(Slot::one, introduction(lost)), ContainerState::foreign) << "another slot's";

  seal::NoticeText notice;
  notice.kind = seal::NoticeText::Kind::container;
  notice.firm_code = FirmCode{10};
  notice.product_code = ProductCode{20};
  notice.tmr_id = TmrId{1};
  notice.issued_at = WallTime{1'700'000'000'000};
  notice.slot = Slot::two;
  notice.activation_id = seal::activation_id_of(kCell);
  notice.container_serial = containers_[1].serial;
  notice.container_key = containers_[1].key.public_key();
  notice.revoked.push_back(lost.key.public_key());
  const auto import_notice = [&](const std::string& signed_notice) {
    Handle handle;
    const Hash128 h = hash128(as_bytes(signed_notice));
    std::memcpy(handle.bytes.data(), &h, sizeof h);
    return static_cast<Code>(
        apply(machine, EntryKind::op,
              license::make_op(OpKind::import_notice, handle, 1, 5'000, as_bytes(signed_notice)))
            .code);
  };
  EXPECT_EQ(import_notice(*seal::sign(notice, seal::SigningKey::generate())), Code::unknown_issuer);
  ASSERT_EQ(import_notice(*seal::sign(notice, issuer_)), Code::granted);
  EXPECT_EQ(machine.container(Slot::two, introduction(lost)), ContainerState::revoked);
  EXPECT_EQ(machine.container(Slot::two, introduction(containers_[1])), ContainerState::here);
  const license::State& state = machine.book().state();
  EXPECT_EQ(std::string_view(state.cell().containers[1].serial, state.cell().containers[1].serial_size),
            containers_[1].serial);

  seal::LicenseText reissued = text(1);
  reissued.revision = 2;
  reissued.issued_at = WallTime{1'800'000'000'000};
  EXPECT_EQ(import(machine, jws(reissued)).code, 0);
  EXPECT_EQ(state.present_bits(0), 7);
  EXPECT_EQ(std::popcount(state.licenses()[0].sharing_bits()), 3) << "of equal properties";
  reissued.container_key = lost.key.public_key();
  reissued.revision = 3;
  EXPECT_EQ(static_cast<Code>(import(machine, jws(reissued)).code), Code::container_revoked);

  notice = {};
  notice.firm_code = FirmCode{10};
  notice.product_code = ProductCode{20};
  notice.tmr_id = TmrId{1};
  EXPECT_EQ(import_notice(*seal::sign(notice, issuer_)), Code::granted);
  EXPECT_TRUE(state.withdrawn(0));
}

}  // namespace
}  // namespace tercet::backend
