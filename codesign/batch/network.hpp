// What is priced: the fields of config and gemm are made by layout.py (fields.hpp), where the values come from.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "fields.hpp"

using i64 = std::int64_t;

constexpr i64 IMAGE = -1;  // a source: the input image instead of a Gemm

struct Network {
    const Gemm* gemms;
    i64 count;
    const Operand* operands;

    const Operand* operands_of(i64 gemm) const { return operands + gemms[gemm].first_operand; }
    bool reads_image(i64 gemm) const { return operands_of(gemm)->source == IMAGE; }
};

inline i64 ceil_div(i64 a, i64 b) { return a >= 0 ? (a + b - 1) / b : -(-a / b); }

// The order in which a pass visits the pixels of a map: codesign/windows.py.
struct Windows {
    i64 height, width, padding;  // -1: no pool, a window a pixel

    i64 step() const { return padding < 0 ? 1 : 2; }
    i64 first() const { return padding < 0 ? 0 : -padding; }
    i64 along(i64 size) const { return padding < 0 ? size : (size + 2 * padding - 2) / 2 + 1; }
    i64 columns() const { return along(width); }
    i64 count() const { return along(height) * columns(); }
    i64 corner_y(i64 index) const { return first() + step() * (index / columns()); }
    i64 span(i64 i, i64 size) const {
        i64 corner = first() + step() * i;
        return std::min(corner + step(), size) - std::max<i64>(corner, 0);
    }
    // Pixels of a row of windows that lie in columns from..to-1.
    i64 across(i64 from, i64 to) const {
        if (padding < 0) return to - from;
        i64 sum = 0;
        for (i64 i = from; i < to; ++i) sum += span(i, width);
        return sum;
    }
    i64 pixels(i64 start, i64 stop) const {
        if (padding < 0) return stop - start;
        i64 wide = columns(), total = 0, whole = -1;
        for (i64 index = start; index < stop;) {
            i64 row = index / wide, column = index % wide, end = std::min(wide, column + stop - index);
            if (column || end < wide) total += span(row, height) * across(column, end);
            else total += span(row, height) * (whole < 0 ? whole = across(0, wide) : whole);
            index += end - column;
        }
        return total;
    }
};

inline Windows windows_of(const Gemm& g) { return {g.in_height, g.in_width, g.padding}; }

// How an image lies in the banks: codesign/image.py.
struct Region {
    i64 first, count, interleave, words;

    i64 words_for(i64 pixels, const Config& c) const {
        return pixels <= 0 ? 0 : ceil_div(pixels, c.words_per_beat << interleave) * c.words_per_beat;
    }
    i64 bank(i64 channel, i64 phase, bool high, const Config& c) const {
        i64 within = phase * count + channel - first;
        return c.rows - c.load_lanes + (high ? c.load_lanes - (count << interleave) + within : within);
    }
    bool has(i64 channel) const { return channel >= first && channel < first + count; }
};

inline std::vector<Region> image_regions(const Network& n, const Config& c) {
    i64 channels = 0, pixels = 0;
    for (i64 i = n.count - 1; i >= 0; --i)
        if (n.reads_image(i)) {
            pixels = n.gemms[i].in_height * n.gemms[i].in_width;
            for (i64 k = 0; k < n.gemms[i].operands; ++k) channels = std::max(channels, n.operands_of(i)[k].channel + 1);
        }
    i64 most_high = std::min(c.load_lanes / 2, c.wide_rows ? c.wide_rows : c.load_lanes);
    std::vector<Region> regions;
    for (i64 first = 0; first < channels; first += most_high) {
        Region region{first, std::min(most_high, channels - first), INTERLEAVE_BITS, 0};
        while (region.count << region.interleave > most_high) --region.interleave;
        region.words = region.words_for(pixels, c);
        regions.push_back(region);
    }
    return regions;
}

inline const Region& region_of(const std::vector<Region>& regions, i64 channel) {
    return *std::find_if(regions.begin(), regions.end(), [=](const Region& r) { return r.has(channel); });
}
