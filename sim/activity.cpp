// The simulator, counting transitions: Verilator traces every net's changes as a value change dump (IEEE 1364), which
// is taken in here as it is written and never reaches a file. Sampled once a cycle, so there are no glitches in it.

#include "simulator.cpp"

#include <string>
#include <unordered_map>

#include "verilated_vcd_c.h"

namespace {

struct Net {
  std::string paths;  // all its names: "a/b/c a/d"
  size_t width = 0;
  std::string value;  // "" before the first one
  uint64_t transitions = 0, high = 0, since = 0;  // of all bits; cycles at 1 (single bits only), and from when on
};

class TransitionCounter final : public VerilatedVcdFile {
 public:
  bool open(const std::string&) override { return true; }
  void close() override {}

  ssize_t write(const char* text, ssize_t length) override {
    for (ssize_t i = 0; i < length; i++) {
      if (text[i] != '\n') {
        line_ += text[i];
        continue;
      }
      if (!line_.empty()) take(line_);
      line_.clear();
    }
    return length;
  }

  // A line per net: width, transitions, cycles high, and its paths; the dump must be flushed before.
  std::string report() {
    std::string text;
    for (auto& entry : nets_) {
      Net& net = entry.second;
      if (net.value == "1") net.high += now_ - net.since;
      net.since = now_;
      text += std::to_string(net.width) + ' ' + std::to_string(net.transitions) + ' ' + std::to_string(net.high) +
              net.paths + '\n';
    }
    return text;
  }

 private:
  void take(const std::string& line) {
    if (line[0] == '#') {
      now_ = std::stoull(line.substr(1));
    } else if (line[0] == 'b') {
      const size_t space = line.find(' ');
      change(line.substr(space + 1), line.substr(1, space - 1));
    } else if (line[0] == '0' || line[0] == '1') {
      change(line.substr(1), line.substr(0, 1));
    } else {
      declare(line);
    }
  }

  // $scope module NAME $end, $upscope $end, $var KIND WIDTH CODE NAME [RANGE] $end
  void declare(const std::string& line) {
    std::vector<std::string> words;
    for (size_t at = 0; (at = line.find_first_not_of(' ', at)) != std::string::npos;) {
      const size_t end = std::min(line.find(' ', at), line.size());
      words.push_back(line.substr(at, end - at));
      at = end;
    }
    if (words.empty()) return;
    if (words[0] == "$scope") scopes_.push_back(words.at(2));
    if (words[0] == "$upscope") scopes_.pop_back();
    if (words[0] != "$var") return;
    Net& net = nets_[words.at(3)];  // names of one net share a code
    net.paths += ' ';
    for (const std::string& scope : scopes_) net.paths += scope + '/';
    net.paths += words.at(4);
    net.width = std::stoul(words.at(2));
  }

  void change(const std::string& code, std::string value) {
    Net& net = nets_[code];
    if (value.size() < net.width) value.insert(0, net.width - value.size(), '0');
    if (!net.value.empty()) {
      for (size_t i = 0; i < value.size(); i++) net.transitions += value[i] != net.value[i];
    }
    if (net.value == "1") net.high += now_ - net.since;
    net.since = now_;
    net.value = std::move(value);
  }

  std::string line_;
  std::vector<std::string> scopes_;
  std::unordered_map<std::string, Net> nets_;
  uint64_t now_ = 0;
};

std::string last_report;

}  // namespace

extern "C" {

// Clock until the interrupt, as sim_wait, and count the transitions from the clock edge number `first` of this call up
// to number `last`, exclusive. Writes to *edges how many it took.
int sim_watch(Simulator* sim, uint64_t max_cycles, uint64_t first, uint64_t last, uint64_t* edges) {
  TransitionCounter counter;
  VerilatedVcdC dump(&counter);
  sim->context.traceEverOn(true);
  sim->top->trace(&dump, 99);
  dump.open("transitions");
  int outcome = 1;
  uint64_t i = 0;
  for (; i < max_cycles && outcome == 1; i++) {
    if (i >= first && i <= last) dump.dump(i);
    sim->tick();
    if (sim->out_of_range) outcome = 2;
    else if (sim->top->irq) outcome = 0;
  }
  if (i >= first && i <= last) dump.dump(i);
  dump.flush();
  last_report = counter.report();
  dump.close();
  *edges = i;
  return outcome;
}

// The last sim_watch's nets: a line each of width, transitions, cycles high (of single bits), and its paths.
const char* sim_transitions() { return last_report.c_str(); }

}
