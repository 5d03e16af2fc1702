// The order of work, all at once (no bands): codesign/schedule.py, as far as it takes time.
#pragma once
#include "placement.hpp"

struct Step {  // a LOAD or a PASS
    bool load = false, again = false, mark = false, fence = false;
    bool load_weights = false, load_rows = false, load_columns = false, first = false, last = false, sum_last = false;
    i64 words = 0;  // of a LOAD
    i64 gemm = 0, tile = 0, start = 0, windows = 0, pixels = 0, beats = 0, rows_enabled = 0, columns = 0;
};

struct RowFeed {
    i64 k = -1, addr = 0, phase = 0, dx = 0, dy = 0;  // k: operand, -1 where the row reads nothing

    bool operator==(const RowFeed& o) const {  // of the descriptor: which operand it is does not matter
        return (k < 0) == (o.k < 0) && addr == o.addr && phase == o.phase && dx == o.dx && dy == o.dy;
    }
};

struct Group {  // what the rows read in a pass
    std::vector<RowFeed> rows;
    i64 scale = 0, enabled = 0, deepest = 0;  // deepest: the highest dy
    std::vector<i64> sources, channels;       // channels: of the image

    bool same_operands(const Group& o) const {
        return std::equal(rows.begin(), rows.end(), o.rows.begin(), o.rows.end(),
                          [](const RowFeed& a, const RowFeed& b) { return a.k == b.k; });
    }
};

class Plan {
public:
    std::vector<Step> steps;
    i64 loads = 0;

    Plan(const Network& n, const Config& c, const std::vector<Region>& regions, const Distribution& d,
         const Placement& p)
        : n(n), c(c), regions(regions), d(d), p(p), at(n.count, 0), loaded(regions.size(), 0) {
        for (i64 i = 0; i < n.count; ++i) gemm(i);
    }

private:
    const Network& n;
    const Config& c;
    const std::vector<Region>& regions;
    const Distribution& d;
    const Placement& p;
    std::vector<i64> at;      // beats issued by each Gemm's last pixel
    i64 beats = 0, settled = -1;  // issued so far; by when all results were there, at a fence
    std::vector<i64> loaded;  // words of each region
    i64 run = 0;              // index of the step with the instruction that goes on
    // The pass before:
    std::vector<Group> held_groups;
    const Group* held = nullptr;
    i64 held_gemm = -1, held_tile = -1, held_digit = -1;
    const Gemm* held_shape = nullptr;

    std::vector<Group> groups_of(i64 index, const std::vector<i64>& operands) const {
        std::vector<std::pair<RowFeed, std::pair<i64, bool>>> feeds;  // bank, is it a high half
        const Gemm& g = n.gemms[index];
        i64 mask = (i64(1) << c.pixel_bits) - 1;
        bool any_high = false;
        for (i64 k : operands) {
            const Operand& o = n.operands_of(index)[k];
            i64 offset = o.dy * g.in_width + o.dx;
            if (o.source != IMAGE) {
                feeds.push_back({{k, (p.addr[o.source][o.channel] + offset) & mask, 0, o.dx, o.dy},
                                 {d.bank[o.source][o.channel], false}});
                continue;
            }
            const Region& region = region_of(regions, o.channel);
            i64 addr = ((p.image[&region - regions.data()] << region.interleave) + offset) & mask;
            for (i64 phase = 0; phase < 1 << region.interleave; ++phase)
                for (bool high : {false, true}) {
                    feeds.push_back({{k, addr, phase, o.dx, o.dy}, {region.bank(o.channel, phase, high, c), high}});
                    any_high = true;
                }
        }
        std::vector<Group> made;
        bool apart = any_high && !c.wide_rows;
        for (i64 scale = 0; scale <= i64(apart); ++scale) {
            size_t base = made.size();
            std::vector<i64> depth(c.rows, 0);
            for (auto& [feed, where] : feeds) {
                if (apart && where.second != bool(scale)) continue;
                size_t pass = base + depth[where.first]++;
                if (pass == made.size()) {
                    made.emplace_back();
                    made.back().rows.resize(c.rows);
                    made.back().scale = scale;
                }
                Group& group = made[pass];
                group.rows[where.first] = feed;
                group.deepest = group.enabled++ ? std::max(group.deepest, feed.dy) : feed.dy;
                const Operand& o = n.operands_of(index)[feed.k];
                auto& seen = o.source == IMAGE ? group.channels : group.sources;
                i64 what = o.source == IMAGE ? o.channel : o.source;
                if (std::find(seen.begin(), seen.end(), what) == seen.end()) seen.push_back(what);
            }
        }
        return made;
    }

    void gemm(i64 index) {
        const Gemm& g = n.gemms[index];
        Windows w = windows_of(g);
        const std::vector<Columns>& tiles = d.tiles[index];
        i64 count = w.count(), digits = ceil_div(g.weight_bits, W_BITS), tile_count = i64(tiles.size());
        std::vector<std::vector<Group>> by_tile;  // of an identity: a tile reads only the channels it writes
        if (g.identity) {
            for (const Columns& tile : tiles) {
                std::vector<i64> ks;
                for (i64 m : tile.channels)
                    if (m >= 0) ks.push_back(m);
                by_tile.push_back(groups_of(index, ks));
            }
        } else {
            std::vector<i64> ks(g.operands);
            for (i64 k = 0; k < g.operands; ++k) ks[k] = k;
            by_tile.push_back(groups_of(index, ks));
        }
        auto of = [&](i64 t) -> const std::vector<Group>& { return by_tile[g.identity ? t : 0]; };
        i64 most = 0, pixels = w.pixels(0, count), reach = 1;
        for (auto& groups : by_tile) most = std::max(most, i64(groups.size()) * digits);
        for (i64 k = 0; k < g.operands; ++k) {
            const Operand& o = n.operands_of(index)[k];
            reach = std::max<i64>({reach, std::abs(i64(o.dx)), std::abs(i64(o.dy))});
        }
        i64 batch = most > 1 && !g.identity ? std::min(tile_count, c.acc_depth / pixels) : 1;
        bool batched = batch > 1;
        auto one = [&](i64 t, i64 i, i64 start, i64 stop, i64 streamed) {
            Step s;
            const std::vector<Group>& groups = of(t);
            s.gemm = index, s.tile = t, s.start = start, s.windows = stop - start, s.pixels = streamed;
            s.beats = streamed * g.planes;
            s.first = i == 0, s.last = i == i64(groups.size()) * digits - 1;
            s.load_columns = s.last && start == 0;
            s.sum_last = g.total && stop == count;
            const Group& group = groups[i / digits];
            loads_before(g, w, s, group);
            pass(g, s, group, i % digits, reach, count, batched);
        };
        if (batched) {
            for (i64 from = 0; from < tile_count; from += batch)
                for (i64 i = 0; i < most; ++i)
                    for (i64 t = from; t < std::min(from + batch, tile_count); ++t) one(t, i, 0, count, pixels);
        } else {
            i64 image_words = 0;
            if (n.reads_image(index))
                for (const Region& r : regions) image_words += r.words;
            i64 pieces = std::max<i64>(1, std::min(c.most_pieces, image_words / c.piece_words));
            i64 largest = std::max<i64>(1, c.acc_depth / (w.step() * w.step()));
            for (i64 t = 0; t < tile_count; ++t) {
                i64 chunks = most == 1 ? std::min(t ? 1 : pieces, count) : ceil_div(count, largest);
                for (i64 j = 0; j < chunks; ++j) {
                    i64 start = count * j / chunks, stop = count * (j + 1) / chunks, streamed = w.pixels(start, stop);
                    for (i64 i = 0; i < i64(of(t).size()) * digits; ++i) one(t, i, start, stop, streamed);
                }
            }
        }
        held_groups.clear();  // the last pass's group outlives its Gemm
        if (held) {
            held_groups.push_back(*held);
            held = &held_groups[0];
        }
    }

    void loads_before(const Gemm& g, const Windows& w, const Step& s, const Group& group) {
        if (group.channels.empty()) return;
        i64 rows = std::min(g.in_height, w.corner_y(s.start + s.windows - 1) + w.step() + group.deepest);
        for (size_t i = 0; i < regions.size(); ++i) {
            if (std::none_of(group.channels.begin(), group.channels.end(), [&](i64 m) { return regions[i].has(m); }))
                continue;
            i64 needed = regions[i].words_for(rows * g.in_width, c);
            if (needed > loaded[i]) {
                Step load;
                load.load = true;
                load.words = needed - loaded[i];
                steps.push_back(load);
                ++loads;
                loaded[i] = needed;
            }
        }
    }

    void pass(const Gemm& g, Step& s, const Group& group, i64 digit, i64 reach, i64 count, bool batched) {
        bool same_shape = held && held_shape->in_channels == g.in_channels && held_shape->in_height == g.in_height
                          && held_shape->in_width == g.in_width;
        s.load_weights = held_gemm != s.gemm || held_tile != s.tile || held_digit != digit
                         || !(held == &group || held->same_operands(group));
        s.load_rows = !(held == &group || (same_shape && held->rows == group.rows));
        i64 lead = s.windows == count ? std::max<i64>(0, s.pixels - (reach + 1) * g.in_width - reach - 3) : 0;
        for (i64 source : group.sources) {
            i64 age = at[source] <= settled ? c.drain : std::min(c.drain, beats - at[source]);
            s.fence |= age + lead < c.drain;
        }
        s.mark = s.gemm < TRACE_ENTRIES && s.gemm != held_gemm;
        s.rows_enabled = group.enabled;
        const Columns& tile = d.tiles[s.gemm][s.tile];
        for (i64 m : tile.channels) s.columns += m >= 0;
        if (s.fence) settled = beats;
        beats += s.beats;
        at[s.gemm] = beats;
        s.again = batched && goes_on(g, s);
        if (!s.again) run = i64(steps.size());
        steps.push_back(s);
        held = &group, held_gemm = s.gemm, held_tile = s.tile, held_digit = digit, held_shape = &g;
    }

    // Whether the hardware goes on to it by itself, with nothing but other weights and column parameters.
    bool goes_on(const Gemm& g, const Step& s) const {
        if (steps.empty() || steps.back().load || i64(steps.size()) - run >= i64(1) << REPEAT_BITS) return false;
        const Step& b = steps.back();
        bool same = b.gemm == s.gemm && b.tile + 1 == s.tile && b.first == s.first && b.last == s.last
                    && b.load_weights && s.load_weights && !s.load_rows && !s.fence && !s.mark;
        if (!same || !s.last || g.raw) return same;
        const Columns &before = d.tiles[s.gemm][b.tile], &tile = d.tiles[s.gemm][s.tile];
        i64 results = g.total ? 0 : b.windows, mask = c.bank_depth - 1;
        const std::vector<i64>& addr = p.tile_addr[s.gemm];
        return before.group == tile.group && ((addr[b.tile] + results) & mask) == (addr[s.tile] & mask);
    }
};
