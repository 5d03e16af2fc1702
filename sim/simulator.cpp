// The verilated accelerator behind a C ABI, with the memory on its AXI master.
//
// One cycle: inputs are set, outputs settle, transfers are noted, the clock rises. The memory follows
// codesign.accelerator.Memory: a read accepted in cycle a gives its first beat no earlier than a + latency, beats
// leave in order at most one a cycle and no faster than the bandwidth, counted in tenths of a byte. Writes see the
// same on their own channel, and their responses come latency cycles after their beat.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

#include "Vaccelerator.h"
#include "Vaccelerator___024root.h"
#include "banks.h"  // generated: BANKS(X), BUS_BYTES, BANK_DEPTH
#include "verilated.h"

namespace {

constexpr int64_t kBeat = BUS_BYTES;

// Ports of up to 64 bits are integers, wider ones arrays of 32-bit words.
template <typename Port> void set_port(Port& port, const uint8_t* bytes) { std::memcpy(&port, bytes, kBeat); }
template <typename Port> void get_port(const Port& port, uint8_t* bytes) { std::memcpy(bytes, &port, kBeat); }

// When beats leave a channel: as late as the one before it plus its own time, in units of 1/rate cycles.
struct Channel {
  int64_t rate = 1, cost = 1, busy_until = 0;
  void configure(int64_t decibytes_per_cycle) {
    rate = decibytes_per_cycle;
    cost = std::max<int64_t>(10 * kBeat, rate);
    busy_until = -cost;  // idle
  }
  int64_t leave(int64_t earliest_cycle) {
    const int64_t next = busy_until + cost, earliest = earliest_cycle * rate;
    busy_until = std::max(next, earliest);
    return (busy_until + rate - 1) / rate;
  }
};

struct ReadBeat { int64_t cycle, address; bool last; };
struct Response { int64_t cycle; int code; };

constexpr int kOkay = 0, kDecodeError = 3;  // AXI responses

struct Simulator {
  VerilatedContext context;
  std::unique_ptr<Vaccelerator> top;
  std::vector<uint8_t> own;
  uint8_t* memory = nullptr;  // `own`, or somebody else's
  int64_t base = 0, memory_bytes = 0;
  int64_t now = 0, latency = 40;
  Channel read_channel, write_channel;
  std::deque<ReadBeat> reads;
  std::deque<int64_t> write_addresses;
  std::deque<Response> responses;
  bool out_of_range = false;

  Simulator() : top(new Vaccelerator(&context)) {
    top->rst = 1;
    for (int i = 0; i < 4; i++) tick();
    top->rst = 0;
  }

  bool inside(int64_t address) const { return address >= base && address + kBeat <= base + memory_bytes; }

  uint8_t* at(int64_t address) {
    static uint8_t nowhere[kBeat];
    if (inside(address)) return memory + (address - base);
    out_of_range = true;
    return nowhere;
  }

  void tick() {
    const bool have_read = !reads.empty() && reads.front().cycle <= now;
    top->m_axi_arready = 1;
    top->m_axi_awready = 1;
    top->m_axi_wready = !write_addresses.empty() || top->m_axi_awvalid;
    top->m_axi_rvalid = have_read;
    top->m_axi_rresp = kOkay;
    if (have_read) {
      if (!inside(reads.front().address)) top->m_axi_rresp = kDecodeError;
      set_port(top->m_axi_rdata, at(reads.front().address));
      top->m_axi_rlast = reads.front().last;
    }
    const bool have_response = !responses.empty() && responses.front().cycle <= now;
    top->m_axi_bvalid = have_response;
    top->m_axi_bresp = have_response ? responses.front().code : kOkay;
    top->clk = 0;
    top->eval();

    if (!top->rst) {
      if (top->m_axi_arvalid) accept_read();
      if (top->m_axi_awvalid) write_addresses.push_back(top->m_axi_awaddr);
      if (top->m_axi_wvalid && top->m_axi_wready) accept_write();
      if (have_read && top->m_axi_rready) reads.pop_front();
      if (have_response && top->m_axi_bready) responses.pop_front();
    }
    top->clk = 1;
    top->eval();
    now++;
  }

  void accept_read() {
    const unsigned beats = top->m_axi_arlen + 1u;
    for (unsigned i = 0; i < beats; i++) {
      const int64_t address = static_cast<int64_t>(top->m_axi_araddr) + i * kBeat;
      reads.push_back({read_channel.leave(now + latency), address, i + 1 == beats});
    }
  }

  void accept_write() {
    uint8_t bytes[kBeat];
    get_port(top->m_axi_wdata, bytes);
    uint8_t* target = at(write_addresses.front());
    for (int64_t i = 0; i < kBeat; i++) {
      if (static_cast<uint64_t>(top->m_axi_wstrb) >> i & 1) target[i] = bytes[i];
    }
    responses.push_back({write_channel.leave(now) + latency, inside(write_addresses.front()) ? kOkay : kDecodeError});
    write_addresses.pop_front();
  }

  // One AXI4-Lite transfer; returns its response, or -1 if there is none in time.
  int write_register(uint32_t address, uint32_t value) {
    top->s_axi_awaddr = address;
    top->s_axi_wdata = value;
    top->s_axi_wstrb = 15;
    top->s_axi_awvalid = top->s_axi_wvalid = top->s_axi_bready = 1;
    for (int i = 0; i < 100; i++) {
      top->clk = 0;
      top->eval();
      const bool address_taken = top->s_axi_awready, data_taken = top->s_axi_wready;
      const bool answered = top->s_axi_bvalid;
      const int response = top->s_axi_bresp;
      tick();
      if (address_taken) top->s_axi_awvalid = 0;
      if (data_taken) top->s_axi_wvalid = 0;
      if (answered) {
        top->s_axi_bready = 0;
        return response;
      }
    }
    return -1;
  }

  int read_register(uint32_t address, uint32_t* value) {
    top->s_axi_araddr = address;
    top->s_axi_arvalid = top->s_axi_rready = 1;
    for (int i = 0; i < 100; i++) {
      top->clk = 0;
      top->eval();
      const bool address_taken = top->s_axi_arready, answered = top->s_axi_rvalid;
      const int response = top->s_axi_rresp;
      *value = top->s_axi_rdata;
      tick();
      if (address_taken) top->s_axi_arvalid = 0;
      if (answered) {
        top->s_axi_rready = 0;
        return response;
      }
    }
    return -1;
  }
};

}  // namespace

extern "C" {

Simulator* sim_new(uint64_t memory_bytes) {
  auto* sim = new Simulator;
  sim->own.assign(memory_bytes, 0);
  sim->memory = sim->own.data();
  sim->memory_bytes = static_cast<int64_t>(memory_bytes);
  return sim;
}

void sim_free(Simulator* sim) { delete sim; }

uint8_t* sim_memory(Simulator* sim) { return sim->memory; }

// From now on the memory is `memory`, at addresses from `base` on. The caller keeps it.
void sim_attach(Simulator* sim, uint8_t* memory, uint64_t base, uint64_t memory_bytes) {
  sim->memory = memory;
  sim->base = static_cast<int64_t>(base);
  sim->memory_bytes = static_cast<int64_t>(memory_bytes);
}

int sim_interrupt(Simulator* sim) { return sim->top->irq; }

// Set the memory's timing; the memory is idle then.
void sim_configure(Simulator* sim, uint64_t decibytes_per_cycle, uint64_t latency_cycles) {
  sim->read_channel.configure(decibytes_per_cycle);
  sim->write_channel.configure(decibytes_per_cycle);
  sim->latency = latency_cycles;
}

int sim_write_register(Simulator* sim, uint32_t address, uint32_t value) { return sim->write_register(address, value); }

int sim_read_register(Simulator* sim, uint32_t address, uint32_t* value) { return sim->read_register(address, value); }

// Clock until the interrupt, at most max_cycles. Returns 0, or 1 out of time, or 2 for an access outside the memory,
// which is answered with an error; clocking may go on.
int sim_wait(Simulator* sim, uint64_t max_cycles) {
  for (uint64_t i = 0; i < max_cycles; i++) {
    sim->tick();
    if (sim->out_of_range) {
      sim->out_of_range = false;
      return 2;
    }
    if (sim->top->irq) return 0;
  }
  return 1;
}

// All banks, bank after bank, one word a byte.
void sim_banks(Simulator* sim, uint8_t* words) {
#define COPY(name) \
  for (uint32_t i = 0; i < BANK_DEPTH; i++) *words++ = sim->top->rootp->name[i];
  BANKS(COPY)
#undef COPY
}

}
