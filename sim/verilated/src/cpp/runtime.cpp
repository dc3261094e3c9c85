// SPDX-License-Identifier: MIT OR Apache-2.0
// The run-time half: contexts, what the RTL prints, and its ways to stop.

#include "runtime.h"
#include "verilated/src/ffi.rs.h"
#include "verilated_cov.h"

#include <cstdarg>
#include <cstdio>
#include <vector>

const char VERILATED_RS_RUNTIME = 0;

namespace verilated_rs {

__thread Context* current_context = nullptr;

Context::~Context() {
  if (current_context == this) {
    current_context = nullptr;
    Verilated::threadContextp(nullptr);
  }
}

void Context::adopt() {
  current_context = this;
  Verilated::threadContextp(this);
}

void Context::record(bool fatal, const char* file, int line, const char* message) {
  if (stopped) return;  // the first one tells most
  stopped = true;
  gotError(true);
  report.fatal = fatal;
  report.file = file ? file : "";
  report.line = line > 0 ? static_cast<uint32_t>(line) : 0;
  report.time = time();
  // `$stop` and failing assertions print first and stop then: the text is the reason.
  if (!fatal && !last_line_.empty() && last_line_time_ == time()) {
    report.message = last_line_;
  } else {
    report.message = message;
  }
  last_line_.clear();
}

void Context::print(const char* text, size_t length) {
  for (size_t i = 0; i < length; ++i) {
    if (text[i] != '\n') {
      line_.push_back(text[i]);
    } else {
      last_line_.swap(line_);
      last_line_time_ = time();
      line_.clear();
    }
  }
  if (capture) {
    captured.append(text, length);
  } else {
    print_text(rust::Slice<const uint8_t>{reinterpret_cast<const uint8_t*>(text), length});
  }
}

namespace {
// The runtime's setters are not const; every Context is made as a non-const object.
Context& open(const Context& context) { return const_cast<Context&>(context); }
std::string text(rust::Str str) { return std::string{str.data(), str.size()}; }
rust::String lossy(const std::string& str) { return rust::String::lossy(str); }
}  // namespace

std::unique_ptr<Context> new_context() {
  std::unique_ptr<Context> context{new Context};
  const char* const arguments[] = {"verilated"};
  context->commandArgs(1, const_cast<const char**>(arguments));
  context->randSeed(context->seed);
  context->traceEverOn(true);
  return context;
}

void add_argument(const Context& context, rust::Str argument) {
  const std::string copy = text(argument);
  const char* arguments[] = {copy.c_str()};
  open(context).commandArgsAdd(1, arguments);
}

void set_seed(const Context& context, int32_t seed) {
  open(context).seed = seed;
  open(context).enter();
  open(context).randSeed(seed);
}

void set_random_reset(const Context& context, int32_t mode) { open(context).randReset(mode); }
void set_time(const Context& context, uint64_t time) { open(context).time(time); }
uint64_t get_time(const Context& context) { return context.time(); }
int32_t get_time_precision(const Context& context) { return context.timeprecision(); }
bool is_finished(const Context& context) { return context.finished; }
void set_capture(const Context& context, bool on) { open(context).capture = on; }

rust::Vec<uint8_t> take_output(const Context& context) {
  rust::Vec<uint8_t> bytes;
  for (const char c : context.captured) bytes.push_back(static_cast<uint8_t>(c));
  open(context).captured.clear();
  return bytes;
}

Stop take_stop(const Context& context) {
  Context& self = open(context);
  Stop stop;
  stop.fatal = self.report.fatal;
  stop.file = lossy(self.report.file);
  stop.line = self.report.line;
  stop.message = lossy(self.report.message);
  stop.time = self.report.time;
  self.stopped = false;
  self.report = Report{};
  return stop;
}

void write_coverage(const Context& context, rust::Str path) {
  open(context).enter();
  open(context).coveragep()->write(text(path).c_str());
}

bool model_open_trace(Model& model, rust::Str path, bool fst) {
  model.trace.reset();
  return model.run([&] { model.open_trace(text(path), fst); });
}

bool model_has_trace(const Model& model) { return static_cast<bool>(model.trace); }

void model_dump(Model& model) {
  if (model.trace) model.trace->dump_once(model.context->time());
}

void model_flush_trace(Model& model) {
  if (model.trace) model.trace->flush();
}

void model_close_trace(Model& model) {
  model.run([&] { model.trace.reset(); });
}

bool model_save(Model& model, rust::Vec<uint8_t>& bytes) {
  return model.run([&] {
    const std::string state = model.save();
    bytes.reserve(state.size());
    for (const char c : state) bytes.push_back(static_cast<uint8_t>(c));
  });
}

bool model_restore(Model& model, rust::Slice<const uint8_t> bytes) {
  return model.run([&] {
    model.restore(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
}

bool model_final(Model& model) {
  return model.run([&] { model.final(); });
}

}  // namespace verilated_rs

using verilated_rs::Context;
using verilated_rs::current_context;

void verilated_rs_print(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, arguments);
  va_end(arguments);
  std::vector<char> buffer(length > 0 ? static_cast<size_t>(length) + 1 : 1);
  std::vsnprintf(buffer.data(), buffer.size(), format, again);
  va_end(again);
  const size_t size = buffer.size() - 1;
  if (Context* const context = current_context) {
    context->print(buffer.data(), size);
  } else {
    verilated_rs::print_text(
        rust::Slice<const uint8_t>{reinterpret_cast<const uint8_t*>(buffer.data()), size});
  }
}

// A thread of Verilator's own, in a model with threads, has no context of ours: it keeps to itself.
verilated_rs_rand_state& verilated_rs_rand() {
  static thread_local verilated_rs_rand_state of_thread{{0, 0}, 0, 1};
  return current_context ? current_context->rand : of_thread;
}

void verilated_rs_reseed(const VerilatedContext* context) {
  if (current_context && current_context == context) ++current_context->rand.epoch;
}

void vl_finish(const char* file, int line, const char*) {
  Context* const context = current_context;
  if (!context || context->finished) return;
  context->gotFinish(true);
  context->finished = true;
  context->finish_file = file ? file : "";
  context->finish_line = line > 0 ? static_cast<uint32_t>(line) : 0;
}

// Recorded, not thrown: the step ends as the RTL says, so that the trace shows a true state.
void vl_stop(const char* file, int line, const char*) {
  if (Context* const context = current_context) context->record(false, file, line, "$stop");
}

// Thrown: the runtime counts on not coming back (a loop that does not converge, a missing file).
void vl_fatal(const char* file, int line, const char*, const char* message) {
  if (Context* const context = current_context) context->record(true, file, line, message);
  throw verilated_rs::Unwind{};
}
