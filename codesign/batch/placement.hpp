// Where every channel lives, all at once (no bands): codesign/placement.py.
#pragma once
#include "distribution.hpp"

struct Placement {
    std::vector<std::vector<i64>> tile_addr;  // [gemm][tile]
    std::vector<std::vector<i64>> addr;       // [gemm][channel]
    std::vector<i64> image;                   // [region]
    bool fits = true;

    Placement(const Network& n, const Config& c, const std::vector<Region>& regions, const Readers& readers,
              const Distribution& d)
        : tile_addr(n.count), addr(n.count), live(c.bank_groups), depth(c.bank_depth) {
        i64 reader = -1, rows = 0, width = 0;  // of the image: its last reader, what is read of it
        for (i64 i = 0; i < n.count; ++i)
            if (n.reads_image(i)) {
                reader = i;
                width = n.gemms[i].in_width;
                rows = std::max(rows, rows_read(n, i));
            }
        i64 first_group = c.bank_groups > 1 ? (c.rows - c.load_lanes) / c.cols : 0;
        for (const Region& region : regions)
            image.push_back(take(first_group, c.bank_groups, region.words_for(rows * width, c), reader));
        for (i64 i = 0; i < n.count && fits; ++i) {
            for (auto& ranges : live)
                ranges.erase(std::remove_if(ranges.begin(), ranges.end(), [=](const Range& r) { return r.last < i; }),
                             ranges.end());
            put(n.gemms[i], i, c, readers, d.tiles[i]);
        }
    }

private:
    struct Range {
        i64 start, stop, last;
    };
    std::vector<std::vector<Range>> live;  // by group
    i64 depth;

    // The end of the rows of the image that Gemm i reads.
    static i64 rows_read(const Network& n, i64 i) {
        const Gemm& g = n.gemms[i];
        Windows w = windows_of(g);
        i64 visited = g.total ? g.in_height : w.first() + w.step() * g.out_height, below = 0;
        for (i64 k = 0; k < g.operands; ++k) below = std::max(below, n.operands_of(i)[k].dy);
        return std::min(g.in_height, visited + below);
    }

    // First fit.
    i64 take(i64 from, i64 to, i64 size, i64 last) {
        std::vector<std::pair<i64, i64>> taken;
        for (i64 g = from; g < to; ++g)
            for (const Range& r : live[g]) taken.push_back({r.start, r.stop});
        std::sort(taken.begin(), taken.end());
        i64 at = 0;
        for (auto& [start, stop] : taken) {
            if (at + size <= start) break;
            at = std::max(at, stop);
        }
        if (at + size > depth) fits = false;
        for (i64 g = from; g < to; ++g) live[g].push_back({at, at + size, last});
        return at;
    }

    void put(const Gemm& g, i64 index, const Config& c, const Readers& readers,
             const std::vector<Columns>& tiles) {
        i64 plane = g.out_height * g.out_width;
        addr[index].resize(g.out_channels);
        for (const Columns& tile : tiles) {
            i64 at = 0, highest = 0, last = index;
            for (i64 column = 0; column < c.cols; ++column)
                if (i64 m = tile.channels[column]; m >= 0) {
                    highest = column;
                    last = std::max(last, readers.last(index, m));
                }
            if (!g.raw) {
                i64 shared = c.cols > c.rows ? highest / c.rows : 0;
                at = take(tile.group, tile.group + 1,
                          plane * ((g.out_planes - 1) * c.columns_per_bank + shared + 1), last);
                for (i64 column = 0; column < c.cols; ++column)
                    if (i64 m = tile.channels[column]; m >= 0)
                        addr[index][m] = at + (c.cols > c.rows ? column / c.rows * plane : 0);
            }
            tile_addr[index].push_back(at);
        }
    }
};
