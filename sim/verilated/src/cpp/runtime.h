// SPDX-License-Identifier: MIT OR Apache-2.0
// The calls that Rust makes across the cxx bridge of src/ffi.rs.
#pragma once

#include "model.h"
#include "rust/cxx.h"

namespace verilated_rs {

struct Stop;

std::unique_ptr<Context> new_context();
void add_argument(const Context& context, rust::Str argument);
void set_seed(const Context& context, int32_t seed);
void set_random_reset(const Context& context, int32_t mode);
void set_time(const Context& context, uint64_t time);
uint64_t get_time(const Context& context);
int32_t get_time_precision(const Context& context);
bool is_finished(const Context& context);
void set_capture(const Context& context, bool on);
rust::Vec<uint8_t> take_output(const Context& context);
Stop take_stop(const Context& context);
void write_coverage(const Context& context, rust::Str path);

bool model_open_trace(Model& model, rust::Str path, bool fst);
bool model_has_trace(const Model& model);
void model_dump(Model& model);
void model_flush_trace(Model& model);
void model_close_trace(Model& model);
bool model_save(Model& model, rust::Vec<uint8_t>& bytes);
bool model_restore(Model& model, rust::Slice<const uint8_t> bytes);
bool model_final(Model& model);

}  // namespace verilated_rs
