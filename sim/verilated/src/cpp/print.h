// SPDX-License-Identifier: MIT OR Apache-2.0
// Forced into every translation unit: what the RTL prints goes to Rust (so that the test harness
// can capture it), $finish, $stop and fatal errors are recorded instead of ending the process, and
// random numbers belong to the context.
#pragma once
#include <cstdint>
class VerilatedContext;

// Random numbers of a context: seeded anew when `seen` is not `epoch`.
struct verilated_rs_rand_state {
  uint64_t state[2];
  uint32_t seen;
  uint32_t epoch;
};
verilated_rs_rand_state& verilated_rs_rand();
void verilated_rs_reseed(const VerilatedContext* context);
void verilated_rs_print(const char* format, ...) __attribute__((format(printf, 1, 2)));
#define VL_PRINTF verilated_rs_print
#define VL_USER_FINISH 1
#define VL_USER_STOP 1
#define VL_USER_FATAL 1
