// The verilated system behind a C ABI: its pins, at each edge of its clock. Bytes go in and out as bits on the serial
// pins, each as long as the line's rate makes it.

#include <cstdint>
#include <deque>
#include <memory>

#include "Vsystem.h"
#include "verilated.h"

namespace {

constexpr int kByteBits = 8, kResetCycles = 8;

// Bytes onto a line: start bit, eight bits from the lowest on, stop bit.
struct Sender {
  std::deque<uint8_t> bytes;
  uint64_t bit_cycles, wait = 0;
  unsigned frame = 0, left = 0;

  bool tick() {
    if (left == 0) {
      if (bytes.empty()) return true;
      frame = bytes.front() << 1 | 1u << (kByteBits + 1);
      bytes.pop_front();
      left = kByteBits + 2;
      wait = bit_cycles;
    }
    const bool level = frame & 1;
    if (--wait == 0) {
      frame >>= 1;
      left--;
      wait = bit_cycles;
    }
    return level;
  }
};

// Bytes from a line, each bit looked at in its middle.
struct Receiver {
  std::deque<uint8_t> bytes;
  uint64_t bit_cycles, wait = 0, broken = 0;
  unsigned frame = 0, left = 0;

  void tick(bool level) {
    if (left == 0) {
      if (level) return;
      left = kByteBits + 2;
      wait = bit_cycles / 2;
      frame = 0;
      return;
    }
    if (--wait) return;
    wait = bit_cycles;
    left--;
    frame |= static_cast<unsigned>(level) << (kByteBits + 1 - left);
    if (left) return;
    if (frame & 1 || !(frame >> (kByteBits + 1))) broken++;
    else bytes.push_back(static_cast<uint8_t>(frame >> 1));
  }
};

struct System {
  VerilatedContext context;
  std::unique_ptr<Vsystem> top;
  Sender to_board;
  Receiver from_board;
  uint64_t cycles = 0;

  explicit System(uint64_t bit_cycles) : top(new Vsystem(&context)) {
    to_board.bit_cycles = from_board.bit_cycles = bit_cycles;
    top->simulated = 1;
    reset();
  }

  void reset() {
    top->rst = 1;
    for (int i = 0; i < kResetCycles; i++) tick();
    top->rst = 0;
  }

  void tick() {
    top->serial_rx = to_board.tick();
    top->clk = 0;
    top->eval();
    from_board.tick(top->serial_tx);
    top->clk = 1;
    top->eval();
    cycles++;
  }
};

}  // namespace

extern "C" {

System* system_new(uint64_t bit_cycles) { return new System(bit_cycles); }

void system_free(System* system) { delete system; }

// The board's button.
void system_reset(System* system) { system->reset(); }

uint64_t system_cycles(const System* system) { return system->cycles; }

uint32_t system_leds(const System* system) { return system->top->led; }

// Bytes from the board whose start or stop bit was none.
uint64_t system_broken(const System* system) { return system->from_board.broken; }

void system_send(System* system, const uint8_t* bytes, uint64_t count) {
  system->to_board.bytes.insert(system->to_board.bytes.end(), bytes, bytes + count);
}

// Clock until a byte has come from the board, at most so many cycles; returns how many bytes there are now.
uint64_t system_run(System* system, uint64_t cycles) {
  for (uint64_t i = 0; i < cycles && system->from_board.bytes.empty(); i++) system->tick();
  return system->from_board.bytes.size();
}

// Take up to `room` bytes from the board that are there; returns how many.
uint64_t system_receive(System* system, uint8_t* bytes, uint64_t room) {
  auto& there = system->from_board.bytes;
  uint64_t count = 0;
  for (; count < room && !there.empty(); count++) {
    bytes[count] = there.front();
    there.pop_front();
  }
  return count;
}

}
