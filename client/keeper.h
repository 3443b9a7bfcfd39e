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

  /// Stops renewing and gives the seat back now. Whether the cell confirmed it.
  bool release();
  /// Stops renewing and leaves the seat to the end of its lease (another process goes on with it).
  SeatState leave();

 private:
  void run();
  void stop();
  void lose(const std::string& why);

  std::unique_ptr<Channel> channel_;
  std::function<void(const std::string&)> on_lost_;
  int bell_ = -1;                      ///< eventfd: wakes the thread, also out of an ask()
  std::atomic<bool> stopping_{false};  ///< written before bell_ is rung, read by run() after it wakes
  std::atomic<unsigned> renewals_{0};  ///< relaxed: a number for people and tests
  mutable std::mutex mutex_;           ///< guards seat_ and lost_
  SeatState seat_;
  std::string lost_;
  bool done_ = false;  ///< caller's side only: released or left
  std::thread thread_;
};

}  // namespace tercet::client
