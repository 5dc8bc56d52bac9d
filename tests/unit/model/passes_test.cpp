// The passes of a workload against a list of them written token by token, and what windows, chunks
// and overheads do to times and memory.

#include "rooflaw/model/passes.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "unit/expect_close.hpp"
#include "unit/random_cases.hpp"

namespace rooflaw::model {
namespace {

using rooflaw::testing::expect_close;
using rooflaw::testing::Random;
using rooflaw::testing::work;

Engine chunked(std::int64_t chunk) {
  Engine e;
  e.prefill_chunk = chunk;
  return e;
}

/// A pass as the specification has it: the new tokens of a sequence, which end at `context`.
struct Expected {
  std::int64_t tokens = 0, context = 0;
};
/// One token after the other is put into the open pass until that is full.
std::vector<Expected> expected_passes(const Workload& w, const Engine& e, Phase phase) {
  std::vector<Expected> list;
  if (phase == Phase::decode) {
    for (std::int64_t s = 1; s <= w.output_tokens; ++s) list.push_back({1, w.input_tokens + s});
    return list;
  }
  for (std::int64_t token = 1; token <= w.input_tokens; ++token) {
    const bool full =
        list.empty() || (e.prefill_chunk > 0 && list.back().tokens == e.prefill_chunk);
    if (full) list.push_back({});
    ++list.back().tokens;
    list.back().context = token;
  }
  return list;
}

/// Of all pairs of a new token and a key, those that are computed.
double expected_pairs(const Expected& pass, const Workload& w, const Engine& e, Phase phase,
                      std::int64_t window) {
  const auto within = [&](std::int64_t keys) {
    return window == 0 ? keys : std::min(keys, window);
  };
  std::int64_t pairs = 0;
  for (std::int64_t token = pass.context - pass.tokens + 1; token <= pass.context; ++token) {
    if (phase == Phase::decode)
      pairs += within(pass.context);
    else
      pairs += e.flash && e.causal ? within(token) : pass.context;
  }
  return static_cast<double>(w.batch * pairs);
}

/// Cached tokens that any new token attends; all of them where the scores are a full matrix.
double expected_read(const Expected& pass, const Workload& w, const Engine& e, Phase phase,
                     std::int64_t window) {
  const bool all = window == 0 || (phase == Phase::prefill && !e.flash);
  const std::int64_t first = pass.context - pass.tokens + 1;  // which still sees `window` tokens
  const std::int64_t unseen = all ? 0 : std::max<std::int64_t>(0, first - window);
  return static_cast<double>(w.batch * (pass.context - unseen));
}

double pairs_of(const Pass& pass, const Engine& e, double window) {
  return pass.tokens * keys_attended(pass, e, window);
}

/// A workload, a chunk and a window that lie close together or far apart, so that runs of all kinds
/// occur.
struct Setting {
  Workload workload;
  Engine engine;
  std::int64_t window = 0;
};
Setting random_setting(Random& random) {
  const std::int64_t scale = random.pick<std::int64_t>({4, 30, 400, 3000});
  Setting s;
  s.workload = work(random.integer(1, 9), random.chance(0.1) ? 0 : random.integer(1, scale),
                    random.chance(0.1) ? 0 : random.integer(1, scale));
  s.engine =
      chunked(random.chance(0.15) ? 0 : random.integer(1, random.chance(0.5) ? 12 : 2 * scale));
  s.engine.flash = random.chance(0.7);
  s.engine.causal = random.chance(0.7);
  if (s.engine.flash && !s.engine.causal) s.engine.prefill_chunk = 0;
  s.window = random.chance(0.2) ? 0 : random.integer(1, random.chance(0.3) ? 5 : 2 * scale);
  return s;
}

/// The runs of a phase, pass by pass, are the passes of the list, and their sums those of loops.
void expect_covered(const Setting& s, Phase phase) {
  const auto [w, e, window] = s;
  SCOPED_TRACE(::testing::Message()
               << (phase == Phase::decode ? "decode" : "prefill") << ", B " << w.batch << ", "
               << w.input_tokens << " + " << w.output_tokens << " tokens, chunk " << e.prefill_chunk
               << ", window " << window << ", flash " << e.flash << ", causal " << e.causal);
  const auto expected = expected_passes(w, e, phase);
  EXPECT_EQ(static_cast<double>(expected.size()), passes(w, e, phase));
  const double width = static_cast<double>(window);
  const Runs list = runs(w, e, phase, width);
  EXPECT_LE(list.size(), phase == Phase::decode ? 2u : 4u);
  std::size_t next = 0;
  for (const Run& run : list) {
    ASSERT_GE(run.count, 1);
    const auto count = static_cast<std::size_t>(run.count);
    ASSERT_EQ(run.count, static_cast<double>(count));
    ASSERT_LE(next + count, expected.size());
    EXPECT_EQ(run.first.tokens, run.last.tokens);
    const double step = count == 1 ? 0 : (run.last.context - run.first.context) / (run.count - 1);
    double pairs = 0, read = 0;
    for (std::size_t i = 0; i < count; ++i, ++next) {
      const Expected& each = expected[next];
      Pass pass = run.first;
      pass.context += static_cast<double>(i) * step;
      EXPECT_EQ(static_cast<double>(each.context), pass.context);
      EXPECT_EQ(static_cast<double>(each.tokens * w.batch), pass.tokens);
      EXPECT_EQ(static_cast<double>(w.batch), pass.batch);
      EXPECT_EQ(phase == Phase::decode, pass.decode);
      const double pairs_here = expected_pairs(each, w, e, phase, window);
      const double read_here = expected_read(each, w, e, phase, window);
      expect_close(pairs_here, pairs_of(pass, e, width), "pairs");
      EXPECT_EQ(read_here, tokens_read(pass, e, width));
      pairs += pairs_here;
      read += read_here;
    }
    EXPECT_EQ(static_cast<double>(expected[next - 1].context), run.last.context);
    const double half = 0.5 * run.count;
    expect_close(pairs, half * (pairs_of(run.first, e, width) + pairs_of(run.last, e, width)),
                 "sum of pairs");
    expect_close(read, half * (tokens_read(run.first, e, width) + tokens_read(run.last, e, width)),
                 "sum of tokens read");
  }
  EXPECT_EQ(expected.size(), next);
}

void expect_covered(const Setting& s) {
  for (const Phase phase : {Phase::prefill, Phase::decode}) expect_covered(s, phase);
}

TEST(Passes, RunsCoverEachOnceAndInOrder) {
  Random random(31);
  std::size_t most = 0;
  for (int i = 0; i < 4000 && !::testing::Test::HasFailure(); ++i) {
    const Setting s = random_setting(random);
    expect_covered(s);
    most = std::max(
        most, runs(s.workload, s.engine, Phase::prefill, static_cast<double>(s.window)).size());
  }
  EXPECT_EQ(4u, most);  // the bound is reached, so all kinds of runs have been seen
}

TEST(Passes, AllSmallSettings) {
  for (std::int64_t in = 0; in <= 9; ++in)
    for (std::int64_t out = 0; out <= 4; ++out)
      for (std::int64_t chunk = 0; chunk <= 10; ++chunk)
        for (std::int64_t window = 0; window <= 14; ++window)
          for (const bool flash : {true, false}) {
            Setting s{work(2, in, out), chunked(chunk), window};
            s.engine.flash = flash;
            expect_covered(s);
            if (::testing::Test::HasFailure()) return;
          }
}

TEST(Passes, ChunkOfZeroOrBehindThePromptIsTheWholePrompt) {
  for (const std::int64_t chunk : {0, 100, 101, 5000}) {
    const Workload w = work(3, 100, 7);
    const Engine e = chunked(chunk);
    EXPECT_EQ(100, chunk_tokens(w, e));
    EXPECT_EQ(1, passes(w, e, Phase::prefill));
    const Runs list = runs(w, e, Phase::prefill, 0);
    ASSERT_EQ(1u, list.size());
    EXPECT_EQ(1, list[0].count);
    EXPECT_EQ(300, list[0].first.tokens);
    EXPECT_EQ(100, list[0].first.context);
  }
}

TEST(Passes, NothingToDoIsNoPass) {
  for (const std::int64_t chunk : {0, 1, 2048})
    for (const double window : {0.0, 1.0, 64.0}) {
      const Engine e = chunked(chunk);
      EXPECT_EQ(0, passes(work(2, 0, 5), e, Phase::prefill));
      EXPECT_TRUE(runs(work(2, 0, 5), e, Phase::prefill, window).empty());
      EXPECT_EQ(0, passes(work(2, 5, 0), e, Phase::decode));
      EXPECT_TRUE(runs(work(2, 5, 0), e, Phase::decode, window).empty());
    }
}

// 10 tokens in chunks of 4 through a window of 6: tokens 1..4 see all before them; of 5..8 one sees
// 5 and three see 6; 9 and 10 see 6.
TEST(Passes, WorkedByHand) {
  const Workload w = work(2, 10, 3);
  const Engine e = chunked(4);
  const Runs list = runs(w, e, Phase::prefill, 6);
  ASSERT_EQ(3u, list.size());
  const double tokens[] = {8, 8, 4}, context[] = {4, 8, 10};
  const double keys[] = {(1 + 2 + 3 + 4) / 4.0, (5 + 6 + 6 + 6) / 4.0, 6};
  const double read[] = {2 * 4, 2 * 8, 2 * 7};  // token 9 sees 4..9, token 10 sees 5..10
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(1, list[i].count);
    EXPECT_EQ(tokens[i], list[i].first.tokens);
    EXPECT_EQ(context[i], list[i].first.context);
    EXPECT_DOUBLE_EQ(keys[i], keys_attended(list[i].first, e, 6));
    EXPECT_EQ(read[i], tokens_read(list[i].first, e, 6));
  }
  // Eager attention computes what its mask hides, and reads all that is cached.
  Engine eager = e;
  eager.flash = false;
  const Runs full = runs(w, eager, Phase::prefill, 6);
  ASSERT_EQ(2u, full.size());  // two of 4 tokens, and the shorter last one
  EXPECT_EQ(2, full[0].count);
  EXPECT_EQ(10, keys_attended(full[1].first, eager, 6));
  EXPECT_EQ(20, tokens_read(full[1].first, eager, 6));
  // Answers at contexts 11, 12, 13, all behind the window.
  const Runs decode = runs(w, e, Phase::decode, 6);
  ASSERT_EQ(1u, decode.size());
  EXPECT_EQ(3, decode[0].count);
  EXPECT_EQ(11, decode[0].first.context);
  EXPECT_EQ(13, decode[0].last.context);
  EXPECT_EQ(6, keys_attended(decode[0].last, e, 6));
  EXPECT_EQ(12, tokens_read(decode[0].last, eager, 6));
}

TEST(Passes, AWindowOfOneSeesTheTokenItself) {
  const Workload w = work(1, 100, 100);
  for (const Phase phase : {Phase::prefill, Phase::decode})
    for (const auto& run : runs(w, chunked(10), phase, 1))
      for (const Pass& pass : {run.first, run.last}) {
        EXPECT_EQ(1, keys_attended(pass, Engine{}, 1));
        EXPECT_EQ(pass.tokens, tokens_read(pass, Engine{}, 1));
      }
}

TEST(Passes, AWindowThatHoldsAllIsNone) {
  const Workload w = work(3, 100, 50);
  for (const double window : {150.0, 151.0, 1e6})
    for (const Phase phase : {Phase::prefill, Phase::decode}) {
      const Runs with = runs(w, chunked(30), phase, window),
                 without = runs(w, chunked(30), phase, 0);
      ASSERT_EQ(without.size(), with.size());
      for (std::size_t i = 0; i < with.size(); ++i) {
        EXPECT_EQ(without[i].count, with[i].count);
        for (const auto end : {&model::Run::first, &model::Run::last}) {
          const Pass a = without[i].*end, b = with[i].*end;
          EXPECT_EQ(a.tokens, b.tokens);
          EXPECT_EQ(a.context, b.context);
          EXPECT_EQ(keys_attended(a, Engine{}, 0), keys_attended(b, Engine{}, window));
          EXPECT_EQ(tokens_read(a, Engine{}, 0), tokens_read(b, Engine{}, window));
        }
      }
    }
}

// ---------------------------------------------------------------------------- times and memory

/// A model of several kinds of layers in a scenario.
struct Situation {
  Architecture a;
  Scenario s;
};
Situation random_situation(Random& random) {
  const auto c = testing::random_case(random, 2000);
  const bool layered = random.chance(0.5);
  return {testing::architecture_from(layered ? testing::random_layered_architecture(random)
                                             : c.at("architecture")),
          testing::scenario_from(c)};
}
template <class Change>
Scenario changed(const Scenario& s, Change change) {
  Device device = s.device;
  Engine engine = s.engine;
  change(device, engine);
  return make_scenario(device, s.precision, s.workload, engine);
}
/// Every group of a kind that can have a window gets this one.
Architecture with_window(Architecture a, std::int64_t window) {
  if (a.attention == AttentionKind::gqa) a.window = window;
  for (Layers& group : a.further)
    if (group.attention == AttentionKind::gqa) group.window = window;
  return a;
}

/// The closed forms of a run against its passes one by one.
TEST(PassTimes, OfAPhaseAreTheSumOverItsPasses) {
  Random random(32);
  for (int i = 0; i < 300 && !::testing::Test::HasFailure(); ++i) {
    Situation c = random_situation(random);
    c.a = with_window(c.a, random.chance(0.2) ? 0 : random.integer(1, 6000));
    c.s = changed(c.s, [&](Device&, Engine& e) {
      if (e.causal || !e.flash) e.prefill_chunk = random.integer(1, 400);
    });
    const auto x = lift(c.a);
    for (const Phase phase : {Phase::prefill, Phase::decode}) {
      const auto list = expected_passes(c.s.workload, c.s.engine, phase);
      const auto batch = static_cast<double>(c.s.workload.batch);
      double seconds = 0, compute_bound = 0;
      for (const auto& group : x.groups)
        for (const Expected& each : list) {
          const Pass pass{.batch = batch,
                          .tokens = batch * static_cast<double>(each.tokens),
                          .context = static_cast<double>(each.context),
                          .decode = phase == Phase::decode};
          const auto& ffn = group.ffn;
          const auto add = [&](const auto& ops) {
            for (const auto& op : ops) {
              const auto time = operator_time(op, c.s.rates);
              seconds += group.layers * time.seconds;
              compute_bound += group.layers * time.compute_bound_s;
            }
          };
          add(attention_operators(group.attention, pass, c.s.precision, c.s.engine));
          add(ffn_operators(ffn, pass.tokens, c.s.precision, c.s.engine,
                            distinct_experts(ffn.experts, ffn.top_k, pass.tokens),
                            down_rows_read(ffn.sparsity, pass.tokens)));
        }
      const auto actual = time_of(x, c.s, phase);
      const auto head = head_time(x.width(), x.tables.vocab, c.s, phase);
      const double busy = actual.seconds - actual.overhead_s - head.seconds;
      EXPECT_NEAR(seconds, busy, 1e-11 * actual.seconds);
      EXPECT_NEAR(compute_bound, actual.compute_bound_s - head.compute_bound_s,
                  1e-11 * actual.seconds);
    }
  }
}

/// The head runs once at the end of the prompt and once for each answer token.
TEST(PassTimes, TheHeadRunsOncePerPromptAndPerAnswerToken) {
  Random random(33);
  for (int i = 0; i < 500 && !::testing::Test::HasFailure(); ++i) {
    const Situation c = random_situation(random);
    const auto on = changed(c.s, [](Device&, Engine& e) { e.lm_head = true; });
    const auto off = changed(c.s, [](Device&, Engine& e) { e.lm_head = false; });
    const double once = operator_time(head_operator(c.a, on).value(), on.rates).seconds;
    EXPECT_FALSE(head_operator(c.a, off));
    const auto x = lift(c.a);
    for (const Phase phase : {Phase::prefill, Phase::decode}) {
      const double n = phase == Phase::decode ? static_cast<double>(on.workload.output_tokens)
                                              : (on.workload.input_tokens > 0 ? 1.0 : 0.0);
      EXPECT_DOUBLE_EQ(n * once, head_time(x.width(), x.tables.vocab, on, phase).seconds);
      EXPECT_EQ(0, head_time(x.width(), x.tables.vocab, off, phase).seconds);
      const double with = time_of(x, on, phase).seconds;
      EXPECT_NEAR(with, time_of(x, off, phase).seconds + n * once, 1e-14 * with);
    }
  }
}

// A split of the passes rounds differently, hence the last digits.
TEST(Windows, AreNeverSlowerNorLargerThanNone) {
  Random random(34);
  int faster = 0, smaller = 0;
  for (int i = 0; i < 3000 && !::testing::Test::HasFailure(); ++i) {
    const Situation c = random_situation(random);
    const auto none = costs(lift(with_window(c.a, 0)), c.s);
    const std::int64_t window = random.integer(1, 6000);
    const auto wide = costs(lift(with_window(c.a, 2 * window)), c.s);
    const auto narrow = costs(lift(with_window(c.a, window)), c.s);
    for (const auto& [less, more] : {std::pair{&wide, &none}, std::pair{&narrow, &wide}}) {
      EXPECT_LE(less->prefill_s, more->prefill_s * (1 + 1e-13));
      EXPECT_LE(less->decode_s, more->decode_s * (1 + 1e-13));
      EXPECT_LE(less->memory_bytes, more->memory_bytes);
    }
    faster += narrow.decode_s < none.decode_s ? 1 : 0;
    smaller += narrow.memory_bytes < none.memory_bytes ? 1 : 0;
  }
  EXPECT_GT(faster, 500);
  EXPECT_GT(smaller, 200);
}

TEST(Windows, AFullCacheTakesTheMemoryOfNoWindowAndTheTimeOfATrimmedOne) {
  Random random(35);
  for (int i = 0; i < 1000 && !::testing::Test::HasFailure(); ++i) {
    const Situation c = random_situation(random);
    const auto full = changed(c.s, [](Device&, Engine& e) { e.full_window_cache = true; });
    const auto trimmed = changed(c.s, [](Device&, Engine& e) { e.full_window_cache = false; });
    const auto x = lift(with_window(c.a, random.integer(1, 6000)));
    EXPECT_EQ(memory(lift(with_window(c.a, 0)), full).total(), memory(x, full).total());
    EXPECT_LE(memory(x, trimmed).kv, memory(x, full).kv);
    EXPECT_EQ(costs(x, trimmed).prefill_s, costs(x, full).prefill_s);
    EXPECT_EQ(costs(x, trimmed).decode_s, costs(x, full).decode_s);
  }
}

// Chunks read weights and cache again and again, and what bounds a sum of passes is less than the
// sum of what bounds each. Eager attention, though, skips what no token of a chunk can see.
TEST(Chunks, AreNeverFasterThanTheWholePromptNorLarger) {
  Random random(36);
  int slower = 0;
  for (int i = 0; i < 3000 && !::testing::Test::HasFailure(); ++i) {
    Situation c = random_situation(random);
    c.s = changed(c.s, [](Device& d, Engine& e) {
      e.causal = true;
      for (auto& [id, efficiency] : d.efficiencies) efficiency.pass_overhead_s = 0;
    });
    const auto whole = changed(c.s, [](Device&, Engine& e) { e.prefill_chunk = 0; });
    const std::int64_t chunk = random.integer(1, 3000);
    const auto parts = changed(c.s, [&](Device&, Engine& e) { e.prefill_chunk = chunk; });
    const auto x = lift(c.a);
    EXPECT_LE(memory(x, parts).total(), memory(x, whole).total());
    EXPECT_EQ(costs(x, whole).decode_s, costs(x, parts).decode_s);
    if (!c.s.engine.flash) continue;
    EXPECT_LE(costs(x, whole).prefill_s, costs(x, parts).prefill_s * (1 + 1e-13));
    slower += costs(x, whole).prefill_s < costs(x, parts).prefill_s * (1 - 1e-9) ? 1 : 0;
  }
  EXPECT_GT(slower, 500);
}

TEST(Overheads, AddThemselvesOncePerPass) {
  Random random(37);
  for (int i = 0; i < 1000 && !::testing::Test::HasFailure(); ++i) {
    const Situation c = random_situation(random);
    const double layer = random.log_real(1e-6, 1e-2), pass = random.log_real(1e-6, 1e-2);
    const auto with = [&](double layer_s, double pass_s) {
      return changed(c.s, [&](Device& d, Engine&) {
        Efficiency e = d.efficiency(c.s.precision.id);
        e.layer_overhead_s = layer_s;
        e.pass_overhead_s = pass_s;
        d.efficiencies = {{"*", e}};
      });
    };
    const auto x = lift(c.a);
    for (const Phase phase : {Phase::prefill, Phase::decode}) {
      const auto n = static_cast<double>(expected_passes(c.s.workload, c.s.engine, phase).size());
      const double layers = n * layer * static_cast<double>(depth(c.a)), fixed = n * pass;
      const auto none = time_of(x, with(0, 0), phase);
      EXPECT_EQ(0, none.overhead_s);
      const auto expect_more = [&](double expected, const PhaseTime<double>& time) {
        EXPECT_NEAR(none.seconds + expected, time.seconds, 2e-15 * time.seconds);
        EXPECT_NEAR(expected, time.overhead_s, 2e-15 * time.seconds);
        EXPECT_EQ(none.compute_bound_s, time.compute_bound_s);
        EXPECT_EQ(none.bandwidth_bound_s, time.bandwidth_bound_s);
      };
      expect_more(layers, time_of(x, with(layer, 0), phase));
      expect_more(fixed, time_of(x, with(0, pass), phase));
      expect_more(layers + fixed, time_of(x, with(layer, pass), phase));
    }
  }
}

// Numbers of few binary digits, so that nothing is rounded.
TEST(Overheads, AddThemselvesExactly) {
  Architecture a;
  a.layers = 3, a.heads = 2, a.head_dim = 64, a.kv_heads = 1, a.expert_ffn = 512;
  a.width = 128, a.vocab = 1024;
  Precision p;
  p.weight_bytes = p.attention_weight_bytes = p.ffn_weight_bytes = p.activation_bytes = 2;
  p.kv_bytes = p.input_bytes = p.head_bytes = p.embedding_bytes = 2;
  Device d;
  d.bandwidth_bytes_per_s = 0x1p36;
  d.peak_flops = {{ComputeType::fp16, 0x1p70}};  // all bound by bandwidth
  const auto seconds = [&](const Efficiency& e, Phase phase) {
    d.efficiencies = {{"*", e}};
    const auto s = make_scenario(d, p, work(1, 640, 32), chunked(256));
    return time_of(lift(a), s, phase).seconds;
  };
  // 640 tokens are passes of 256, 256 and 128.
  for (const auto& [phase, n] : {std::pair{Phase::prefill, 3}, std::pair{Phase::decode, 32}}) {
    const double none = seconds({}, phase);
    EXPECT_GT(none, 0);
    EXPECT_EQ(none + n * 0x1p-10, seconds({.pass_overhead_s = 0x1p-10}, phase));
    EXPECT_EQ(none + n * 3 * 0x1p-12, seconds({.layer_overhead_s = 0x1p-12}, phase));
    EXPECT_EQ(none + n * (3 * 0x1p-12 + 0x1p-10),
              seconds({.layer_overhead_s = 0x1p-12, .pass_overhead_s = 0x1p-10}, phase));
  }
}

}  // namespace
}  // namespace rooflaw::model
