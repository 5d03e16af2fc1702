// When everything happens: codesign/cycles.py, cycle for cycle.
#pragma once
#include "schedule.hpp"

// When beats leave a memory channel, counted in units of 1/rate cycles.
struct Channel {
    i64 rate, cost, busy_until;

    explicit Channel(const Config& c)
        : rate(c.decibytes_per_cycle), cost(std::max(10 * c.bus_bits / 8, rate)), busy_until(-cost) {}

    // The first of `count` beats that are there from cycle `earliest` on; each takes `cost` more.
    i64 leave(i64 earliest, i64 count = 1) {
        i64 first = std::max(busy_until + cost, earliest * rate);
        busy_until = first + (count - 1) * cost;
        return first;
    }
};

// The program stream: when each word can be taken, given when those before it were. Beats are not followed one by one:
// within a burst they come evenly, so either the supply decides when the last one is taken, or the first one's does.
class Stream {
public:
    i64 now = 0, taken = 0;

    Stream(const Config& c, i64 beats)
        : c(c), beats(beats), channel(c), depth(c.fifo_bursts), per_beat(c.words_per_beat),
          slow(channel.cost >= channel.rate * per_beat), popped(ceil_div(beats, c.burst_beats)) {}

    i64 available() {
        if (beat == asked) ask();
        return std::max(now + 1, there);
    }

    // Use the next word in `cycle`, by when it is there; it is taken as soon as it is and the last one is used.
    void take_at(i64 cycle) {
        i64 left = std::max(now + 1, there);
        now = cycle;
        ++taken;
        if (++word == per_beat) pop(left);
    }

    // No word is used before `cycle`.
    void hold_until(i64 cycle) { used_from = cycle; }

    void take(i64 count, i64 earliest = 0) {
        earliest = std::max(earliest, used_from);
        if (count && earliest > now + 1) {
            take_at(std::max(available(), earliest));
            --count;
        }
        taken += count;
        while (count > 0) {
            if (beat == asked) ask();
            if (word || count < per_beat) {  // some of a beat
                i64 some = std::min(count, per_beat - word);
                now = std::max(now + 1, there) + some - 1;
                count -= some;
                if ((word += some) == per_beat) pop(now);
                continue;
            }
            i64 some = std::min(asked - beat, count / per_beat), end = beat - asked + size + some;
            count -= some * per_beat;
            i64 in_turn = (slow ? now : std::max(now, there - 1)) + some * per_beat;
            now = slow ? std::max(in_turn, arrival(end - 1) + per_beat - 1) : in_turn;
            if (end == size) popped[burst] = now;
            beat += some;
            if (end < size) set_there(end);
        }
    }

    void align(i64 cycle) {
        if (word) pop(cycle);
    }

private:
    const Config& c;
    i64 beats;
    Channel channel;
    i64 depth, per_beat;        // bursts that the FIFO holds; words of a beat
    bool slow;                  // beats come no faster than their words can be taken
    i64 asked = 0, decided = FETCH_START - 2, beat = 0, word = 0, used_from = 0;
    i64 burst = -1, size = 0, first = 0;  // the burst being taken: number, beats, when its first leaves
    i64 there = 0, early = 0;             // from when on the current beat can be taken, rounded up by `early`
    std::vector<i64> popped;              // by burst: when its last word was taken

    i64 arrival(i64 position) const { return ceil_div(first + position * channel.cost, channel.rate); }

    void set_there(i64 position) {
        there = arrival(position);
        early = there * channel.rate - first - position * channel.cost;
    }

    void pop(i64 cycle) {
        word = 0, ++beat;
        i64 position = beat - asked + size;
        if (position == size) {
            popped[burst] = cycle;
            return;
        }
        early -= channel.cost;
        i64 more = early < 0 ? ceil_div(-early, channel.rate) : 0;
        there += more, early += more * channel.rate;
    }

    // The next burst: one cycle after the last, and after the pop that made places for a whole one.
    void ask() {
        size = std::min(c.burst_beats, beats - asked);
        ++burst, ++decided;
        if (burst >= depth) decided = std::max(decided, popped[burst - depth] + FETCH_CREDIT - 1);
        first = channel.leave(decided + 1 + c.latency_cycles + FETCH_BEAT, size);
        asked += size;
        set_there(0);
    }
};

struct Counters {
    i64 cycles, active_cycles, stall_weights_cycles, stall_control_cycles, stall_fence_cycles, stall_output_cycles,
        load_cycles, read_beats, write_beats, bank_reads, bank_writes, stream_words;
};

struct TraceEntry {
    i64 cycle, active_cycles, stall_weights_cycles, load_cycles, stall_fence_cycles, stall_output_cycles;
};

class Run {  // one image's way through the accelerator
public:
    Run(const Network& n, const Config& c, const Plan& plan, TraceEntry* trace)
        : n(n), c(c), plan(plan), trace(trace), read_beats(beats_of_stream()), stream(c, read_beats),
          loads_left(plan.loads) {}

    Counters run() {
        for (const Step& s : plan.steps)
            if (s.load) load(s);
            else pass(s);
        return end();
    }

private:
    const Network& n;
    const Config& c;
    const Plan& plan;
    TraceEntry* trace;
    i64 read_beats;
    Stream stream;
    i64 active = 0, loading = 0, held = 0, fenced = 0, weighed = 0, bank_reads = 0, bank_writes = 0;
    i64 handover = -1, last_beat = 0, free = 0, drained = 0, rows_free = 0, rows_enabled = 0, loads_left;
    i64 columns_free[2] = {0, 0};  // of the set loaded next, and the other one
    bool idle_at_handover = false;
    std::vector<i64> raw_beats, writing;

    i64 block_words(const Step& s) const {
        return (s.again ? 0 : c.instruction_words) + s.load_weights * c.weight_words + s.load_rows * c.row_words
               + s.load_columns * c.column_words;
    }

    i64 beats_of_stream() const {
        i64 words = 0;
        for (const Step& s : plan.steps)
            words = s.load ? ceil_div(words + c.instruction_words, c.words_per_beat) * c.words_per_beat + s.words
                           : words + block_words(s);
        return ceil_div(words + c.instruction_words, c.words_per_beat);
    }

    void load(const Step& s) {
        --loads_left;
        stream.take(c.instruction_words);
        stream.align(stream.now + 1);
        i64 begin = ++stream.now + 1;
        auto busy = std::lower_bound(writing.begin(), writing.end(), stream.now);
        i64 left = s.words;
        for (; left && busy != writing.end(); --left) {
            i64 cycle = stream.available();
            while (busy != writing.end() && *busy <= cycle) cycle += *busy++ == cycle;
            stream.take_at(cycle);
        }
        stream.take(left);
        loading += std::max<i64>(0, stream.now + 1 - std::max(begin, last_beat + 1));
    }

    void pass(const Step& s) {
        const Gemm& g = n.gemms[s.gemm];
        if (!s.again) stream.take(c.instruction_words);
        if (s.load_weights) {
            i64 begin = s.again ? handover : stream.now + 1;
            stream.take(c.weight_words);
            weighed += std::max<i64>(0, stream.now + 1 - std::max(begin, last_beat + 1));
            weighed += s.again && idle_at_handover;
        }
        if (s.load_rows) stream.take(c.row_words, rows_free), rows_enabled = s.rows_enabled;
        if (s.load_columns) stream.take(c.column_words, columns_free[0]);
        handover = std::max(stream.now + 1, free);
        if (s.fence && drained > handover) {
            fenced += drained - std::max(handover, last_beat + 1);
            handover = drained;
        }
        if (s.mark && trace)
            trace[s.gemm] = {handover, active - (last_beat == handover), weighed, loading, fenced, held};
        idle_at_handover = handover > last_beat;
        if (s.load_rows) rows_free = handover + 1 + c.row_wait;
        if (s.load_columns) columns_free[0] = columns_free[1], columns_free[1] = handover + 1 + c.column_wait;
        beats(s, g);
        stream.hold_until(handover);
    }

    void beats(const Step& s, const Gemm& g) {
        i64 first = handover + 1, interval = 1;
        bool writes = s.last && !g.raw;
        if (writes) {
            interval = c.columns_per_bank * (g.activation_bits > A_BITS && !g.total ? 2 : 1);
            first += (interval - (first - 1) % interval) % interval;
        }
        i64 last = first + (s.beats - 1) * interval;
        if (s.last && g.raw) {  // one pixel
            if (!raw_beats.empty()) last = std::max(last, raw_beats.back() + c.cols);
            raw_beats.push_back(last);
        }
        active += s.beats;
        held += last - handover - s.beats;
        bank_reads += s.beats * rows_enabled;
        if (writes) {
            bank_writes += (g.total ? i64(s.sum_last) : s.windows) * s.columns * g.out_planes;
            if (loads_left) note_writes(s, g, first, interval);
        }
        last_beat = free = last;
        drained = last + 1 + c.drain;
    }

    // When results keep an image word waiting: the cycle before each write, at the columns first in their banks.
    void note_writes(const Step& s, const Gemm& g, i64 first, i64 interval) {
        writing.erase(writing.begin(), std::upper_bound(writing.begin(), writing.end(), stream.now));
        i64 begin = i64(writing.size());
        auto note = [&](i64 beat) {
            for (i64 position = 0; position < c.columns_per_bank; ++position) {
                i64 delay = (position + position * (c.columns_per_bank - 1) * c.rows) % c.columns_per_bank;
                i64 after = c.first_sum + position * c.rows + COLUMN + delay - 1;
                for (i64 word = 0; word < g.out_planes; ++word)
                    writing.push_back(first + beat * interval + after + word * c.columns_per_bank);
            }
        };
        if (g.total) {
            if (s.sum_last) note(s.beats - 1);
        } else {
            Windows w = windows_of(g);
            i64 wide = w.columns(), closing = -1;
            for (i64 index = s.start; index < s.start + s.windows; ++index) {
                closing += g.padding < 0 ? 1 : w.span(index % wide, w.width) * w.span(index / wide, w.height);
                note((closing + 1) * g.planes - 1);
            }
        }
        if (!std::is_sorted(writing.begin() + (begin ? begin - 1 : 0), writing.end()))
            std::sort(writing.begin(), writing.end());
        writing.erase(std::unique(writing.begin(), writing.end()), writing.end());
    }

    Counters end() {
        stream.take(c.instruction_words);
        i64 flush = std::max(stream.now + 2, drained), write_beats = 0, answered = results(flush, write_beats);
        i64 done = std::max(flush + 1, answered + 1);
        fenced += done - std::max(stream.now + 2, last_beat + 1) + 1;
        i64 total = done + 2, control = total - active - loading - held - fenced - weighed;
        return {total, active, weighed, control, fenced, held, loading, read_beats, write_beats, bank_reads,
                bank_writes, stream.taken};
    }

    // Cycle of the last write's answer; counts the beats written.
    i64 results(i64 flush, i64& write_beats) const {
        Channel channel(c);
        i64 arrive = c.first_sum + COLUMN_RAW + 1, lanes = c.bus_bits / 32, filled = 0, answered = 0, request = 0;
        auto write = [&](i64 cycle) {
            request = std::max(request + 1, cycle + WRITE);
            answered = std::max(answered + 1, ceil_div(channel.leave(request), channel.rate) + c.latency_cycles);
            ++write_beats;
        };
        for (i64 beat : raw_beats)
            for (i64 column = 0; column < c.cols; ++column)
                if (++filled == lanes) filled = 0, write(beat + arrive + column);
        if (filled) write(flush);
        return answered;
    }
};
