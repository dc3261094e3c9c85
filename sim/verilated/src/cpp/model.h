// SPDX-License-Identifier: MIT OR Apache-2.0
// What the runtime and every compiled model share.
#pragma once

#include "print.h"
#include "verilated.h"

#include <cstdint>
#include <exception>
#include <memory>
#include <string>

// A name with the version of Verilator in it: a model made with another one does not link.
extern "C" const char VERILATED_RS_RUNTIME;

namespace verilated_rs {

// Thrown after a fatal error of the Verilator runtime was recorded: its code must not go on.
struct Unwind {};

// The first stop that was recorded and not yet fetched.
struct Report {
  bool fatal = false;
  std::string file;
  uint32_t line = 0;
  std::string message;
  uint64_t time = 0;
};

class Context;

// The context that Verilator's own thread-local points to. A plain pointer, because reading
// Verilator's costs the call of a thread-local initialiser.
extern __thread Context* current_context;

class Context final : public VerilatedContext {
public:
  Context() { adopt(); }
  ~Context();

  // Makes this the context of the calling thread; free when it already is.
  void enter() {
    if (VL_UNLIKELY(current_context != this)) adopt();
  }
  void record(bool fatal, const char* file, int line, const char* message);
  void print(const char* text, size_t length);

  bool stopped = false;   // a report waits in `report`
  bool finished = false;  // $finish was met
  Report report;
  std::string finish_file;
  uint32_t finish_line = 0;
  bool capture = false;   // printed text goes to `captured`
  std::string captured;
  int seed = 1;
  verilated_rs_rand_state rand{{0, 0}, 0, 1};

private:
  void adopt();

  std::string line_;       // the line being printed
  std::string last_line_;  // the last complete line, a candidate for a stop's message
  uint64_t last_line_time_ = 0;
};

// An open waveform file.
class Trace {
public:
  virtual ~Trace() = default;
  virtual void dump(uint64_t time) = 0;
  virtual void flush() = 0;

  // Verilator takes one dump for each point in time; the first one wins.
  void dump_once(uint64_t time) {
    if (started_ && time <= last_) return;
    started_ = true;
    last_ = time;
    dump(time);
  }

private:
  bool started_ = false;
  uint64_t last_ = 0;
};

// What a compiled model can do apart from being evaluated.
class Model {
public:
  explicit Model(Context& context) : context{&context} {}
  virtual ~Model() = default;
  virtual void open_trace(const std::string& path, bool fst) = 0;
  virtual std::string save() = 0;
  virtual void restore(const char* bytes, size_t size) = 0;
  virtual void final() = 0;

  // Runs `body` inside the model's context. False: a stop waits in the context.
  template <typename Body>
  bool run(Body body) noexcept {
    context->enter();
    try {
      body();
    } catch (const Unwind&) {
    } catch (const std::exception& error) {
      context->record(true, "", 0, error.what());
    } catch (...) {
      context->record(true, "", 0, "C++ exception of unknown type");
    }
    return VL_LIKELY(!context->stopped);
  }

  Context* const context;
  std::unique_ptr<Trace> trace;
};

}  // namespace verilated_rs
