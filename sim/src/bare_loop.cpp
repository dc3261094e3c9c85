// SPDX-License-Identifier: MIT OR Apache-2.0
// A recorded run of the adapter without Rust, as fast as a plain loop around the model can be: the yardstick of `toe bench`.
// Usage: PROGRAM RECORDING. Then, for each line on standard input, clocks a fresh model through the recording and
// answers with nanoseconds and the number of bytes that the adapter wrote. The file's format: recording.rs.
#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

namespace {

struct Stimulus {
  uint64_t cycle;
  uint64_t kind;  // 0 frame, 1 register write, 2 register read
  uint64_t word;  // frame: bytes; otherwise offset << 32 | value
  const uint8_t* bytes;
};

struct Recording {
  std::vector<uint64_t> words;
  uint64_t cycles, latency, memory_base, memory_bytes;
  std::vector<Stimulus> stimuli;
};

Recording load(const char* path) {
  Recording recording;
  FILE* file = std::fopen(path, "rb");
  if (!file) {
    std::perror(path);
    std::exit(2);
  }
  uint64_t word;
  while (std::fread(&word, 8, 1, file) == 1) recording.words.push_back(word);
  std::fclose(file);
  const uint64_t* at = recording.words.data();
  recording.cycles = *at++;
  recording.latency = *at++;
  recording.memory_base = *at++;
  recording.memory_bytes = *at++;
  for (uint64_t count = *at++; count > 0; --count) {
    Stimulus stimulus{at[0], at[1], at[2], reinterpret_cast<const uint8_t*>(at + 3)};
    at += 3;
    if (stimulus.kind == 0) at += (stimulus.word + 7) / 8;
    recording.stimuli.push_back(stimulus);
  }
  return recording;
}

struct Burst {
  uint64_t address;
  uint32_t beats;
};

struct Beat {
  uint64_t data;
  uint8_t strobe;
};

// Bytes written, and the time that the clocks took.
struct Result {
  uint64_t written;
  long long nanoseconds;
};

Result run(const Recording& recording, uint8_t* memory) {
  VerilatedContext context;
  const auto model = std::make_unique<Bare>(&context);
  Bare& top = *model;
  uint64_t cycle = 0;
  auto clock = [&] {
    top.clk = 0;
    top.eval();
    context.timeInc(1);
    top.clk = 1;
    top.eval();
    context.timeInc(1);
  };
  top.rst = 1;
  for (int i = 0; i < 8; ++i) clock();
  top.rst = 0;
  top.s_axil_bready = 1;
  top.s_axil_rready = 1;
  top.s_axil_wstrb = 0xf;
  top.m_axi_awready = 1;
  top.m_axi_wready = 1;

  size_t next = 0;
  std::deque<const Stimulus*> frames, accesses;
  uint64_t offset = 0;
  bool beat_valid = false, in_access = false, address_open = false, data_open = false;
  std::deque<Burst> bursts;
  std::deque<Beat> beats;
  std::deque<uint64_t> responses;
  uint32_t done = 0;
  bool response_shown = false;
  uint64_t written = 0;
  const auto begin = std::chrono::steady_clock::now();
  while (cycle < recording.cycles) {
    while (next < recording.stimuli.size() && recording.stimuli[next].cycle <= cycle) {
      const Stimulus& stimulus = recording.stimuli[next++];
      (stimulus.kind == 0 ? frames : accesses).push_back(&stimulus);
    }
    // Outputs of this cycle, before the inputs change.
    const bool frame_ready = top.s_axis_rx_tready;
    const bool aw = top.m_axi_awvalid, w = top.m_axi_wvalid, b = top.m_axi_bready;
    const uint64_t aw_address = top.m_axi_awaddr, w_data = top.m_axi_wdata;
    const uint8_t aw_length = top.m_axi_awlen, w_strobe = top.m_axi_wstrb;
    const bool awready = top.s_axil_awready, wready = top.s_axil_wready;
    const bool bvalid = top.s_axil_bvalid, arready = top.s_axil_arready, rvalid = top.s_axil_rvalid;
    // The frame stream.
    if (!beat_valid && !frames.empty()) beat_valid = true;
    top.s_axis_rx_tvalid = beat_valid;
    bool last = false;
    if (beat_valid) {
      const Stimulus& frame = *frames.front();
      const uint64_t rest = frame.word - offset;
      last = rest <= 8;
      std::memcpy(&top.s_axis_rx_tdata, frame.bytes + offset, 8);
      top.s_axis_rx_tkeep = rest >= 8 ? 0xff : (1 << rest) - 1;
      top.s_axis_rx_tlast = last;
    }
    // The register port.
    if (!in_access && !accesses.empty()) {
      in_access = true;
      address_open = true;
      data_open = accesses.front()->kind == 1;
    }
    const bool is_write = in_access && accesses.front()->kind == 1;
    top.s_axil_awvalid = is_write && address_open;
    top.s_axil_wvalid = is_write && data_open;
    top.s_axil_arvalid = in_access && !is_write && address_open;
    if (in_access) {
      top.s_axil_awaddr = top.s_axil_araddr = accesses.front()->word >> 32 & 0xfff;
      top.s_axil_wdata = static_cast<uint32_t>(accesses.front()->word);
    }
    // Host memory.
    if (!response_shown && !responses.empty() && responses.front() <= cycle) {
      responses.pop_front();
      response_shown = true;
    }
    top.m_axi_bvalid = response_shown;
    ++cycle;
    if (aw) bursts.push_back({aw_address & ~uint64_t{7}, aw_length + 1u});
    if (w) beats.push_back({w_data, w_strobe});
    if (response_shown && b) response_shown = false;
    while (!beats.empty() && !bursts.empty()) {
      const Burst& burst = bursts.front();
      const uint64_t at = burst.address + 8 * done - recording.memory_base;
      if (at + 8 > recording.memory_bytes) std::exit(3);
      const Beat beat = beats.front();
      beats.pop_front();
      if (beat.strobe == 0xff) {
        std::memcpy(memory + at, &beat.data, 8);
      } else {
        for (int lane = 0; lane < 8; ++lane) {
          if (beat.strobe >> lane & 1) memory[at + lane] = beat.data >> 8 * lane;
        }
      }
      written += __builtin_popcount(beat.strobe);
      if (++done == burst.beats) {
        responses.push_back(cycle + recording.latency);
        bursts.pop_front();
        done = 0;
      }
    }
    if (beat_valid && frame_ready) {
      offset += 8;
      if (last) {
        frames.pop_front();
        offset = 0;
        beat_valid = !frames.empty();
      }
    }
    if (in_access) {
      if (is_write) {
        if (awready) address_open = false;
        if (wready) data_open = false;
        if (!address_open && !data_open && bvalid) in_access = false;
      } else if (address_open) {
        if (arready) address_open = false;
      } else if (rvalid) {
        in_access = false;
      }
      if (!in_access) accesses.pop_front();
    }
    clock();
  }
  const auto end = std::chrono::steady_clock::now();
  const auto passed = std::chrono::duration_cast<std::chrono::nanoseconds>(end - begin).count();
  return {written, static_cast<long long>(passed)};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const Recording recording = load(argv[1]);
  auto* memory = static_cast<uint8_t*>(std::calloc(recording.memory_bytes, 1));
  char line[64];
  while (memory && std::fgets(line, sizeof line, stdin)) {
    const Result result = run(recording, memory);
    std::printf("%lld %" PRIu64 "\n", result.nanoseconds, result.written);
    std::fflush(stdout);
  }
}
