// KernelAnnouncer against the real kernel.
#include "control/lb/kernel_announcer.h"

#include "control/lb/network_rig.h"

namespace tercet::control {
namespace {

TEST(KernelAnnouncer, TheAddressComesAndGoesAndDisturbsNoRoute) {
  in_network([] {
    auto opened = KernelAnnouncer::open(announcer_options());
    ASSERT_TRUE(opened) << opened.error();
    KernelAnnouncer& announcer = **opened;
    EXPECT_EQ(announcer.source(), kOwn.address);
    ASSERT_TRUE(run("ip route show > /tmp/tercet_routes.$PPID"));
    announcer.own(kVip);
    announcer.own(kVip);  // harmless
    EXPECT_TRUE(is_there(kVip));
    EXPECT_EQ(addresses().size(), 2U);
    EXPECT_TRUE(run("ip route show | cmp - /tmp/tercet_routes.$PPID"));
    announcer.disown(kVip);
    announcer.disown(kVip);  // harmless
    EXPECT_FALSE(is_there(kVip));
    EXPECT_TRUE(is_there(kOwn));
    EXPECT_TRUE(run("ip route show | cmp - /tmp/tercet_routes.$PPID"));
    run("rm -f /tmp/tercet_routes.$PPID");
    EXPECT_EQ(announcer.counters().address_failed.get(), 0U);
  });
}

TEST(KernelAnnouncer, ResignAndTheDestructorLeaveNothing) {
  in_network([] {
    auto opened = KernelAnnouncer::open(announcer_options());
    ASSERT_TRUE(opened) << opened.error();
    (*opened)->own(kVip);
    (*opened)->resign();
    EXPECT_FALSE(is_there(kVip));
    (*opened)->own(kVip);
    opened->reset();
    EXPECT_FALSE(is_there(kVip));
  });
}

TEST(KernelAnnouncer, AStaleAddressIsRemovedAtStartWhateverItsPrefix) {
  in_network([] {
    ASSERT_TRUE(run("ip address add 198.18.0.100/32 dev va"));
    ASSERT_TRUE(run("ip address add 198.18.0.100/24 dev va"));
    auto opened = KernelAnnouncer::open(announcer_options());
    ASSERT_TRUE(opened) << opened.error();
    EXPECT_EQ((*opened)->stale_removed(), 2U);
    EXPECT_EQ(addresses().size(), 1U);
    EXPECT_TRUE(is_there(kOwn));
  });
}

TEST(KernelAnnouncer, TheHostsOwnAddressSurvivesWhenTheVirtualOneHadBecomePrimary) {
  in_network([] {
    ASSERT_TRUE(run("ip address flush dev va"));
    ASSERT_TRUE(run("ip address add 198.18.0.100/24 dev va"));  // a stale one, then the host's
    ASSERT_TRUE(run("ip address add 198.18.0.1/24 dev va"));
    auto opened = KernelAnnouncer::open(announcer_options());
    ASSERT_TRUE(opened) << opened.error();
    EXPECT_FALSE(is_there(kVip));
    EXPECT_TRUE(is_there(kOwn));
  });
}

TEST(KernelAnnouncer, SendsWellFormedAdvertsAndAnnouncements) {
  in_network([] {
    const int vb = frames_at_vb();
    auto opened = KernelAnnouncer::open(announcer_options());
    ASSERT_TRUE(opened) << opened.error();
    take_frames(vb);
    const failover::VrrpBytes packet =
        failover::write_advert({.vrid = 51, .priority = 100, .interval_cs = 10, .addresses = {kVip.address}});
    (*opened)->advert({packet.data(), packet.size()});
    (*opened)->announce(kVip);
    const auto frames = take_frames(vb);
    ASSERT_EQ(count_of(frames, failover::kVrrpProtocol), 1U);
    for (const auto& frame : frames) {
      if (frame[12] == 8 && frame[13] == 0 && frame[23] == failover::kVrrpProtocol) {
        // RFC 1112 §6.4: 224.0.0.18 is 01:00:5e:00:00:12.
        EXPECT_TRUE(equal(Bytes(frame).first(6), std::array<uint8_t, 6>{1, 0, 0x5E, 0, 0, 0x12}));
        EXPECT_EQ(frame[15], 0xC0);
        failover::VrrpView view;
        EXPECT_EQ(
            failover::parse_advert(
                Bytes(frame).subspan(34),
                {.ttl = frame[22], .source = kOwn.address, .destination = failover::kVrrpGroup}, 51, view),
            failover::VrrpDrop::none);
        EXPECT_EQ(view.checksum, failover::Checksum::pseudo_header);
      }
    }
    const dataplane::ArpFrame want = dataplane::gratuitous_arp({2, 0, 0, 0, 0, 0x0A}, {198, 18, 0, 100});
    EXPECT_TRUE(std::ranges::any_of(frames, [&](const auto& f) { return equal(f, bytes_of(want)); }));
    close(vb);
  });
}

TEST(KernelAnnouncer, UnicastPeersGetTheirOwnChecksums) {
  in_network([] {
    const int vb = frames_at_vb();
    KernelAnnouncerOptions options = announcer_options();
    options.unicast_peers = {failover::v4_address(198, 18, 0, 2), failover::v4_address(198, 18, 0, 3)};
    auto opened = KernelAnnouncer::open(options);
    ASSERT_TRUE(opened) << opened.error();
    ASSERT_TRUE(run("ip neigh add 198.18.0.2 lladdr 02:00:00:00:00:0b dev va"));
    ASSERT_TRUE(run("ip neigh add 198.18.0.3 lladdr 02:00:00:00:00:0c dev va"));
    take_frames(vb);
    const failover::VrrpBytes packet =
        failover::write_advert({.vrid = 51, .priority = 100, .interval_cs = 10, .addresses = {kVip.address}});
    (*opened)->advert({packet.data(), packet.size()});
    uint8_t peer = 2;
    for (const auto& frame : take_frames(vb)) {
      if (frame[12] == 8 && frame[13] == 0 && frame[23] == failover::kVrrpProtocol) {
        failover::VrrpView view;
        EXPECT_EQ(failover::parse_advert(Bytes(frame).subspan(34),
                                         {.ttl = frame[22],
                                          .source = kOwn.address,
                                          .destination = failover::v4_address(198, 18, 0, peer)},
                                         51, view),
                  failover::VrrpDrop::none);
        ++peer;
      }
    }
    EXPECT_EQ(peer, 4);
    close(vb);
  });
}

/// An IP packet of protocol 112 from 198.18.0.2, as a frame into vb.
void inject(int vb, std::vector<uint8_t> vrrp, uint8_t last_byte_of_source = 2) {
  std::array<uint8_t, 1600> packet{};
  dataplane::Ipv4Header header;
  header.ttl = 255;
  header.protocol = failover::kVrrpProtocol;
  header.source = {198, 18, 0, last_byte_of_source};
  header.destination = {224, 0, 0, 18};
  std::vector<uint8_t> frame{1, 0, 0x5E, 0, 0, 0x12, 2, 0, 0, 0, 0, 0x0B, 8, 0};
  const size_t size = dataplane::write_ip_packet(packet, header, vrrp);
  frame.insert(frame.end(), packet.begin(), packet.begin() + static_cast<ptrdiff_t>(size));
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(if_nametoindex("vb"));
  ASSERT_EQ(sendto(vb, frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to),
            static_cast<ssize_t>(frame.size()));
}

TEST(KernelAnnouncer, HearsOthersAndNotItself) {
  in_network([] {
    const int vb = frames_at_vb();
    auto opened = KernelAnnouncer::open(announcer_options());
    ASSERT_TRUE(opened) << opened.error();
    KernelAnnouncer& announcer = **opened;
    write_text("/proc/sys/net/ipv4/conf/va/accept_local",
               "1");  // else the kernel drops a reflected one before us
    std::array<dataplane::Advert, 4> adverts;
    EXPECT_EQ(announcer.adverts(adverts), 0U);
    inject(vb, {0x31, 51, 100, 1, 0, 10, 1, 2, 198, 18, 0, 100});
    inject(vb, {});                                                   // no VRRP in it: the parser's matter
    inject(vb, std::vector<uint8_t>(dataplane::kAdvertMax + 1, 0));   // too long
    inject(vb, {0x31, 51, 100, 1, 0, 10, 1, 2, 198, 18, 0, 100}, 1);  // our own source, reflected
    pollfd wake{.fd = announcer.descriptor(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&wake, 1, 1000), 1);
    ASSERT_EQ(announcer.adverts(adverts), 2U);
    EXPECT_EQ(adverts[0].from, failover::v4_address(198, 18, 0, 2));
    EXPECT_EQ(adverts[0].to, failover::kVrrpGroup);
    EXPECT_EQ(adverts[0].ttl, 255);
    EXPECT_EQ(adverts[0].size, 12);
    EXPECT_EQ(adverts[0].bytes[7], 2);
    EXPECT_EQ(adverts[1].size, 0);
    EXPECT_EQ(announcer.counters().drop_malformed.get(), 1U);
    EXPECT_EQ(announcer.counters().drop_own.get(), 1U);
    for (int i = 0; i < 6; ++i) {
      inject(vb, {0x31, 51, 100, 1, 0, 10, 1, 2, 198, 18, 0, 100});
    }
    EXPECT_EQ(announcer.adverts(adverts), 4U);
    EXPECT_EQ(announcer.adverts(adverts), 2U);
    close(vb);
  });
}

TEST(KernelAnnouncer, WhatIsMissingIsSaidInOneLine) {
  in_network([] {
    KernelAnnouncerOptions options = announcer_options();
    options.interface = "nowhere0";
    EXPECT_NE(KernelAnnouncer::open(options).error().find("interface nowhere0 is not there: "),
              std::string::npos);
    options.interface = "a_name_that_is_far_too_long";
    EXPECT_NE(KernelAnnouncer::open(options).error().find("is no interface name"), std::string::npos);
    ASSERT_TRUE(run("ip link set vb down"));
    options.interface = "vb";
    EXPECT_NE(KernelAnnouncer::open(options).error().find("is down: `ip link set vb up`"), std::string::npos);
    ASSERT_TRUE(run("ip link set vb up"));
    EXPECT_NE(KernelAnnouncer::open(options).error().find("has no IPv4 address of its own"),
              std::string::npos);
    options = announcer_options();
    options.vips = {Vip{.address = {0x20, 0x01}, .prefix_length = 64}};
    EXPECT_NE(KernelAnnouncer::open(options).error().find("cannot be a virtual address"), std::string::npos);
    for (const std::string& error : {KernelAnnouncer::open(options).error()}) {
      EXPECT_EQ(error.find('\n'), std::string::npos);
    }
  });
}

TEST(KernelAnnouncer, WithoutPrivilegesItSaysWhatToGive) {
  in_network(
      [] {
        const auto opened = KernelAnnouncer::open(announcer_options());
        ASSERT_FALSE(opened);
        EXPECT_NE(opened.error().find("no permission"), std::string::npos) << opened.error();
        EXPECT_NE(opened.error().find("setcap"), std::string::npos);
        const auto guard = Guard::start(guard_options());
        ASSERT_FALSE(guard);
        EXPECT_NE(guard.error().find("setcap"), std::string::npos) << guard.error();
      },
      false);
}

}  // namespace
}  // namespace tercet::control
