#pragma once
// Frames in capture files, as DPDK's pcap driver reads and writes them (pcap-savefile(5)).

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace tercet::dataplane {

/// A file of frames, written one by one.
class PcapFile {
 public:
  explicit PcapFile(const std::string& path) : file_(path, std::ios::binary) {
    // Microseconds, version 2.4, no zone, snapshot length, Ethernet.
    for (const uint32_t word : {0xa1b2c3d4U, 0x00040002U, 0U, 0U, 65535U, 1U}) {
      put(word);
    }
  }
  void add(const std::vector<uint8_t>& frame) {
    const auto size = static_cast<uint32_t>(frame.size());
    for (const uint32_t word : {0U, 0U, size, size}) {
      put(word);
    }
    file_.write(reinterpret_cast<const char*>(frame.data()), static_cast<std::streamsize>(size));
  }

 private:
  void put(uint32_t value) { file_.write(reinterpret_cast<const char*>(&value), sizeof value); }
  std::ofstream file_;
};

inline std::vector<std::vector<uint8_t>> read_pcap(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::vector<uint8_t>> frames;
  for (size_t at = 24; at + 16 <= all.size();) {
    uint32_t size = 0;
    std::memcpy(&size, all.data() + at + 8, sizeof size);
    at += 16;
    frames.emplace_back(all.begin() + static_cast<ptrdiff_t>(at),
                        all.begin() + static_cast<ptrdiff_t>(at + size));
    at += size;
  }
  return frames;
}

}  // namespace tercet::dataplane
