#pragma once
// A load balancer for the client's tests: real datagrams on 127.0.0.1, sealed with a real Keyring, and behind
// them a book of one page. It can be told to misbehave. Only *_test.cc include it.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "client/boot_time.h"
#include "client/listing.h"
#include "wire/endpoint.h"
#include "wire/query.h"
#include "wire/seal/key_file.h"
#include "wire/seal/keyring.h"

namespace tercet::client {

class FakeLb {
 public:
  struct LicenseData {
    uint32_t firm = 1000, product = 7, tmr_id = 1, quantity = 5, lease_ms = 60'000;
    std::string name = "CAD";
    bool valid = true;
    uint64_t valid_from_ms = 0, valid_until_ms = 0;
    uint64_t units = 0, units_used = 0;  ///< 0: it has none
    uint64_t denied = 0;                 ///< NO_FREE_SEAT, as usage shows it
  };

  // Behaviour; set before start(), or under change().
  std::vector<LicenseData> licenses{LicenseData{}};
  Code refuse = Code::granted;        ///< busy, not_active, unavailable: everything is refused with it
  unsigned refuse_next = 0;           ///< … or only the next so many
  Code refuse_hello = Code::granted;  ///< Hello is answered with it
  bool silent = false;                ///< receives, never answers
  unsigned drop_next = 0;             ///< loses so many datagrams
  Code deny_renew = Code::granted;    ///< renews are denied with it
  Code deny_next = Code::granted;     ///< the next mutating request is denied with it, …
  size_t deny_license = SIZE_MAX;     ///< … with this license's numbers, …
  uint64_t deny_features = 0xFF;      ///< … and this in the result's `features`
  bool answer_twice = false;
  bool lose_answers = false;    ///< what is ordered is carried out, and its answers are lost
  bool lose_checkouts = false;  ///< … of checkouts only
  bool lose_releases = false;   ///< … of releases only
  bool lose_consumes = false;   ///< … of consumes only
  uint32_t lease_min_ms = 1'000, lease_max_ms = 86'400'000;  ///< told in HelloAck, not enforced
  int64_t cell_ms = 1'000'000;                               ///< the cell's time at start(); runs from then
  std::string status =
      R"({"active":"lb1","epoch":4,"commit":9,"serving":true,"lbs":[{"name":"lb1","role":"active"},)"
      R"({"name":"lb2","role":"standby"}],"backends":[],"outvoted":[],"failovers":[]})";
  unsigned rows_a_page = 2;
  uint64_t denied_to_nobody = 0;        ///< NO_SUCH_LICENSE, as usage shows it
  std::map<std::string, Code> imports;  ///< answer by JWS; absent: granted once, then REPEATED

  explicit FakeLb(ServerId self = ServerId::lb1, const seal::CellKeys* shared = nullptr)
      : keys(shared != nullptr ? *shared : seal::generate_cell_keys(algorithm())),
        keyring_(keys.servers[index(self)]) {
    fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (fd_ < 0 || ::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      std::abort();
    }
    endpoint = *parse_address("127.0.0.1", ntohs(address.sin_port));
  }
  ~FakeLb() {
    stop();
    ::close(fd_);
  }
  FakeLb(const FakeLb&) = delete;
  FakeLb& operator=(const FakeLb&) = delete;

  static seal::Algorithm algorithm() {
    return seal::available(seal::Algorithm::aes_256_gcm) ? seal::Algorithm::aes_256_gcm
                                                         : seal::Algorithm::chacha20_poly1305;
  }
  void start() {
    started_ = boot_now();
    thread_ = std::thread([this] { run(); });
  }
  void stop() {
    if (thread_.joinable()) {
      stopping_ = true;
      thread_.join();
      stopping_ = false;
    }
  }
  /// Changes behaviour while it runs.
  template <class F>
  void change(F f) {
    const std::lock_guard lock(mutex_);
    f(*this);
  }
  /// Different requests of a kind that came: however loaded the machine, a retransmission counts once.
  unsigned count(OpKind kind) {
    const std::lock_guard lock(mutex_);
    return seen_[kind];
  }
  unsigned hellos() {
    const std::lock_guard lock(mutex_);
    return hellos_;
  }
  size_t seats_held() {
    const std::lock_guard lock(mutex_);
    return leases_.size();
  }
  std::string holder_user() {
    const std::lock_guard lock(mutex_);
    return leases_.empty() ? "" : leases_.begin()->second.user;
  }
  /// The leases are over: what their handles were told last is still known.
  void forget_leases() {
    const std::lock_guard lock(mutex_);
    leases_.clear();
  }
  /// A seat of the first license, as only a server gone wrong seats it: `user` may be any bytes.
  void seat_anyhow(const std::string& user) {
    const std::lock_guard lock(mutex_);
    leases_[Handle{}].user = user;
  }
  /// The last request's number on a handle, 0 for one that is unknown.
  uint32_t last_request(const Handle& handle) {
    const std::lock_guard lock(mutex_);
    const auto last = last_.find(handle);
    return last == last_.end() ? 0 : last->second.number;
  }

  const seal::CellKeys keys;
  Endpoint endpoint;

 private:
  struct LeaseData {
    size_t license = 0;
    uint32_t lease_ms = 0, last_request = 0;
    std::string user, host, process, version, station;
    int64_t end_cell_ms = 0;
    uint64_t units = 0;
  };
  struct Said {
    Code code{};
    std::vector<uint8_t> body;
  };
  struct Last {
    uint32_t number = 0;
    Said said;
  };

  int64_t cell_now() const { return cell_ms + (boot_now() - started_).ms(); }

  void run() {
    std::array<uint8_t, 2048> buffer{};
    while (!stopping_) {
      pollfd fd{fd_, POLLIN, 0};
      if (::poll(&fd, 1, 10) <= 0) {
        continue;
      }
      sockaddr_in from{};
      socklen_t size = sizeof from;
      const ssize_t n =
          ::recvfrom(fd_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
      if (n <= 0) {
        continue;
      }
      const std::lock_guard lock(mutex_);
      const auto opened = keyring_.open_from_client(MutBytes(buffer.data(), static_cast<size_t>(n)));
      if (!opened || silent) {
        continue;
      }
      if (drop_next > 0) {
        --drop_next;
        continue;
      }
      std::array<uint8_t, kClientPlainMax> plain{};
      const size_t used = answer(opened->plain, plain);
      for (int i = 0; used > 0 && i < (answer_twice ? 2 : 1); ++i) {
        std::array<uint8_t, kSealedMax> out{};
        const size_t sealed = keyring_.seal_reply(opened->client, Bytes(plain.data(), used), out);
        ::sendto(fd_, out.data(), sealed, 0, reinterpret_cast<sockaddr*>(&from), size);
      }
    }
  }

  size_t answer(Bytes plain, MutBytes out) {
    ClientMessage message{};
    if (client_message(plain, message) != Drop::none) {
      return 0;
    }
    Drop drop{};
    if (const Hello* hello = parse_hello(plain, drop); hello != nullptr) {
      if (nonces_.insert(hello->nonce).second) {
        ++hellos_;
      }
      HelloAck ack{};
      ack.type = static_cast<uint8_t>(ClientMessage::hello_ack);
      // Without quorum an LB still knows the cell's time.
      ack.code = static_cast<uint8_t>(refuse == Code::not_active ? refuse : refuse_hello);
      ack.nonce = hello->nonce;
      ack.cell_ms = static_cast<uint64_t>(cell_now());
      ack.wall_ms = 1'700'000'000'000;
      ack.lease_min_ms = lease_min_ms;
      ack.lease_max_ms = lease_max_ms;
      ack.replay_window_ms = 60'000;
      std::memcpy(out.data(), &ack, sizeof ack);
      return sizeof ack;
    }
    QueryView query;
    if (parse_query(plain, query) != Drop::none) {
      return 0;
    }
    ReplyWriter writer(out);
    QueryWalk walk(query);
    OpView op;
    bool lost = false;
    while (walk.next(op)) {
      if (asked_.emplace(op.kind, op.handle, op.request).second) {
        ++seen_[op.kind];
      }
      const Said said = answer_op(op);
      writer.add({op.kind, said.code, op.request, op.handle, said.body});
      lost = lost || (lose_answers && op.kind != OpKind::status && !is_read(op.kind)) ||
             (lose_checkouts && op.kind == OpKind::checkout) ||
             (lose_releases && op.kind == OpKind::release) || (lose_consumes && op.kind == OpKind::consume);
    }
    return lost ? 0 : writer.finish();
  }

  Said answer_op(const OpView& op) {
    if (op.kind == OpKind::status) {
      return status_page(op);
    }
    if (refuse != Code::granted) {
      return {refuse, {}};
    }
    if (refuse_next > 0) {
      --refuse_next;
      return {Code::unavailable, {}};
    }
    if (is_read(op.kind)) {
      return read(op);
    }
    // As the book does it: a handle's last answer is kept, also when it is over, and answers all that came
    // before it, marked.
    const auto last = last_.find(op.handle);
    if (last != last_.end() && op.request <= last->second.number) {
      Said said = last->second.said;
      said.body[offsetof(OpResult, flags)] = op.request < last->second.number ? kLaterAnswer : 0;
      return said;
    }
    if (op.kind == OpKind::checkout && last != last_.end()) {
      return result(Code::stale, SIZE_MAX, 0);
    }
    Said said = mutate(op);
    if (said.code != Code::stale) {
      last_[op.handle] = {op.request, said};
    }
    return said;
  }

  Said result(Code code, size_t license, uint32_t lease_ms, uint8_t slot = 0) {
    OpResult r{};
    r.code = static_cast<uint8_t>(code);
    r.slot = slot;
    if (license < licenses.size()) {
      const LicenseData& l = licenses[license];
      uint32_t in_use = 0;
      for (const auto& [handle, lease] : leases_) {
        in_use += lease.license == license ? 1 : 0;
      }
      r.tmr_id = l.tmr_id;
      r.in_use = in_use;
      r.quantity = l.quantity;
      r.seats_left = l.quantity - in_use;
    }
    r.lease_ms = lease_ms;
    r.features = 0xFF;
    r.lease_end_cell_ms = static_cast<uint64_t>(cell_now() + lease_ms);
    r.lease_end_wall_ms = 1'700'000'000'000 + lease_ms;
    const Bytes bytes = bytes_of(r);
    return {code, {bytes.begin(), bytes.end()}};
  }

  Said mutate(const OpView& op) {
    if (deny_next != Code::granted) {
      const Code code = deny_next;
      deny_next = Code::granted;
      Said said = result(code, deny_license, 0);
      OpResult r;
      std::memcpy(static_cast<void*>(&r), said.body.data(), sizeof r);
      r.features = deny_features;
      const Bytes bytes = bytes_of(r);
      return {code, {bytes.begin(), bytes.end()}};
    }
    if (op.sent.ms > cell_now() + 1'000 || op.sent.ms < cell_now() - 30'000) {
      return result(Code::stale, SIZE_MAX, 0);
    }
    if (op.kind == OpKind::import_notice) {
      return result(Code::granted, 0, 0);
    }
    if (op.kind == OpKind::import_constituent) {
      const std::string jws(as_text(op.body));
      const auto known = imports.find(jws);
      const Code code = known == imports.end() ? Code::granted : known->second;
      if (known == imports.end()) {
        imports[jws] = Code::repeated;
      }
      return result(code, 0, 0, static_cast<uint8_t>(++imported_ % 3 + 1));
    }
    if (op.kind == OpKind::checkout) {
      CheckoutBody body;
      std::memcpy(&body, op.body.data(), sizeof body);
      for (size_t i = 0; i < licenses.size(); ++i) {
        if (licenses[i].firm != body.firm || licenses[i].product != body.product) {
          continue;
        }
        uint32_t in_use = 0;
        for (const auto& [handle, lease] : leases_) {
          in_use += lease.license == i ? 1 : 0;
        }
        if (in_use >= licenses[i].quantity) {
          return result(Code::no_free_seat, i, 0);
        }
        const HolderText text = holder_text(op);
        LeaseData lease;
        lease.license = i;
        lease.lease_ms = body.lease_ms != 0 ? body.lease_ms.get() : licenses[i].lease_ms;
        lease.last_request = op.request;
        lease.end_cell_ms = cell_now() + lease.lease_ms;
        lease.user = text.user;
        lease.host = text.host;
        lease.process = text.process;
        lease.version = text.version;
        lease.station = text.station;
        leases_[op.handle] = lease;
        return result(Code::granted, i, lease.lease_ms);
      }
      return result(Code::no_such_license, SIZE_MAX, 0);
    }
    const auto lease = leases_.find(op.handle);
    if (lease == leases_.end()) {
      return result(Code::unknown_handle, SIZE_MAX, 0);
    }
    if (op.request <= lease->second.last_request) {
      return result(Code::bad_request, SIZE_MAX, 0);
    }
    if (op.kind == OpKind::renew) {
      if (deny_renew != Code::granted) {
        return result(deny_renew, SIZE_MAX, 0);
      }
      lease->second.last_request = op.request;
      RenewBody body;
      std::memcpy(&body, op.body.data(), sizeof body);
      const uint32_t lease_ms = body.lease_ms != 0 ? body.lease_ms.get() : lease->second.lease_ms;
      lease->second.end_cell_ms = cell_now() + lease_ms;
      return result(Code::granted, lease->second.license, lease_ms);
    }
    if (op.kind == OpKind::consume) {
      return consume(op, lease->second);
    }
    const size_t license = lease->second.license;
    leases_.erase(lease);
    OpResult r;
    const Said said = result(Code::granted, license, 0);
    std::memcpy(static_cast<void*>(&r), said.body.data(), sizeof r);
    r.features = 0;
    r.lease_end_cell_ms = 0;
    r.lease_end_wall_ms = 0;
    const Bytes bytes = bytes_of(r);
    return {Code::granted, {bytes.begin(), bytes.end()}};
  }

  Said consume(const OpView& op, LeaseData& lease) {
    LicenseData& l = licenses[lease.license];
    ConsumeBody body;
    std::memcpy(&body, op.body.data(), sizeof body);
    const uint64_t more = body.total > lease.units ? body.total - lease.units : 0;
    const bool there = more <= l.units - l.units_used;
    if (there) {
      l.units_used += more;
      lease.units += more;
    }
    lease.last_request = op.request;
    const Said said = result(there ? Code::granted : Code::no_units_left, lease.license, 0);
    OpResult r;
    std::memcpy(static_cast<void*>(&r), said.body.data(), sizeof r);
    r.flags = there ? kUnitsLeft : 0;
    r.features = l.units - l.units_used;
    const Bytes bytes = bytes_of(r);
    return {said.code, {bytes.begin(), bytes.end()}};
  }

  static void append(std::vector<uint8_t>& out, Bytes bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
  }

  static void append_usage(std::vector<uint8_t>& out, UsageRow row, Code code, uint64_t denied,
                           const std::string& name) {
    row.length = static_cast<uint16_t>(sizeof row + row.denied * sizeof(DenialCount) + name.size());
    append(out, bytes_of(row));
    if (row.denied != 0) {
      DenialCount count{};
      count.code = static_cast<uint8_t>(code);
      count.count = denied;
      append(out, bytes_of(count));
    }
    append(out, as_bytes(name));
  }

  Said read(const OpView& op) {
    ReadBody body;
    std::memcpy(&body, op.body.data(), sizeof body);
    std::vector<std::vector<uint8_t>> rows;
    Code code = Code::granted;
    switch (op.kind) {
      case OpKind::read_licenses:
        for (const LicenseData& l : licenses) {
          if (!l.valid && body.all == 0) {
            continue;
          }
          LicenseRow row{};
          row.length = static_cast<uint16_t>(sizeof row + l.name.size());
          row.mode = static_cast<uint8_t>(LicenseMode::user_limit);
          row.constituents = l.valid ? 0b111 : 0b001;
          row.firm = l.firm;
          row.product = l.product;
          row.tmr_id = l.tmr_id;
          row.quantity = l.quantity;
          row.in_use = static_cast<uint32_t>(leases_.size());
          row.valid_from_ms = l.valid_from_ms;
          row.valid_until_ms = l.valid_until_ms;
          row.lease_ms = l.lease_ms;
          row.revision = 1;
          row.valid = l.valid ? 1 : 0;
          row.name_size = static_cast<uint8_t>(l.name.size());
          rows.emplace_back();
          append(rows.back(), bytes_of(row));
          append(rows.back(), as_bytes(l.name));
        }
        break;
      case OpKind::read_containers:
        for (uint8_t slot = 0; slot <= (body.all != 0 ? 3 : 0); ++slot) {
          const std::string serial = slot == 0 ? "131-1234567890" : "3-100000" + std::to_string(slot);
          ContainerRow row{};
          row.length = static_cast<uint16_t>(sizeof row + serial.size());
          row.slot = slot;
          row.serial_size = static_cast<uint8_t>(serial.size());
          row.licenses = static_cast<uint32_t>(licenses.size());
          std::memcpy(row.activation_id, "0123456789abcdef", 16);
          rows.emplace_back();
          append(rows.back(), bytes_of(row));
          append(rows.back(), as_bytes(serial));
        }
        break;
      case OpKind::read_usage:
        for (const LicenseData& l : licenses) {
          UsageRow row{};
          row.mode = static_cast<uint8_t>(LicenseMode::user_limit);
          row.denied = l.denied != 0 ? 1 : 0;
          row.firm = l.firm;
          row.product = l.product;
          row.tmr_id = l.tmr_id;
          row.quantity = l.quantity;
          row.in_use = static_cast<uint32_t>(leases_.size());
          row.peak = l.quantity;
          row.handles = row.in_use;
          row.units = l.units;
          row.units_used = l.units_used;
          row.metered = l.units != 0 ? 1 : 0;
          row.usage_period_ms = 60'000;
          row.usage_from_ms = l.valid_from_ms;
          row.name_size = static_cast<uint8_t>(l.name.size());
          append_usage(rows.emplace_back(), row, Code::no_free_seat, l.denied, l.name);
        }
        if (denied_to_nobody != 0) {
          UsageRow row{};
          row.denied = 1;
          append_usage(rows.emplace_back(), row, Code::no_such_license, denied_to_nobody, "");
        }
        break;
      default:
        for (const auto& [handle, lease] : leases_) {
          if (op.kind == OpKind::read_lease && std::memcmp(handle.bytes.data(), body.handle, 16) != 0) {
            continue;
          }
          LeaseRow row{};
          std::memcpy(row.handle_prefix, handle.bytes.data(), sizeof row.handle_prefix);
          row.user_size = static_cast<uint8_t>(lease.user.size());
          row.host_size = static_cast<uint8_t>(lease.host.size());
          row.process_size = static_cast<uint8_t>(lease.process.size());
          row.version_size = static_cast<uint8_t>(lease.version.size());
          row.station_size = static_cast<uint8_t>(lease.station.size());
          row.tmr_id = licenses[lease.license].tmr_id;
          row.firm = licenses[lease.license].firm;
          row.product = licenses[lease.license].product;
          row.lease_ms = lease.lease_ms;
          row.last_request = op.kind == OpKind::read_lease ? lease.last_request : 0;
          row.units = op.kind == OpKind::read_lease ? lease.units : 0;
          row.since_wall_ms = 1'700'000'000'000;
          row.end_wall_ms = 1'700'000'000'000 + lease.lease_ms;
          row.end_cell_ms = static_cast<uint64_t>(lease.end_cell_ms);
          const std::string text = lease.user + lease.host + lease.process + lease.version + lease.station;
          row.length = static_cast<uint16_t>(sizeof row + text.size());
          rows.emplace_back();
          append(rows.back(), bytes_of(row));
          append(rows.back(), as_bytes(text));
        }
        if (op.kind == OpKind::read_lease && rows.empty()) {
          code = Code::unknown_handle;
        }
    }
    PageHeader header{};
    header.kind = static_cast<uint8_t>(op.kind);
    header.code = static_cast<uint8_t>(code);
    header.cell_ms = static_cast<uint64_t>(cell_now());
    const size_t from = std::min<size_t>(body.cursor, rows.size());
    const size_t to = std::min<size_t>(from + rows_a_page, rows.size());
    header.rows = static_cast<uint16_t>(to - from);
    header.next = to < rows.size() ? to : 0;
    Said said;
    append(said.body, bytes_of(header));
    for (size_t i = from; i < to; ++i) {
      append(said.body, rows[i]);
    }
    return said;
  }

  Said status_page(const OpView& op) {
    StatusBody body;
    std::memcpy(&body, op.body.data(), sizeof body);
    StatusPage page{};
    page.version = 7;
    page.total = static_cast<uint32_t>(status.size());
    page.offset = std::min<uint32_t>(body.offset, page.total);
    Said said;
    append(said.body, bytes_of(page));
    append(said.body, as_bytes(std::string_view(status).substr(page.offset, 100)));
    return said;
  }

  int fd_ = -1;
  seal::Keyring keyring_;
  BootTime started_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::map<OpKind, unsigned> seen_;
  std::set<std::tuple<OpKind, Handle, uint32_t>> asked_;
  std::set<uint32_t> nonces_;
  unsigned hellos_ = 0;
  unsigned imported_ = 0;
  std::map<Handle, LeaseData> leases_;
  std::map<Handle, Last> last_;
};

}  // namespace tercet::client
