#include "client/issuer/cell_files.h"

#include <net/if.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/file.h"
#include "wire/endpoint.h"
#include "wire/seal/key_file.h"

namespace tercet::issuer {
namespace {

constexpr uint16_t kClientPort = 8200;
constexpr uint16_t kPeerPort = 8210;

/// Lines of "key = value  # comment", the comments in one column.
class Section {
 public:
  explicit Section(const std::string& name, const std::string& about) {
    text_ = "\n[" + name + "]  # " + about + "\n";
  }
  Section& key(const std::string& name, const std::string& value, const std::string& comment) {
    std::string line = name + " = " + value;
    if (line.size() < 44) {
      line.resize(44, ' ');
    }
    text_ += line + "  # " + comment + "\n";
    return *this;
  }
  Section& text(const std::string& name, const std::string& value, const std::string& comment) {
    return key(name, "\"" + value + "\"", comment);
  }
  [[nodiscard]] const std::string& str() const { return text_; }

 private:
  std::string text_;
};

std::string list(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const std::string& item : items) {
    out += (out.size() == 1 ? "\"" : ", \"") + item + "\"";
  }
  return out + "]";
}

std::string with_port(const std::string& address, uint16_t port) {
  return to_string(*parse_address(address, port));
}

/// What the kernel allows (dev_valid_name), less what a TOML string would have to escape.
bool is_interface_name(const std::string& name) {
  constexpr std::string_view kNot = "/:\"\\";
  return !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
         std::ranges::all_of(
             name, [&](char c) { return c > ' ' && c < 0x7F && kNot.find(c) == std::string_view::npos; });
}

/// For a message, which is one line.
std::string shown(std::string text) {
  std::ranges::replace_if(
      text, [](unsigned char c) { return c < ' ' || c == 0x7F; }, '?');
  return "\"" + text + "\"";
}

tl::expected<void, std::string> check_addresses(const CellPlan& plan) {
  if (plan.lbs.size() != 2 || plan.backends.size() != kBackends) {
    return tl::unexpected("a cell has two load balancers and three backends, but " +
                          std::to_string(plan.lbs.size()) + " and " + std::to_string(plan.backends.size()) +
                          " addresses were given: give --lb twice and --backend three times");
  }
  if (!is_interface_name(plan.interface)) {
    return tl::unexpected(shown(plan.interface) +
                          " is no name of a network interface: give --interface one that ip link shows");
  }
  if (plan.virtual_ips.empty()) {
    return tl::unexpected(std::string("a cell has a virtual IP: give --vip"));
  }
  std::set<std::string> seen;
  for (const auto* addresses : {&plan.lbs, &plan.backends}) {
    for (const std::string& address : *addresses) {
      const auto parsed = parse_address(address);
      if (!parsed) {
        return tl::unexpected(parsed.error());
      }
      if (!seen.insert(address_text(*parsed)).second) {
        return tl::unexpected(address + " was given to two servers: each has an address of its own");
      }
    }
  }
  for (const std::string& vip : plan.virtual_ips) {
    const auto parsed = parse_address(vip.substr(0, vip.find('/')));
    if (parsed && !seen.insert(address_text(*parsed)).second) {
      return tl::unexpected(vip +
                            " is a server's own address or was given twice: a virtual IP belongs to no "
                            "host");
    }
  }
  return {};
}

/// Adds a usual prefix length where none was given. IPv6 is refused here and not first at a load balancer's
/// start.
tl::expected<std::string, std::string> with_prefix(const std::string& vip) {
  const size_t slash = vip.find('/');
  const auto address = parse_address(vip.substr(0, slash));
  if (!address) {
    return tl::unexpected(address.error());
  }
  if (!address->is_v4()) {
    return tl::unexpected(vip +
                          " is an IPv6 address: virtual addresses are IPv4 in this version: give --vip "
                          "an IPv4 address");
  }
  constexpr int kMost = 32;
  if (slash == std::string::npos) {
    return vip + "/24";
  }
  const std::string digits = vip.substr(slash + 1);
  const bool number = !digits.empty() && digits.size() <= 3 &&
                      std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!number || std::stoi(digits) < 1 || std::stoi(digits) > kMost) {
    return tl::unexpected(vip + " has no prefix length that fits: write ADDRESS/1 to /" +
                          std::to_string(kMost));
  }
  return vip;
}

Section cell_section(const CellPlan& plan, const seal::CellKeys& keys, const std::string& name) {
  Section s("cell", "the cell that this host belongs to");
  s.text("id", seal::text_of(keys.client.cell), "the same on all hosts of the cell; no default");
  s.text("name", name,
         name == "client" ? "for logs; default \"client\"" : "lb1, lb2, b1, b2 or b3; no default");
  s.text("aead", seal::name_of(plan.aead),
         "aes-256-gcm, or chacha20-poly1305 if a machine lacks AES; default aes-256-gcm");
  s.text("keys", name + ".key", "this host's keys, mode 0600; relative to this file; no default");
  return s;
}

void add_issuers(Section& s, const CellPlan& plan, const std::string& comment) {
  std::vector<std::string> texts;
  for (const seal::PublicKey& key : plan.issuers) {
    texts.push_back(seal::text_of(key));
  }
  s.key("issuers", list(texts), comment);
}

Section port_section(bool lb) {
  Section s("port", "how datagrams are received and sent");
  s.text("engine", "auto", "uring, mmsg, dpdk, or auto: uring where it is allowed, else mmsg; default auto");
  s.text("poll", "adaptive", "adaptive sleeps when idle, busy never does; default adaptive");
  s.text("crypto", "auto",
         "ipsec-mb, libsodium, or auto: ipsec-mb where the CPU can, else libsodium; default auto");
  s.key("steering_threads", "0",
        "0: one polling thread does everything; N: N receive and send, one more decides; default 0");
  if (lb) {
    s.text("rounds", "adaptive",
           "adaptive: under load an Accept waits for the vote before; off; default adaptive");
  }
  s.text("eal", "", "dpdk: arguments of its EAL, as -l 2,3 -a 0000:01:00.0; default \"\"")
      .text("device", "", "dpdk: the device's name; default \"\": the only one that EAL finds")
      .text("address", "", "dpdk: this host's address with its prefix length; no default")
      .text("gateway", "", "dpdk: what leads to other networks; default \"\": nothing")
      .key("routes", "[]", "dpdk: more ways, as [\"198.18.1.0/24 via 198.18.0.254\"]; default []")
      .key("vlan", "0", "dpdk: 802.1Q id; default 0: untagged")
      .key("offload", "true", "dpdk: checksums by the device where it can; default true")
      .key("answer_ping", "true", "dpdk: ICMP echo for our addresses; default true")
      .text("exception", "none", "dpdk: where other frames go: none, or tap: to the kernel; default none")
      .text("tap", "tercet0", "dpdk: the name of that tap; default tercet0");
  return s;
}

Section peers_section(const CellPlan& plan, ServerId self) {
  Section s("peers", "where the five servers talk to each other (UDP)");
  for (unsigned i = 0; i < kServers; ++i) {
    const auto id = static_cast<ServerId>(i);
    const std::string& address = is_lb(id) ? plan.lbs[i] : plan.backends[i - 2];
    s.text(name_of(id), with_port(address, kPeerPort),
           id == self ? "this server: the address that it binds; no default" : "no default");
  }
  return s;
}

std::string head(const std::string& name) {
  return "# Tercet: " + name +
         ", written by tercet cell init. Every key is here with what it does and its default.\n";
}

std::string lb_file(const CellPlan& plan, const seal::CellKeys& keys, ServerId self) {
  Section cell = cell_section(plan, keys, name_of(self));
  add_issuers(cell, plan, "public keys of the issuers whose licenses a new cell takes; default []");
  cell.key("checkpoint_every", "1048576",
           "entries that a backend's log holds, about, before it writes another checkpoint; default 1048576");
  Section clients("clients", "the side that clients see");
  clients.key("virtual_ips", list(plan.virtual_ips),
              "the cell's address, held by the active load balancer; no default");
  clients.key("port", std::to_string(kClientPort), "UDP; default 8200")
      .key("in_flight", "8192", "queries that may wait for an answer; more are answered BUSY; default 8192")
      .key("key_cache", "4096", "clients whose keys are kept ready, 2 KiB each; default 4096")
      .text("lease_min", "1s", "the shortest lease that clients are told to ask for; default 1s")
      .text("lease_max", "24h", "the longest; a license's own bounds hold as well; default 24h");
  Section failover("failover", "who is active, and how the network learns of it");
  failover.text("driver", "tercet", "tercet speaks VRRPv3 itself; default tercet")
      .text("interface", plan.interface, "where the virtual IP lives; default eth0")
      .key("vrid", "51", "VRRP's number of the virtual router, 1 to 255; default 51")
      .key("priority", "100", "VRRP, 1 to 254; default 100")
      .text("advert_interval", "100ms", "VRRP, in steps of 10ms; default 100ms")
      .key("virtual_mac", "false", "dpdk: 00-00-5E-00-01-VRID for the virtual address; default false")
      .key("preempt", "false", "whether the one that comes back takes over again; default false")
      .key("unicast_peers", "[]", "addresses to send adverts to instead of multicast; default []")
      .key("garp_repeat", "5", "gratuitous ARPs at promotion; default 5")
      .text("garp_refresh", "60s", "and again this often, since switches and routers forget; default 60s")
      .text("heartbeat", "5ms", "between the load balancers, down to 1ms; default 5ms")
      .text("on_active", "", "a command run at promotion; default none")
      .text("on_standby", "", "a command run at demotion; default none");
  Section admin("admin", "HTTP: /healthz /active /v1/status /v1/licenses /v1/leases /metrics");
  admin.text("listen", "127.0.0.1:8220", "default 127.0.0.1:8220; any other address wants a token")
      .text("token_file", "", "a file with the bearer token; default none");
  return head(name_of(self)) + cell.str() + port_section(true).str() + clients.str() +
         peers_section(plan, self).str() + failover.str() + admin.str();
}

std::string backend_file(const CellPlan& plan, const seal::CellKeys& keys, ServerId self) {
  Section store("store", "what must survive");
  store.text("dir", "store", "log, container and license files; relative to this file; no default")
      .text("durability", "fsync",
            "fsync votes when the disk has it; memory once applied: see the manual; default fsync");
  Section admin("admin", "HTTP: /healthz /v1/status /v1/licenses /v1/leases /metrics");
  admin.text("listen", "127.0.0.1:8221", "default 127.0.0.1:8221; any other address wants a token")
      .text("token_file", "", "a file with the bearer token; default none");
  return head(name_of(self)) + cell_section(plan, keys, name_of(self)).str() + port_section(false).str() +
         peers_section(plan, self).str() + store.str() + admin.str();
}

std::string client_file(const CellPlan& plan, const seal::CellKeys& keys) {
  Section cell = cell_section(plan, keys, "client");
  add_issuers(
      cell, plan,
      "public keys of the cell's issuers, to refuse an altered license here; default []: not checked");
  std::vector<std::string> servers, lbs;
  for (const std::string& vip : plan.virtual_ips) {
    servers.push_back(with_port(vip.substr(0, vip.find('/')), kClientPort));
  }
  for (const std::string& lb : plan.lbs) {
    lbs.push_back(with_port(lb, kClientPort));
  }
  Section client("client", "how the tercet command and libtercet reach the cell");
  client.key("servers", list(servers), "the cell's virtual IP; no default")
      .key("lbs", list(lbs), "asked for the status when the virtual IP is silent; default []")
      .text("timeout", "5s", "how long a command asks before it gives up; default 5s");
  return head("a client") + cell.str() + client.str();
}

}  // namespace

CellPlan loopback_plan() {
  CellPlan plan;
  plan.virtual_ips = {"127.0.0.100/8"};
  plan.lbs = {"127.0.0.1", "127.0.0.2"};
  plan.backends = {"127.0.0.11", "127.0.0.12", "127.0.0.13"};
  plan.interface = "lo";
  return plan;
}

tl::expected<CellId, std::string> write_cell_files(const std::string& folder, CellPlan plan) {
  if (folder.empty()) {
    return tl::unexpected(std::string("the cell's folder is empty text: name one"));
  }
  if (auto good = check_addresses(plan); !good) {
    return tl::unexpected(good.error());
  }
  for (std::string& vip : plan.virtual_ips) {
    auto full = with_prefix(vip);
    if (!full) {
      return tl::unexpected(full.error());
    }
    vip = std::move(*full);
  }
  std::vector<std::string> names;
  for (unsigned i = 0; i < kServers; ++i) {
    names.emplace_back(name_of(static_cast<ServerId>(i)));
  }
  names.emplace_back("client");
  // All or nothing: a second cell's keys must not be mixed into the first one's.
  for (const std::string& name : names) {
    for (const char* kind : {".toml", ".key"}) {
      const std::string path = folder + "/" + name + "/" + name + kind;
      if (::access(path.c_str(), F_OK) == 0) {
        return tl::unexpected(path + ": is there already: name another folder, or remove that cell first");
      }
    }
  }
  const seal::CellKeys keys = seal::generate_cell_keys(plan.aead);
  for (unsigned i = 0; i < names.size(); ++i) {
    const std::string at = folder + "/" + names[i];
    if (auto done = make_folder(at); !done) {
      return tl::unexpected(done.error());
    }
    const bool server = i < kServers;
    auto done = server ? seal::write_server_keys(at + "/" + names[i] + ".key", keys.servers[i])
                       : seal::write_client_keys(at + "/client.key", keys.client);
    if (!done) {
      return tl::unexpected(done.error());
    }
    const auto id = static_cast<ServerId>(i);
    const std::string text = !server     ? client_file(plan, keys)
                             : is_lb(id) ? lb_file(plan, keys, id)
                                         : backend_file(plan, keys, id);
    if (auto written = write_file_durably(at + "/" + names[i] + ".toml", text); !written) {
      return tl::unexpected(written.error());
    }
  }
  return keys.client.cell;
}

}  // namespace tercet::issuer
