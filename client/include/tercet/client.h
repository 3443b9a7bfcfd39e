#pragma once
// libtercet: check a seat out of a Tercet cell and hold it.
//
//   auto client = tercet::Client::open();                      // finds client.toml as the tercet command
//   does auto seat = client->checkout({.firm = 1000, .product = 7},
//                                [](const std::string& why) { save_and_quit(why); });
//   if (!seat) { show(seat.error().message); … }               // its `handle` not empty: see Error
//   …                                                          // held and renewed in the background
//                                                              // released when `seat` goes out of scope
//
// A seat is renewed by a thread of its own after a third of its lease. When it is lost for good (the cell
// could not be reached until the lease ended, or an operator took it back) `on_lost` is called once on that
// thread, and held() is false from that moment on: the program must stop using what the seat stands for,
// since the cell may give it to another. The lease is counted on CLOCK_BOOTTIME from the moment the request
// was first sent, so it ends here before it ends there; a virtual machine that is frozen and thawed must look
// at held() before it goes on.
//
// Errors come as values; nothing throws. A Client may be used by one thread at a time, a Seat by any.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace tercet {

struct Error {
  enum class Kind : uint8_t {
    configuration,  ///< no or a wrong configuration, key file or argument
    denied,         ///< the cell said no: `code` and the numbers say why
    unavailable,    ///< the cell has no quorum; see `handle`
    no_answer,      ///< nobody answered in time; see `handle`
    internal,
  };
  Kind kind = Kind::internal;
  std::string code;     ///< of a denial, such as "NO_FREE_SEAT"; else "UNAVAILABLE", "NO_ANSWER", …
  std::string message;  ///< "<what is wrong>: <what to do>"
  uint32_t in_use = 0;  ///< with NO_FREE_SEAT, STATION_BUSY
  uint32_t quantity = 0;
  /// Not "" after a checkout whose outcome is unknown: the seat of this handle is held, or may come to be
  /// held when the cell is back. Asking anew, with a fresh handle, can take a second seat. Repeat the same
  /// checkout (this text in SeatRequest::handle; the cell carries it out once, however often it comes), or
  /// give the seat back with Client::release. With neither, a seat that was granted stays taken to its
  /// lease's end.
  std::string handle{};
  uint64_t units_left{};  ///< with NO_UNITS_LEFT
};

struct SeatRequest {
  uint32_t firm = 0;
  uint32_t product = 0;
  uint64_t features = 0;               ///< all of these bits must be licensed
  uint32_t tmr_id = 0;                 ///< 0: any TMR license that matches
  std::chrono::milliseconds lease{0};  ///< 1 s to 24 h; 0: the license's default
  // Who holds it, for people to see. Empty: taken from the process (user name, host name, program's name).
  std::string user{}, host{}, process{}, version{};
  /// What a license with mode station-share or exclusive counts. Empty: the host stands for it.
  std::string station{};
  /// Empty: a fresh one. Else 32 hex digits, an Error's `handle` above all: repeats that very checkout.
  std::string handle{};
};

struct LicenseInfo {
  uint32_t firm = 0, product = 0, tmr_id = 0;
  std::string name;
  std::string mode;  ///< "user-limit", "no-user-limit", …
  uint32_t quantity = 0, in_use = 0;
  uint64_t features = 0;
  bool valid = false;  ///< two of its three constituents are present, and it is within its time
};

/// A held seat; releases it when it is destroyed. Move-only.
class Seat {
 public:
  struct State;
  explicit Seat(std::unique_ptr<State> state);
  Seat(Seat&&) noexcept;
  Seat& operator=(Seat&&) noexcept;
  ~Seat();

  /// False once lost, released or moved from.
  [[nodiscard]] bool held() const;
  /// Why it was lost; "" otherwise.
  [[nodiscard]] std::string lost() const;
  /// 32 hex digits; who knows them is the seat's holder, so they are a secret.
  [[nodiscard]] std::string handle() const;
  [[nodiscard]] uint32_t tmr_id() const;
  [[nodiscard]] uint64_t features() const;
  /// The cell's wall time at which the present lease ends.
  [[nodiscard]] std::chrono::system_clock::time_point lease_end() const;
  /// Uses units of its license: `total` is all that was used on this seat so far, not what is used now. So
  /// the same call again, after an error of unknown outcome above all, uses none twice. What is not left
  /// whole is denied whole (NO_UNITS_LEFT). Returns how many the license has left. Waits for the cell's
  /// answer.
  tl::expected<uint64_t, Error> consume(uint64_t total);
  /// Gives it back now. True if the cell confirmed it; otherwise it ends by itself with its lease.
  bool release();

 private:
  std::unique_ptr<State> state_;
};

class Client {
 public:
  struct State;
  /// `config`: path of a client.toml; empty: TERCET_CONFIG, ./client.toml, ~/.config/tercet/, /etc/tercet/.
  static tl::expected<Client, Error> open(const std::string& config = {});
  explicit Client(std::unique_ptr<State> state);
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  tl::expected<Seat, Error> checkout(const SeatRequest& request,
                                     std::function<void(const std::string&)> on_lost = {});
  /// For a handle whose Seat nobody has: after a checkout whose outcome is unknown, or from a process that
  /// died. Once it succeeds nothing is held under the handle, and no late copy of its checkout takes a seat.
  tl::expected<void, Error> release(const std::string& handle);
  /// Valid licenses; `all`: also those that are not.
  tl::expected<std::vector<LicenseInfo>, Error> licenses(bool all = false);

 private:
  std::unique_ptr<State> state_;
};

}  // namespace tercet
