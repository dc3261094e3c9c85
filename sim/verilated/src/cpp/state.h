// SPDX-License-Identifier: MIT OR Apache-2.0
// A model's whole state as bytes. Verilator's own classes for that write to files and end the
// process, or loop for ever, when a file is not what they expect.
#pragma once

#include "model.h"
#include "verilated_save.h"

#include <cstring>
#include <stdexcept>

namespace verilated_rs {

class Saver final : public VerilatedSerialize {
public:
  explicit Saver(std::string& bytes) : bytes_{bytes} { m_isOpen = true; }
  ~Saver() override = default;
  void flush() override {
    bytes_.append(reinterpret_cast<const char*>(m_bufp), m_cp - m_bufp);
    m_cp = m_bufp;
  }

private:
  std::string& bytes_;
};

class Restorer final : public VerilatedDeserialize {
public:
  Restorer(const char* bytes, size_t size) : bytes_{bytes}, left_{size} {
    m_isOpen = true;
    m_endp = m_bufp;
  }
  ~Restorer() override = default;
  bool spent() const { return left_ == 0 && m_cp == m_endp - filled_; }

protected:
  // Moves what is left to the start of the buffer and fills the rest, with zeros beyond the end.
  void fill() override {
    const size_t kept = m_endp - m_cp;
    std::memmove(m_bufp, m_cp, kept);
    m_cp = m_bufp;
    const size_t room = bufferSize() - kept;
    const size_t taken = left_ < room ? left_ : room;
    std::memcpy(m_bufp + kept, bytes_, taken);
    std::memset(m_bufp + kept + taken, 0, room - taken);
    bytes_ += taken;
    left_ -= taken;
    filled_ += room - taken;
    m_endp = m_bufp + bufferSize();
  }

private:
  const char* bytes_;
  size_t left_;
  size_t filled_ = 0;  // zeros at the end of the buffer
};

template <typename Top>
std::string save_state(Context& context, Top& top) {
  std::string bytes;
  Saver saver{bytes};
  saver << static_cast<VerilatedContext*>(&context);
  saver << top;
  saver.write(&context.rand, sizeof context.rand);
  saver.flush();
  return bytes;
}

template <typename Top>
void restore_state(Context& context, Top& top, const char* bytes, size_t size) {
  Restorer restorer{bytes, size};
  restorer >> static_cast<VerilatedContext*>(&context);
  restorer >> top;
  restorer.read(&context.rand, sizeof context.rand);
  if (!restorer.spent()) throw std::runtime_error{"the saved state is of another model"};
  context.finished = context.gotFinish();
}

}  // namespace verilated_rs
