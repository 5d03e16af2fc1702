// Which channel goes through which column of which tile: codesign/distribution.py, decision for decision.
#pragma once
#include "network.hpp"

inline i64 bank_of(const Config& c, i64 column, i64 group) {
    return c.rows > c.cols ? group * c.cols + column : column % c.rows;
}

struct Columns {
    i64 group;
    std::vector<i64> channels;  // per column, -1 where it is unused
};

// Who reads each channel: lists of Gemms, ascending, each kept once. Lists are numbered in the order in which channels
// are dealt out: the longest first.
struct Readers {
    std::vector<std::vector<i64>> lists;
    std::vector<std::vector<i64>> of;       // [gemm][channel]: number of its list
    std::vector<std::vector<i64>> channels;  // [gemm]: in the order in which they are dealt out
    std::vector<std::vector<i64>> of_image;  // [channel]: the list itself

    explicit Readers(const Network& n) : of(n.count), channels(n.count) {
        std::vector<std::vector<std::vector<i64>>> found(n.count);
        for (i64 i = 0; i < n.count; ++i) found[i].resize(n.gemms[i].out_channels);
        for (i64 i = 0; i < n.count; ++i)
            for (i64 k = 0; k < n.gemms[i].operands; ++k) {
                const Operand& o = n.operands_of(i)[k];
                if (o.source == IMAGE && o.channel >= i64(of_image.size())) of_image.resize(o.channel + 1);
                auto& readers = o.source == IMAGE ? of_image[o.channel] : found[o.source][o.channel];
                if (readers.empty() || readers.back() != i) readers.push_back(i);
            }
        auto before = [](const std::vector<i64>& a, const std::vector<i64>& b) {
            return a.size() != b.size() ? a.size() > b.size() : a < b;
        };
        for (auto& map : found) lists.insert(lists.end(), map.begin(), map.end());
        std::sort(lists.begin(), lists.end(), before);
        lists.erase(std::unique(lists.begin(), lists.end()), lists.end());
        for (i64 i = 0; i < n.count; ++i) {
            for (auto& readers : found[i])
                of[i].push_back(std::lower_bound(lists.begin(), lists.end(), readers, before) - lists.begin());
            channels[i].resize(found[i].size());
            for (size_t m = 0; m < channels[i].size(); ++m) channels[i][m] = i64(m);
            std::stable_sort(channels[i].begin(), channels[i].end(), [&](i64 x, i64 y) { return of[i][x] < of[i][y]; });
        }
    }

    const std::vector<i64>& list(i64 gemm, i64 channel) const { return lists[of[gemm][channel]]; }
    i64 last(i64 gemm, i64 channel) const { return list(gemm, channel).empty() ? -1 : list(gemm, channel).back(); }
};

class Distribution {
public:
    std::vector<std::vector<Columns>> tiles;  // [gemm]
    std::vector<std::vector<i64>> bank;       // [gemm][channel]

    Distribution(const Network& n, const Config& c, const std::vector<Region>& regions, const Readers& readers)
        : tiles(n.count), bank(n.count), n(n), c(c), readers(readers), load(n.count * c.rows), pressure(c.bank_groups) {
        for (const Region& region : regions)
            for (i64 channel = region.first; channel < region.first + region.count; ++channel)
                for (i64 phase = 0; phase < 1 << region.interleave; ++phase)
                    for (bool high : {false, true})
                        for (i64 r : readers.of_image[channel]) add(r, region.bank(channel, phase, high, c));
        for (i64 i = 0; i < n.count; ++i) {
            bank[i].resize(n.gemms[i].out_channels);
            if (n.gemms[i].identity && !n.reads_image(i)) copy(i);
            else assign(i);
            for (const Columns& tile : tiles[i])
                for (i64 column = 0; column < c.cols; ++column)
                    if (tile.channels[column] >= 0) bank[i][tile.channels[column]] = bank_of(c, column, tile.group);
        }
    }

private:
    const Network& n;
    const Config& c;
    const Readers& readers;
    std::vector<i64> load;      // operands that each Gemm reads from each bank, so far
    std::vector<i64> pressure;  // the same, of all Gemms, from each group's banks

    void add(i64 reader, i64 bank) {
        ++load[reader * c.rows + bank];
        ++pressure[c.bank_groups > 1 ? bank / c.cols : 0];
    }

    void assign(i64 index) {
        std::vector<i64> chosen, widths;
        choose_groups(n.gemms[index].out_channels, chosen, widths);
        std::vector<Columns> made;
        for (i64 g : chosen) made.push_back({g, std::vector<i64>(c.cols, -1)});
        std::map<i64, std::pair<i64, i64>> tiles_for = by_fate(index, widths);
        struct Queue {  // places of a bank, as tile * cols + column
            std::vector<i64> places;
            size_t head = 0;
        };
        std::map<std::pair<i64, i64>, std::vector<Queue>> free;  // by range of tiles
        for (auto& [end, range] : tiles_for) {
            std::vector<Queue>& queues = free[range];
            if (!queues.empty()) continue;
            queues.resize(c.rows);
            for (i64 t = range.first; t < range.second; ++t)
                for (i64 column = 0; column < widths[t]; ++column)
                    queues[bank_of(c, column, chosen[t])].places.push_back(t * c.cols + column);
        }
        // Of each bank, for the channels of one list of readers: what they read from it so far, then its next place.
        std::vector<i64> key(c.rows);
        const i64 unit = i64(1) << 32, none = std::numeric_limits<i64>::max();
        const std::vector<i64>* its_readers = nullptr;
        std::vector<Queue>* queues = nullptr;
        auto set_key = [&](i64 b, i64 cost) {
            const Queue& q = (*queues)[b];
            key[b] = q.head < q.places.size() ? cost * unit + q.places[q.head] : none;
        };
        for (i64 channel : readers.channels[index]) {
            if (its_readers != &readers.list(index, channel)) {
                its_readers = &readers.list(index, channel);
                queues = &free[tiles_for[readers.last(index, channel)]];
                for (i64 b = 0; b < c.rows; ++b) {
                    i64 cost = 0;
                    for (i64 r : *its_readers) cost += load[r * c.rows + b];
                    set_key(b, cost);
                }
            }
            i64 best = 0, least = key[0];
            for (i64 b = 1; b < c.rows; ++b) {
                best = key[b] < least ? b : best;
                least = std::min(key[b], least);
            }
            i64 place = least % unit;
            ++(*queues)[best].head;
            made[place / c.cols].channels[place % c.cols] = channel;
            for (i64 r : *its_readers) add(r, best);
            set_key(best, least / unit + i64(its_readers->size()));
        }
        for (Columns& tile : made)
            if (std::any_of(tile.channels.begin(), tile.channels.end(), [](i64 m) { return m >= 0; }))
                tiles[index].push_back(std::move(tile));
    }

    // Of each tile: the group it writes, and how many columns it can have.
    void choose_groups(i64 channels, std::vector<i64>& chosen, std::vector<i64>& widths) const {
        i64 count = ceil_div(channels, c.cols);
        std::vector<i64> width(c.bank_groups, c.cols), times(c.bank_groups);
        if (c.bank_groups > 1)
            for (i64 g = 0; g < c.bank_groups; ++g) width[g] = std::min(c.cols, c.rows - g * c.cols);
        for (i64 left = channels; left;) {  // a narrower last group takes a tile only when that adds none
            i64 rest = count - i64(chosen.size()) - 1, best = -1, least = 0;
            for (i64 g = 0; g < c.bank_groups; ++g) {
                i64 value = pressure[g] + times[g] * c.cols;
                if (left - width[g] <= rest * c.cols && (best < 0 || value < least)) best = g, least = value;
            }
            chosen.push_back(best);
            widths.push_back(width[best]);
            ++times[best];
            left -= std::min(width[best], left);
        }
    }

    // First and last (exclusive) tile for the channels of each last reader.
    std::map<i64, std::pair<i64, i64>> by_fate(i64 index, const std::vector<i64>& widths) const {
        std::map<i64, i64> left;
        for (i64 m = 0; m < n.gemms[index].out_channels; ++m) ++left[readers.last(index, m)];
        std::map<i64, std::pair<i64, i64>> made;
        i64 first = 0, all = i64(widths.size());
        for (auto& [end, channels] : left) {
            i64 last = first, rest = channels;
            while (rest > 0 && last < all) rest -= widths[last++];
            if (rest > 0) {
                for (auto& [other, _] : left) made[other] = {0, all};
                return made;
            }
            made[end] = {first, last};
            first = last;
        }
        return made;
    }

    void copy(i64 index) {
        struct Queue {
            std::vector<i64> channels;
            size_t head = 0;
        };
        std::vector<Queue> queues(c.rows);
        for (i64 k = 0; k < n.gemms[index].operands; ++k) {
            const Operand& o = n.operands_of(index)[k];
            i64 b = bank[o.source][o.channel];
            queues[b].channels.push_back(k);
            for (i64 r : readers.list(index, k)) add(r, b);
        }
        for (i64 group = 0; group < c.bank_groups; ++group)
            for (bool more = true; more;) {
                Columns tile{group, std::vector<i64>(c.cols, -1)};
                more = false;
                for (i64 column = 0; column < c.cols; ++column) {
                    if (c.bank_groups > 1 && group * c.cols + column >= c.rows) continue;
                    Queue& q = queues[bank_of(c, column, group)];
                    if (q.head < q.channels.size()) tile.channels[column] = q.channels[q.head++], more = true;
                }
                if (more) tiles[index].push_back(std::move(tile));
            }
    }
};
