// SPDX-License-Identifier: MIT OR Apache-2.0
// Forced into every translation unit: what the RTL prints goes to Rust (so that the test harness
// can capture it), and $finish, $stop and fatal errors are recorded instead of ending the process.
#pragma once
void verilated_rs_print(const char* format, ...) __attribute__((format(printf, 1, 2)));
#define VL_PRINTF verilated_rs_print
#define VL_USER_FINISH 1
#define VL_USER_STOP 1
#define VL_USER_FATAL 1
