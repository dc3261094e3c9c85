// SPDX-License-Identifier: MIT OR Apache-2.0
// The bare loop of the speed bench: the same clock cycles as speed.rs, without Rust.
// Reads a number of cycles from each line of standard input, answers with nanoseconds and checksum.
#include <chrono>
#include <cinttypes>
#include <cstdio>

int main() {
  VerilatedContext context;
  Bare top{&context};
  uint64_t word = 0x9e3779b97f4a7c15;
  uint32_t beat = 0;
  auto cycle = [&] {
    top.clk = 0;
    top.eval();
    const bool taken = top.in_valid && top.in_ready;
    context.timeInc(1);
    top.clk = 1;
    top.eval();
    context.timeInc(1);
    if (taken) {
      word = word * 6364136223846793005 + 1442695040888963407;
      ++beat;
      top.in_data = word;
      top.in_last = beat % 24 == 23;
      top.in_keep = top.in_last ? 0x0f : 0xff;
    }
    top.out_ready = beat % 16 != 15 || top.out_last;
  };
  top.rst = 1;
  top.out_ready = 1;
  cycle();
  cycle();
  top.rst = 0;
  top.in_valid = 1;
  unsigned long cycles;
  while (std::scanf("%lu", &cycles) == 1) {
    const auto begin = std::chrono::steady_clock::now();
    for (unsigned long i = 0; i < cycles; ++i) cycle();
    const auto end = std::chrono::steady_clock::now();
    const auto passed = std::chrono::duration_cast<std::chrono::nanoseconds>(end - begin).count();
    std::printf("%lld %" PRIu32 "\n", static_cast<long long>(passed), top.checksum);
    std::fflush(stdout);
  }
}
