#pragma once
// Keeper: holds a seat for as long as it lives. A thread of its own, with a channel of its own, renews after
// a third of the lease; whatever delays a renewal has two thirds of it to pass. The seat is lost for good
// when the cell says that the handle holds nothing (released by an operator, expired, revoked), or when
// `held_until` passes without a renewal: from then on the cell may give the seat to another, so the holder
// must stop.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "client/cell.h"

namespace tercet::client {

class Keeper {
 public:
  /// `on_lost` is called once, on the keeper's thread, with "<why>: <what to do>".
  Keeper(std::unique_ptr<Channel> channel, const SeatState& seat,
         std::function<void(const std::string&)> on_lost = {});
  /// Releases the seat unless it is lost or leave() was called; waits at most `kReleaseTimeout` for the
  /// answer.
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  static constexpr Duration kReleaseTimeout = seconds(2);

  /// False once the seat is lost for good, or its time has passed (also before the keeper itself noticed).
  [[nodiscard]] bool held() const;
  /// A copy of what is known now.
  [[nodiscard]] SeatState seat() const;
  /// "" while held.
  [[nodiscard]] std::string lost() const;
  [[nodiscard]] unsigned renewals() const { return renewals_.load(std::memory_order_relaxed); }

  /// Uses units: `total` is all that was used on this seat so far. Waits for its answer, at most `timeout`;
  /// the keeper's thread asks, between two renewals, so that one numbers all requests. Any thread, one at a
  /// time.
  tl::expected<Grant, Failure> consume(uint64_t total, Duration timeout);

  /// Stops renewing and gives the seat back now. Whether the cell confirmed it.
  bool release();
  /// Stops renewing and leaves the seat to the end of its lease (another process goes on with it).
  SeatState leave();

 private:
  /// What consume() waits for.
  struct Wish {
    uint64_t id = 0;
    uint64_t total = 0;
    BootTime until;
    std::optional<tl::expected<Grant, Failure>> done{};
  };
  void run();
  void hold();
  /// Asks what is wished, until its time is over or a renewal is due: then it is still wished.
  void grant_wish(SeatState& seat);
  void ring();
  void stop();
  void lose(const std::string& why);

  std::unique_ptr<Channel> channel_;
  std::function<void(const std::string&)> on_lost_;
  int bell_ = -1;                      ///< eventfd: wakes the thread, also out of an ask()
  std::atomic<bool> stopping_{false};  ///< written before bell_ is rung, read by run() after it wakes
  std::atomic<unsigned> renewals_{0};  ///< relaxed: a number for people and tests
  std::mutex asking_;                  ///< one consume() at a time
  mutable std::mutex mutex_;           ///< guards what follows, up to answered_
  SeatState seat_;
  std::string lost_;
  std::optional<Wish> wish_;
  uint64_t wishes_ = 0;
  bool ended_ = false;  ///< the thread answers no wish any more
  std::condition_variable answered_;
  bool done_ = false;  ///< caller's side only: released or left
  std::thread thread_;
};

}  // namespace tercet::client
