// The cost model for many accelerators at once, behind a C ABI. Python's (codesign/cycles.py on codesign/schedule.py)
// is the definition; tests hold the two equal.
#include <cstring>
#include <memory>

#include "timing.hpp"

namespace {

// The fields that decide a stage, in the order of the stages: configurations that agree in them share its result.
template <typename... Fields>
bool agree(const Config& a, const Config& b, Fields... fields) {
    return ((a.*fields == b.*fields) && ...);
}

bool same_distribution(const Config& a, const Config& b) {
    return agree(a, b, &Config::rows, &Config::cols, &Config::wide_rows, &Config::load_lanes);
}

bool same_placement(const Config& a, const Config& b) {
    return agree(a, b, &Config::bank_depth, &Config::words_per_beat);
}

bool same_plan(const Config& a, const Config& b) {
    return agree(a, b, &Config::acc_depth, &Config::piece_words, &Config::most_pieces);
}

}  // namespace

// counters: (count, 12), all -1 where the network does not fit at once; trace: (count, gemms, 6) or null.
extern "C" void codesign_predict(const Gemm* gemms, i64 gemm_count, const Operand* operands, const Config* configs,
                                 i64 count, Counters* counters, TraceEntry* trace) {
    Network n{gemms, gemm_count, operands};
    Readers readers(n);
    std::vector<Region> regions;
    std::unique_ptr<Distribution> distribution;
    std::unique_ptr<Placement> placement;
    std::unique_ptr<Plan> plan;
    for (i64 i = 0; i < count; ++i) {
        const Config &c = configs[i], &before = configs[i ? i - 1 : 0];
        bool distributed = distribution && same_distribution(before, c);
        bool placed = distributed && placement && same_placement(before, c);
        bool planned = placed && plan && same_plan(before, c);
        if (!placed) regions = image_regions(n, c);
        if (!distributed) distribution = std::make_unique<Distribution>(n, c, regions, readers);
        if (!placed) placement = std::make_unique<Placement>(n, c, regions, readers, *distribution);
        if (!placement->fits) {
            plan.reset();
            std::memset(&counters[i], 0xFF, sizeof counters[i]);
            continue;
        }
        if (!planned) plan = std::make_unique<Plan>(n, c, regions, *distribution, *placement);
        counters[i] = Run(n, c, *plan, trace ? trace + i * gemm_count : nullptr).run();
    }
}
