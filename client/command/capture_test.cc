// capture: against a stand-in for a server's admin interface that says word for word what a test tells it.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <thread>

#include "client/command/capture_file.h"
#include "client/command/command_rig.h"
#include "dataplane/net/pcap.h"
#include "wire/opened.h"
#include "wire/seal/client_keyring.h"
#include "wire/seal/key_file.h"
#include "wire/seal/keyring.h"
#include "wire/seal/private_file.h"

namespace tercet::command {
namespace {

using dataplane::PcapDatagram;
using dataplane::PcapStep;

const Endpoint kAlice = parse_endpoint("198.18.0.21:40000").value();
const Endpoint kVirtual = parse_endpoint("198.18.0.100:8200").value();
const Endpoint kLb1 = parse_endpoint("198.18.0.1:8210").value();
const Endpoint kB1 = parse_endpoint("198.18.0.11:8210").value();

std::string chunk(const std::string& bytes) {
  std::ostringstream out;
  out << std::hex << bytes.size() << "\r\n" << bytes << "\r\n";
  return out.str();
}
const std::string kChunked = "HTTP/1.1 200 OK\r\nContent-Type: x\r\nTransfer-Encoding: chunked\r\n\r\n";
std::string page(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

/// Answers each path with what it was given; a connection whose answer is not `closed` stays open.
class FakeAdmin {
 public:
  struct Answer {
    std::string text;
    bool closed = true;
    std::string late = {};  ///< follows 100 ms later
  };
  FakeAdmin() {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeAdmin() {
    ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
    ::close(fd_);
    for (const int open : open_) {
      ::close(open);
    }
  }
  FakeAdmin(const FakeAdmin&) = delete;
  FakeAdmin& operator=(const FakeAdmin&) = delete;
  void answers(const std::string& path, const Answer& answer) {
    const std::lock_guard lock(mutex_);
    answers_[path] = answer;
  }
  std::string asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  uint16_t port = 0;

 private:
  void serve() {
    for (int one = ::accept(fd_, nullptr, nullptr); one >= 0; one = ::accept(fd_, nullptr, nullptr)) {
      std::string request;
      char buffer[1024];
      while (request.find("\r\n\r\n") == std::string::npos) {
        const ssize_t got = ::recv(one, buffer, sizeof buffer, 0);
        if (got <= 0) {
          break;
        }
        request.append(buffer, static_cast<size_t>(got));
      }
      const std::lock_guard lock(mutex_);
      asked_ += request;
      const std::string path = request.substr(4, request.find(' ', 4) - 4);
      const Answer& answer = answers_[path];
      EXPECT_EQ(::send(one, answer.text.data(), answer.text.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(answer.text.size()));
      if (!answer.late.empty()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        EXPECT_EQ(::send(one, answer.late.data(), answer.late.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(answer.late.size()));
      }
      if (answer.closed) {
        ::close(one);
      } else {
        open_.push_back(one);
      }
    }
  }
  int fd_ = -1;
  std::mutex mutex_;
  std::map<std::string, Answer> answers_;
  std::string asked_;
  std::vector<int> open_;
  std::thread thread_;
};

class CaptureTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "tercet_capture_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir = pattern;
    config = dir + "/lb1.toml";
    file = dir + "/out.pcap";
    ASSERT_TRUE(seal::write_server_keys(dir + "/lb1.key", keys.servers[0]).has_value());
    write_config("");
    admin.answers("/v1/capture/counts", {page(200, R"({"running":true,"datagrams":9,"lost":0})")});
  }
  void TearDown() override { std::filesystem::remove_all(dir); }
  void write_config(const std::string& more) {
    ASSERT_TRUE(
        write_file_durably(config, "[cell]\nid = \"" + seal::text_of(keys.client.cell) +
                                       "\"\nname = \"lb1\"\nkeys = \"lb1.key\"\n[clients]\n" +
                                       "virtual_ips = [\"198.18.0.100/24\"]\n[admin]\nlisten = \"127.0.0.1:" +
                                       std::to_string(admin.port) + "\"\n" + more)
            .has_value());
  }
  /// A query, its reply, an Accept and a vote, as lb1 sees them.
  std::vector<std::string> conversation() {
    std::vector<std::string> records;
    const auto add = [&](const Endpoint& from, const Endpoint& to, size_t size) {
      std::vector<uint8_t> record(size + dataplane::kPcapOverheadMax);
      const size_t length =
          dataplane::write_pcap_datagram({at += 1'000, from, to, Bytes(sealed).first(size)}, record);
      records.emplace_back(as_text(Bytes(record).first(length)));
    };
    add(kAlice, kVirtual, client.seal_query(as_bytes("query"), sealed));
    add(kVirtual, kAlice, lb.seal_reply({keys.client.access, client.session()}, as_bytes("reply"), sealed));
    add(kLb1, kB1, lb.seal_to_server(ServerId::b1, as_bytes("accept"), sealed));
    add(kB1, kLb1, b1.seal_to_server(ServerId::lb1, as_bytes("vote"), sealed));
    return records;
  }
  static std::string header() {
    const auto bytes = dataplane::pcap_file_header();
    return std::string(as_text(bytes_of(bytes)));
  }
  Said capture(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"capture", "lb1", file, "--config", config};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return tercet(arguments);
  }
  [[nodiscard]] std::string written() const {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  /// Payloads in the file.
  [[nodiscard]] std::vector<std::string> payloads() const {
    const std::string all = written();
    EXPECT_EQ(all.substr(0, header().size()), header());
    Bytes rest = as_bytes(all).subspan(std::min(all.size(), header().size()));
    std::vector<std::string> out;
    PcapDatagram datagram;
    for (size_t size = 0; parse_pcap_datagram(rest, datagram, size) == PcapStep::datagram;
         rest = rest.subspan(size)) {
      out.emplace_back(as_text(datagram.payload));
    }
    EXPECT_TRUE(rest.empty()) << "the file is whole";
    return out;
  }

  FakeAdmin admin;
  seal::CellKeys keys = seal::generate_cell_keys(seal::Algorithm::chacha20_poly1305);
  seal::Keyring lb{keys.servers[0]};
  seal::Keyring b1{keys.servers[2]};
  seal::ClientKeyring client{keys.client};
  std::vector<uint8_t> sealed = std::vector<uint8_t>(1'500);
  int64_t at = 1'767'225'600'000'000'000;
  std::string dir, config, file;
};

TEST_F(CaptureTest, WritesWhatComesUntilItHasEnough) {
  const auto records = conversation();
  admin.answers("/v1/capture", {kChunked + chunk(header()) + chunk(records[0] + records[1]) +
                                    chunk(records[2]) + chunk(records[3]),
                                false});
  const Said said = capture({"--packets", "3", "--json"});
  EXPECT_EQ(said.code, 0) << said.err;
  EXPECT_EQ(said.doc()["datagrams"], 3);
  EXPECT_EQ(said.doc()["lost"], 0);
  EXPECT_EQ(said.doc()["host"], "lb1");
  EXPECT_EQ(written(), header() + records[0] + records[1] + records[2]);
  struct stat info {};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(CaptureTest, AFileThatIsThereGivesWayToANewOneThatOnlyItsOwnerReads) {
  admin.answers("/v1/capture", {kChunked + chunk(header()), false});
  std::ofstream(file) << "what an earlier capture left";
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  std::ifstream reader(file);  // had it open already
  const mode_t before = ::umask(0777);
  const Said said = capture({"--seconds", "10ms"});
  ::umask(before);
  EXPECT_EQ(said.code, 0) << said.err;
  struct stat info {};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
  EXPECT_EQ(written(), header());
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(reader), {}), "what an earlier capture left")
      << "and sees nothing of the new one";
}

TEST_F(CaptureTest, WhatIsNoFileOfItsOwnIsLeftAlone) {
  admin.answers("/v1/capture", {kChunked + chunk(header()), false});
  const std::string target = dir + "/target";
  std::ofstream(target) << "another's";
  ASSERT_EQ(::symlink(target.c_str(), file.c_str()), 0);
  const Said link = capture({"--seconds", "10ms"});
  EXPECT_EQ(link.code, 2);
  EXPECT_NE(link.err.find("is a symbolic link"), std::string::npos) << link.err;
  expect_message(link);
  EXPECT_EQ(std::filesystem::file_size(target), 9U);
  ASSERT_EQ(::unlink(file.c_str()), 0);
  ASSERT_EQ(::mkfifo(file.c_str(), 0644), 0);
  const Said fifo = capture({"--seconds", "10ms"});
  EXPECT_EQ(fifo.code, 2);
  EXPECT_NE(fifo.err.find("is no regular file"), std::string::npos) << fifo.err;
  expect_message(fifo);
  struct stat info {};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0644U) << "nor is its mode changed";
}

TEST_F(CaptureTest, ARecordMayComeInPieces) {
  const auto records = conversation();
  std::string answer = kChunked;
  const std::string whole = header() + records[0] + records[1];
  for (const char byte : whole) {
    answer += chunk(std::string(1, byte));
  }
  admin.answers("/v1/capture", {answer, false});
  EXPECT_EQ(capture({"--packets", "2"}).code, 0);
  EXPECT_EQ(written(), whole);
}

TEST_F(CaptureTest, OpensWithTheServersKeysWhatItCan) {
  auto records = conversation();
  std::string damaged = records[3];
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  admin.answers(
      "/v1/capture",
      {kChunked + chunk(header() + records[0] + records[1] + records[2] + records[3] + damaged), false});
  const Said said = capture({"--packets", "5", "--opened", "--json"});
  ASSERT_EQ(said.code, 0) << said.err;
  EXPECT_EQ(said.doc()["datagrams"], 5);
  EXPECT_EQ(said.doc()["opened"], 4);
  const auto got = payloads();
  ASSERT_EQ(got.size(), 5U);
  const char* plain[] = {"query", "reply", "accept", "vote"};
  for (size_t i = 0; i < 4; ++i) {
    const OpenedMark mark;
    ASSERT_GT(got[i].size(), sizeof mark + kHeaderSize);
    EXPECT_EQ(std::memcmp(got[i].data(), &mark, sizeof mark), 0) << i;
    EXPECT_EQ(got[i].substr(sizeof mark, kHeaderSize), records[i].substr(16 + 28, kHeaderSize))
        << "its header";
    EXPECT_EQ(got[i].substr(sizeof mark + kHeaderSize), plain[i]);
  }
  EXPECT_EQ(got[4], damaged.substr(16 + 28)) << "as it was";
}

TEST_F(CaptureTest, EndsAfterItsTimeAndAtASignal) {
  admin.answers("/v1/capture", {kChunked + chunk(header()), false});
  admin.answers("/v1/capture/counts", {page(200, R"({"running":true,"datagrams":9,"lost":7})")});
  const Said timed = capture({"--seconds", "100ms"});
  EXPECT_EQ(timed.code, 0) << timed.err;
  EXPECT_NE(timed.out.find("0 datagrams of lb1"), std::string::npos) << timed.out;
  EXPECT_NE(timed.out.find("7 more came too fast and were lost"), std::string::npos) << timed.out;
  EXPECT_EQ(written(), header());

  std::thread signal([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    ::kill(::getpid(), SIGINT);
  });
  const Said interrupted = capture();
  signal.join();
  EXPECT_EQ(interrupted.code, 0) << interrupted.err;
}

TEST_F(CaptureTest, ItsTimeCountsFromItsBeginning) {
  admin.answers("/v1/capture", {kChunked, false, chunk(header())});
  const Said slow = capture({"--seconds", "10ms"});
  EXPECT_EQ(slow.code, 0) << slow.err;
  EXPECT_EQ(written(), header()) << "a whole file, however slow the server is";
}

TEST_F(CaptureTest, OneThatDoesNotBeginIsGivenUp) {
  admin.answers("/v1/capture", {kChunked, false});
  const Said never = capture();
  EXPECT_EQ(never.code, 4);
  EXPECT_EQ(never.out, "");
  EXPECT_NE(never.err.find("tercet: lb1 answered, but its capture did not begin"), std::string::npos)
      << never.err;
}

TEST_F(CaptureTest, AServerThatStopsEndsItAndThatIsSaid) {
  const auto records = conversation();
  for (const std::string& end : {std::string("0\r\n\r\n"), std::string()}) {
    admin.answers("/v1/capture", {kChunked + chunk(header() + records[0]) + end});
    const Said said = capture();
    EXPECT_EQ(said.code, 1);
    EXPECT_NE(said.err.find("tercet: lb1 ended the capture"), std::string::npos) << said.err;
    EXPECT_EQ(written(), header() + records[0]) << "what came is kept";
  }
}

TEST_F(CaptureTest, WhatIsNoCaptureIsNotWritten) {
  const auto records = conversation();
  for (const std::string& bytes : {std::string(100, 'x'), header() + std::string(100, '\xFF')}) {
    admin.answers("/v1/capture", {kChunked + chunk(bytes), false});
    const Said said = capture();
    EXPECT_EQ(said.code, 1);
    EXPECT_NE(said.err.find("is no capture"), std::string::npos) << said.err;
  }
  for (const std::string& answer :
       {std::string("SSH-2.0\r\n\r\n"), std::string("HTTP/1.1\r\n\r\n"), std::string()}) {
    admin.answers("/v1/capture", {answer});
    const Said said = capture();
    EXPECT_EQ(said.code, 4) << answer;
    expect_message(said);
  }
  admin.answers("/v1/capture", {kChunked + "zz\r\nxx"});
  EXPECT_EQ(capture().code, 1);
}

TEST_F(CaptureTest, RefusalsOfTheServer) {
  admin.answers("/v1/capture", {page(409, R"({"error":"another capture of this server goes on: wait"})")});
  const Said busy = capture();
  EXPECT_EQ(busy.code, 4);
  EXPECT_NE(busy.err.find("another capture of this server goes on"), std::string::npos) << busy.err;
  expect_message(busy);
  EXPECT_NE(::access(file.c_str(), F_OK), 0) << "nothing was made, or overwritten";
  admin.answers("/v1/capture", {page(404, "")});
  const Said old = capture();
  EXPECT_EQ(old.code, 2);
  EXPECT_NE(old.err.find("HTTP status 404"), std::string::npos) << old.err;
}

TEST_F(CaptureTest, TheTokenIsShownWhereOneIsConfigured) {
  admin.answers("/v1/capture", {kChunked + chunk(header()), false});
  write_config("token_file = \"token\"\n");
  const Said without = capture({"--seconds", "10ms"});
  EXPECT_EQ(without.code, 2);
  EXPECT_NE(without.err.find("token"), std::string::npos) << without.err;
  ASSERT_TRUE(seal::write_private_file(dir + "/token", "0123456789abcdef0123\n").has_value());
  EXPECT_EQ(capture({"--seconds", "10ms"}).code, 0);
  EXPECT_NE(admin.asked().find("Authorization: Bearer 0123456789abcdef0123\r\n"), std::string::npos);
}

TEST_F(CaptureTest, WhoMayNotReadTheKeyFileSeesNothingOpened) {
  admin.answers("/v1/capture", {kChunked + chunk(header()), false});
  ASSERT_EQ(std::filesystem::remove(dir + "/lb1.key"), true);
  const Said opened = capture({"--opened", "--seconds", "10ms"});
  EXPECT_EQ(opened.code, 2);
  EXPECT_NE(opened.err.find("lb1.key"), std::string::npos) << opened.err;
  expect_message(opened);
  EXPECT_EQ(admin.asked(), "") << "nothing was asked for";
  EXPECT_EQ(capture({"--seconds", "10ms"}).code, 0) << "sealed needs no key";
}

TEST_F(CaptureTest, BadInput) {
  admin.answers("/v1/capture", {kChunked + chunk(header()), false});
  const struct {
    std::vector<std::string> arguments;
    int code;
    const char* says;
  } cases[] = {
      {{"capture", "lb3", file, "--config", config}, 2, "there is no host lb3"},
      {{"capture", "", file, "--config", config}, 2, "empty"},
      {{"capture", "lb2", file, "--config", config}, 2, "this is the configuration of lb1"},
      {{"capture", "lb1", file, "--config", dir + "/none.toml"}, 2, "none.toml"},
      {{"capture", "lb1", file, "--config", config, "--seconds", "soon"}, 2, "is no time to run"},
      {{"capture", "lb1", file, "--config", config, "--packets", "-1"}, 2, "--packets"},
      {{"capture", "lb1", dir + "/no/such/folder.pcap", "--config", config}, 2, "cannot be written"},
      {{"capture", "lb1", dir, "--config", config}, 2, "is no regular file"},
      {{"capture", "lb1", "-", "--config", config, "--json"}, 2, "leave --json out"},
      {{"capture", "lb1"}, 2, "FILE"},
      {{"capture"}, 2, "HOST"},
  };
  for (const auto& one : cases) {
    const Said said = tercet(one.arguments);
    EXPECT_EQ(said.code, one.code) << one.says;
    EXPECT_NE(said.err.find(one.says), std::string::npos) << said.err;
    expect_message(said);
  }
  ASSERT_TRUE(
      write_file_durably(
          config, "[cell]\nid = \"0123456789abcdef\"\nname = \"lb1\"\n[admin]\nlisten = \"127.0.0.1:1\"\n")
          .has_value());
  const Said nobody = capture();
  EXPECT_EQ(nobody.code, 4);
  EXPECT_NE(nobody.err.find("no answer from lb1 at 127.0.0.1:1"), std::string::npos) << nobody.err;
}

TEST_F(CaptureTest, AFullDiskIsSaidAndWhatIsThereIsWhole) {
  admin.answers("/v1/capture", {kChunked + chunk(header()) + chunk(conversation()[0]), false});
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  // Stands in for it: no file of this process grows beyond the middle of the first packet.
  const rlimit small{.rlim_cur = header().size() + 10, .rlim_max = before.rlim_max};
  ::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Said said = capture();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(said.code, 1);
  EXPECT_NE(said.err.find("cannot be written any more (File too large)"), std::string::npos) << said.err;
  EXPECT_EQ(written(), header());
}

}  // namespace
}  // namespace tercet::command
