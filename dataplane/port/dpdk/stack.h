#pragma once
// Stack: frames <-> datagrams for one interface that has no kernel under it. It knows our addresses, lanes,
// routes and neighbours; it owns no buffer and reads no clock, and nothing of DPDK stands in it, so that the
// whole of it runs in tests, under sanitizers and in the fuzzer. IPv4 over Ethernet, tagged or not (the
// network functions themselves are in dataplane/net/, one a file).
//
// Every frame is untrusted. What goes out because of one: an ARP reply to a question for an address that we
// own, an echo reply from such an address. Nothing else answers, and a virtual address that we do not own is
// not answered for.
//
// A datagram belongs to the connected lane whose local and remote both match, else to the unconnected lane at
// its destination, and in both cases only while we own that address. A lane's local address may be 0.0.0.0:
// any address that we own (it sends from our own).
//
// One thread calls everything; counters() may be read by others. Nothing allocates after construction.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/counters.h"
#include "base/fixed.h"
#include "base/time.h"
#include "dataplane/net/arp.h"
#include "dataplane/net/ethernet.h"
#include "dataplane/net/ip.h"
#include "dataplane/net/neighbours.h"
#include "dataplane/net/net_drop.h"
#include "dataplane/net/routes.h"
#include "dataplane/net/udp.h"
#include "dataplane/port/announcer.h"
#include "dataplane/port/burst.h"
#include "dataplane/port/dpdk/lane_table.h"
#include "dataplane/port/port.h"
#include "wire/endpoint.h"

namespace tercet::dataplane {

/// What the device found out about a checksum. `bad` is believed, `unknown` is computed here.
enum class Sum : uint8_t { unknown, good, bad };
struct RxSums {
  Sum ip = Sum::unknown;
  Sum l4 = Sum::unknown;
};

/// Ethernet with a tag, IPv4 without options, UDP.
inline constexpr size_t kHeadersMax = ethernet_size(1) + sizeof(Ipv4Header) + sizeof(UdpHeader);

struct StackOptions {
  Mac mac{};
  uint16_t vlan =
      0;    ///< 802.1Q id, 1..4094; 0: untagged (a frame that carries only a priority is taken
            ///< too). The tag stands in the frame, both ways: the device does not strip or insert it
  Vip own;  ///< our own address and its network
  std::optional<Ipv4> gateway;
  std::vector<StaticRoute> routes;
  std::vector<LaneOptions> lanes;  ///< as PortOptions::lanes; each with a port
  size_t neighbours = 4096;        ///< how many are kept, at least
  bool answer_ping = true;
  bool vrrp = true;          ///< packets of protocol 112 to its group, or to us, are handed up
  bool ip_sum_out = false;   ///< the device fills in the IPv4 checksum: zero is written
  bool udp_sum_out = false;  ///< … the UDP checksum: the pseudo-header's sum is written
  /// A UDP checksum that holds only the pseudo-header's sum is taken as well. veth hands out datagrams of a
  /// kernel whose checksum no device has finished; af_packet and af_xdp get them so. What Tercet takes is
  /// authenticated.
  bool unfinished_sums_in = false;
};
/// One line with what to change, naming the first thing that cannot work (an IPv6 lane, a gateway off the
/// link, …).
tl::expected<void, std::string> check_options(const StackOptions& options);

struct Taken {
  enum class Kind : uint8_t {
    datagram,  ///< `lane`, `from`; payload at [offset, offset + size) of the frame
    reply,  ///< the frame was rewritten in place: send `size` bytes from `offset` of it (ARP or echo reply)
    vrrp,   ///< IP protocol 112: what follows the IP header at [offset, offset + size); `from`, `to`, `ttl`
    consumed,   ///< a neighbour was learned, an ICMP error was noted
    exception,  ///< not ours: to a tap if there is one, else count(drop)
    dropped,    ///< `drop` says why; counted already
  };
  Kind kind = Kind::dropped;
  NetDrop drop = NetDrop::none;  ///< of `exception` and `dropped`
  Lane lane = 0;
  uint8_t ttl = 0;
  bool tap = false;  ///< a tap wants to see it as well: every exception, and ARP that we consumed (the kernel
                     ///< behind a tap has neighbours of its own)
  uint16_t offset = 0;
  uint16_t size = 0;
  Endpoint from{};  ///< true source of a datagram; of `vrrp` the address, port 0
  Ipv4 to{};        ///< destination address of `datagram` and `vrrp`
};

/// A datagram as of Kind::datagram, where `headers` are there: its payload follows behind them. As Hop, small
/// enough for two registers.
struct Plain {
  const Ipv4Udp* headers = nullptr;
  Lane lane = LaneTable::kNone;
};

/// Where a packet goes next. (A MAC in it would be put together and copied: that took twice as long as
/// finding it.)
struct Hop {
  enum class Kind : uint8_t {
    ready,      ///< `mac`
    resolving,  ///< asked (next_question() has it); try again when resolutions() has grown
    no_route,   ///< no route leads there, or it is an address of ours
  };
  Kind kind = Kind::no_route;
  const Mac* mac = nullptr;  ///< until anything else is asked of the stack
};

/// A next hop of ours (a server, a gateway) came to have another MAC: it failed over, or somebody lies.
struct NeighbourMove {
  Ipv4 address{};
  Mac was{};
  Mac now{};
};

/// Written by the stack's thread, read by the control thread. Names appear in /metrics.
struct StackCounters {
  std::array<Counter, kNetDrops> drops;  ///< by NetDrop
  Counter arp_asked;                     ///< questions of ours (next_question())
  Counter arp_answered;                  ///< questions that we answered
  Counter arp_learned;                   ///< neighbours that became known
  Counter arp_moved;                     ///< neighbours that came to have another MAC
  Counter arp_unanswered;                ///< neighbours given up after all tries
  Counter arp_refused;                   ///< neighbours that found no place in the table
  Counter arp_conflicts;                 ///< claims by other stations to an address of ours
  Counter conflict_address;  ///< the last such address, as a number (a.b.c.d: a is the highest byte)
  Counter conflict_mac;      ///< … and who claimed it (48 bits, the first byte is the highest)
  Counter pings_answered;
  Counter peer_unreachable;  ///< ICMP errors about what connected lanes sent
};

class Stack {
 public:
  /// `options` as check_options() takes them (TERCET_CHECK).
  explicit Stack(const StackOptions& options);

  // Receiving.

  /// Looks at one frame, which lies in one piece (join.h).
  /// Writes to it only for Kind::reply. `frame` may be padded, and of any length.
  Taken take(MutBytes frame, RxSums sums, MonoTime now);
  /// The short way, for what nearly every frame is: a datagram for a lane, in headers without options. What
  /// it finds is what take() would make of the frame; where it finds nothing, take() knows why.
  [[nodiscard]] Plain plain(Bytes frame, RxSums sums) const;
  /// A frame that another thread's stack takes, too: only learns from it, if it is ARP. Where several threads
  /// share an interface each has a stack of its own, and the device gives an answer to one of them: it comes
  /// to the others by this.
  void hear(Bytes frame, MonoTime now);
  /// Counts what the caller did with an exception (or could not send) under `reason`.
  void count(NetDrop reason) { counters_.drops[static_cast<size_t>(reason)].add(); }

  // Sending.

  /// Bytes in front of a payload: 42, or 46 with a tag.
  [[nodiscard]] size_t headers() const { return headers_; }
  /// Where a datagram on `lane` goes next; `to` is not looked at on a connected lane. A few ns when ready.
  /// Not ready: the neighbour is asked for, by next_question().
  Hop next_hop(Lane l, const Endpoint& to, MonoTime now) {
    LaneState& lane = lanes_[l];
    if (lane.remote_port != 0) {
      return hop(lane.remote, lane.next, lane.hint, now);
    }
    if (!is_ipv4(to)) {
      return {};
    }
    const Ipv4 receiver = ipv4_of(to.address);
    return hop(receiver, routes_.find(receiver), lane.hint, now);
  }
  /// The same for a packet that is no lane's (a unicast VRRP peer, a multicast group).
  Hop next_hop(const Ipv4& to, MonoTime now) { return hop(to, routes_.find(to), hint_, now); }
  /// Writes headers() bytes to `at`, which ends where `payload` begins: the payload is summed in place unless
  /// the device does it. At most kDatagramMax bytes of payload.
  void write_headers(uint8_t* at, Lane lane, const Endpoint& to, const Mac& hop, Bytes payload) const;
  /// A whole frame of another protocol: a VRRP advert (protocol 112, TTL 255). The addresses are `header`'s;
  /// `source` is the MAC it comes from: our own, or a virtual one. Returns its size, 0: `frame` is too small.
  size_t write_packet(MutBytes frame, const Ipv4Header& header, const Mac& hop, const Mac& source,
                      Bytes payload) const;

  // Neighbours.

  /// When next_question() has something to do; MonoTime::never() if nothing is under way.
  [[nodiscard]] MonoTime due() const { return neighbours_.due(); }
  /// Writes the next ARP request that is due and returns its size; 0: none (or `frame` is too small: it stays
  /// due). Call it again until it gives 0.
  size_t next_question(MutBytes frame, MonoTime now);
  /// Grows when a neighbour that was asked for became known: datagrams that wait are tried again.
  [[nodiscard]] uint64_t resolutions() const { return neighbours_.resolutions(); }
  /// Whether a next hop moved since this was last asked, and the last one that did.
  std::optional<NeighbourMove> take_move() { return std::exchange(move_, std::nullopt); }

  // Addresses.

  /// We answer for `address` from now on; questions for it are answered with `virtual_mac`, if given, which
  /// is then also one that frames may be sent to, and the source of what lanes at that address send. Harmless
  /// when we do already. At most kVipsMax.
  void own(const Ipv4& address, std::optional<Mac> virtual_mac = {});
  /// We no longer do. Harmless when we did not. Our own address cannot be disowned.
  void disown(const Ipv4& address);
  [[nodiscard]] bool owns(const Ipv4& address) const;
  [[nodiscard]] const Ipv4& own_address() const { return own_; }
  [[nodiscard]] const Mac& mac() const { return mac_; }
  /// The gratuitous ARP for `address` (RFC 5227 §3), owned or not. Returns its size, 0: `frame` is too small.
  size_t gratuitous(MutBytes frame, const Ipv4& address) const;

  /// Lanes whose peer's port (or host) was reported unreachable since the last call, as
  /// Port::take_unreachable().
  uint32_t take_unreachable();
  [[nodiscard]] const StackCounters& counters() const { return counters_; }

 private:
  struct Owned {
    Ipv4 address{};
    Mac mac{};
  };
  /// One lane as the datapath wants it: its header written once, sums of what does not change in it.
  struct LaneState {
    Ipv4 local{};
    Ipv4 remote{};
    uint16_t local_port = 0;
    uint16_t remote_port = 0;  ///< 0: unconnected
    Ipv4 next{};               ///< connected: where routes lead to
    NeighbourHint hint;        ///< where that neighbour (or the last one asked for) stands
    std::array<uint8_t, kHeadersMax> headers{};
    uint32_t ip_sum = 0;   ///< over the IPv4 header without length and checksum (unconnected: destination 0)
    uint32_t udp_sum = 0;  ///< over pseudo-header and UDP header without lengths (unconnected: destination 0)
  };

  [[nodiscard]] inline bool is_plain(const uint8_t* frame) const;
  [[nodiscard]] inline bool is_plain(const Ipv4Header& ip, size_t room) const;
  [[nodiscard]] bool are_right(const Ipv4Udp& headers, RxSums sums) const;
  Taken take_arp(MutBytes frame, const EthernetView& ethernet, MonoTime now);
  Neighbours::Heard learn(const ArpPacket& arp, bool to_group, MonoTime now);
  Taken take_ip(MutBytes frame, const EthernetView& ethernet, RxSums sums);
  Taken take_udp(Bytes packet, size_t at, const Ipv4View& ip, Sum sum);
  Taken take_icmp(MutBytes frame, const EthernetView& ethernet, const Ipv4View& ip);
  Taken answer_echo(MutBytes frame, const EthernetView& ethernet, const Ipv4View& ip);
  Taken note_unreachable(Bytes packet);
  Taken dropped(NetDrop reason);

  void add_lane(const LaneOptions& options);
  void write_template(LaneState& lane);
  [[nodiscard]] const Owned* owned(const Ipv4& address) const;
  [[nodiscard]] bool is_our_mac(const Mac& mac) const;
  /// How much of a UDP checksum is believed; not for Sum::bad, unless `unfinished_sums_in`.
  [[nodiscard]] UdpSum believed(Sum sum) const {
    return sum == Sum::good      ? UdpSum::good
           : unfinished_sums_in_ ? UdpSum::compute_or_unfinished
                                 : UdpSum::compute;
  }
  [[nodiscard]] bool is_broadcast(const Ipv4& address) const;
  Hop hop(const Ipv4& to, const Ipv4& next, NeighbourHint& hint, MonoTime now) {
    const Mac* mac = neighbours_.ready(next, hint);  // kNowhere is nobody's
    return mac != nullptr ? Hop{Hop::Kind::ready, mac} : slow_hop(to, next, hint, now);
  }
  Hop slow_hop(const Ipv4& to, const Ipv4& next, NeighbourHint& hint, MonoTime now);

  Mac mac_{};
  uint16_t vlan_ = 0;
  Ipv4 own_{};
  bool answer_ping_;
  bool vrrp_;
  bool ip_sum_out_;
  bool udp_sum_out_;
  bool unfinished_sums_in_;
  uint32_t headers_ = 0;
  FixedVector<Owned, kVipsMax + 1> owned_;  ///< our own address is the first
  RouteTable routes_;
  Neighbours neighbours_;
  NeighbourHint hint_;  ///< of packets that are no lane's
  Mac slow_mac_{};      ///< what slow_hop() found
  std::vector<LaneState> lanes_;
  LaneTable lane_table_;
  uint32_t unreachable_ = 0;
  std::optional<NeighbourMove> move_;
  StackCounters counters_;
};

}  // namespace tercet::dataplane
