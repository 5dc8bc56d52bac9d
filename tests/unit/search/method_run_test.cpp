// What any method gives those who run it: the same result alone and by pieces over ranks, from any
// state; and states that cannot be are refused.

#include "rooflaw/search/method_run.hpp"

#include <array>

#include <gtest/gtest.h>

#include "rooflaw/core/numbers.hpp"
#include "rooflaw/search/score/scan_run.hpp"
#include "unit/search/plas_cases.hpp"

namespace rooflaw::testing {
namespace {

using search::FrontierPoint;
using search::FrontierPoints;
using search::Method;
using search::MethodRun;
using search::Question;

search::PlasOptions few_evaluations() {
  search::PlasOptions options;
  options.initial_samples = 40;
  options.max_evaluations = 300;
  return options;
}

const std::vector<Method> methods = {search::Exact{}, search::Exact{0.01}, search::Grid{},
                                     search::Sample{.points = 9000}, few_evaluations()};

Question small_question() {
  Random random(41);
  return random_question(random, 1500, 3000, 200).question;
}

/// Runs to the end, every piece twice if asked; moves to a new run after every `every` pieces.
search::Outcome run(const Method& method, const Question& question, bool twice, int every) {
  auto run = search::start(method, question);
  run->begin({});
  int done = 0;
  for (; !run->finished(); run->next_round(run->gathered()))
    for (std::int64_t piece = 0; piece < run->pieces(); ++piece) {
      run->score(piece, [] {});
      if (twice) run->score(piece, [] {});
      run->settle();
      if (every == 0 || ++done % every != 0) continue;
      const Bytes state = run->state();
      EXPECT_EQ(run->pieces(), run->check(state));
      run = search::start(method, question);
      run->begin(state);
    }
  return run->found();
}

TEST(MethodRun, TheSameFromAnyState) {
  const Question question = small_question();
  for (const auto& method : methods) {
    SCOPED_TRACE(to_string(method));
    const auto whole = run(method, question, false, 0);
    ASSERT_EQ(question.targets.size(), whole.frontiers.size());
    EXPECT_FALSE(whole.frontiers[0].empty());
    EXPECT_EQ(whole.frontiers, run(method, question, true, 0).frontiers);
    for (const int every : {1, 3}) {
      const auto moved = run(method, question, false, every);
      EXPECT_EQ(whole.frontiers, moved.frontiers);
      if (!std::holds_alternative<search::Exact>(method)) {
        EXPECT_EQ(whole.pairs_scored, moved.pairs_scored);
      }
    }
  }
}

TEST(MethodRun, TheSameByAWorker) {
  const Question question = small_question();
  for (const auto& method : methods) {
    SCOPED_TRACE(to_string(method));
    const auto whole = run(method, question, false, 0);
    auto root = search::start(method, question, {0, 2});
    auto worker = search::start(method, question, {1, 2});
    root->begin({});
    worker->begin({});
    while (!root->finished()) {
      ASSERT_FALSE(worker->finished());
      ASSERT_EQ(root->pieces(), worker->pieces());
      for (std::int64_t piece = root->pieces(); piece-- > 0;) {
        const auto& one = piece % 3 == 0 ? root : worker;
        one->score(piece, [] {});
        if (piece % 5 != 0) one->settle();
        const std::array ranks{1};
        if (const auto news = root->news(ranks); !news[0].empty()) worker->learn(0, news[0]);
        if (piece % 2 == 0) root->absorb(worker->report());
      }
      root->settle();
      worker->settle();
      root->absorb(worker->report());
      const Bytes gathered = root->gathered();
      root->next_round(gathered);
      worker->next_round(gathered);
    }
    EXPECT_TRUE(worker->finished());
    EXPECT_EQ(whole.frontiers, root->found().frontiers);
    if (!std::holds_alternative<search::Exact>(method)) {
      EXPECT_EQ(whole.pairs_scored, root->found().pairs_scored);
    }
  }
}

/// A grid's state half way, changed.
template <class Change>
void expect_scan_refused(const Change& change) {
  const Question question = small_question();
  const auto run = search::start(search::Grid{}, question);
  run->begin({});
  for (std::int64_t piece = 0; piece < run->pieces() / 2; ++piece) run->score(piece, [] {});
  run->settle();
  auto state = unpacked<search::ScanState>(run->state());
  EXPECT_NO_THROW(run->check(packed(state)));
  ASSERT_GT(state.frontiers.at(0).size(), 2u);
  change(state);
  EXPECT_THROW(run->check(packed(state)), Error);
}

TEST(MethodRun, RefusesForgedFrontiers) {
  const auto forged = [](auto member, auto value) {
    expect_scan_refused([&](search::ScanState& s) { s.frontiers[0][1].*member = value; });
  };
  for (const double latency : {nan, -1.0, 0.0, 1e300}) forged(&FrontierPoint::latency_s, latency);
  for (const double loss : {nan, -1e300, 3.0}) forged(&FrontierPoint::loss, loss);
  for (const std::int64_t index : {std::int64_t{-1}, std::int64_t{0}, std::int64_t{1} << 60,
                                   std::numeric_limits<std::int64_t>::min()})
    forged(&FrontierPoint::index, index);
  using State = search::ScanState;
  expect_scan_refused([](State& s) { s.frontiers.pop_back(); });
  expect_scan_refused([](State& s) { s.frontiers.emplace_back(); });
  expect_scan_refused([](State& s) { s.frontiers.resize(100000); });
  expect_scan_refused([](State& s) { std::swap(s.frontiers[0][0], s.frontiers[0][1]); });
  expect_scan_refused([](State& s) { s.frontiers[0][1] = s.frontiers[0][0]; });
  expect_scan_refused([](State& s) { s.round = 1; });
  expect_scan_refused([](State& s) { s.seed = s.frontiers; });
  expect_scan_refused([](State& s) { s.pairs = std::numeric_limits<std::int64_t>::min(); });
  expect_scan_refused([](State& s) { s.pairs = std::numeric_limits<std::int64_t>::max(); });
}

TEST(MethodRun, ExactHasASeedInItsLastRoundWithATolerance) {
  const Question question = small_question();
  for (const bool tolerant : {false, true}) {
    const auto run = search::start(search::Exact{tolerant ? 0.01 : 0.0}, question);
    run->begin({});
    auto state = unpacked<search::ScanState>(run->state());
    EXPECT_NO_THROW(run->check(packed(state)));
    state.seed = tolerant ? std::vector<FrontierPoints>{} : state.frontiers;
    EXPECT_THROW(run->check(packed(state)), Error);
  }
}

/// As plas_run.cpp has it.
struct PlasRunState {
  search::PlasState before;
  std::vector<std::optional<search::Proposal>> proposals;
};
template <class Archive>
void fields(Archive& a, PlasRunState& x) {
  a(x.before, x.proposals);
}

TEST(MethodRun, RefusesForgedStatesOfPlas) {
  const Question question = small_question();
  const auto run = search::start(few_evaluations(), question, {});
  run->begin({});
  for (int round = 0; round < 2; ++round) {
    for (std::int64_t piece = 0; piece < run->pieces(); ++piece) run->score(piece, [] {});
    run->next_round({});
  }
  ASSERT_FALSE(run->finished());
  run->score(0, [] {});
  const Bytes whole = run->state();
  EXPECT_NO_THROW(run->check(whole));
  int number = 0;
  const auto refused = [&](const auto& change) {
    auto state = unpacked<PlasRunState>(whole);
    change(state.before, state.proposals);
    EXPECT_THROW(run->check(packed(state)), Error) << "change " << number;
    ++number;
  };
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  const auto end = *search::index_count(question.space);
  for (const std::int64_t index : {std::int64_t{-1}, least, end, ~least}) {
    refused([&](auto& s, auto&) { s.points[1] = index; });
    refused([&](auto&, auto& p) { p[0]->points = {index}; });
    refused([&](auto& s, auto&) { s.relaxed.push_back({0, index, 0}); });
    refused([&](auto& s, auto&) { s.relaxed.push_back({0, 0, index}); });
  }
  for (search::Index i = 0; i < end; ++i)
    if (!search::architecture_at(question.space, search::digits_of(question.space, i))) {
      refused([&](auto& s, auto&) { s.points[0] = i; });
      break;
    }
  refused([](auto& s, auto&) { s.points[1] = s.points[0]; });
  refused([](auto& s, auto&) { s.points.pop_back(); });
  refused([](auto& s, auto&) { s.relaxed.push_back({1000, 0, 0}); });
  refused([](auto& s, auto&) { s.reference.pop_back(); });
  refused([](auto& s, auto&) { s.reference[0].latency_s = -1; });
  refused([](auto& s, auto&) { s.reference[0].loss = std::nan(""); });
  refused([](auto& s, auto&) { s.hypervolume = std::nan(""); });
  for (const int rounds : {-1, 7, 63, 64, std::numeric_limits<int>::min()}) {
    refused([&](auto& s, auto&) { s.idle_rounds = rounds; });
    refused([&](auto& s, auto&) { s.slow_rounds = rounds; });
  }
  refused([](auto& s, auto&) { s.counts.rounds = least; });
  refused([](auto& s, auto&) { s.counts.relaxations.calls = ~least; });
  refused([](auto& s, auto&) { s.counts.relaxations.calls = 1000; });
  refused([](auto&, auto& p) { p[0]->relaxations.calls = -1; });
  refused([](auto&, auto& p) { p.pop_back(); });
  refused([](auto&, auto& p) { p.resize(1000000); });
}

TEST(Method, HasAName) {
  for (const auto& method : methods) {
    const auto found = search::method_from(to_string(method));
    ASSERT_TRUE(found);
    EXPECT_EQ(method.index(), found->index());
  }
  EXPECT_FALSE(search::method_from("random"));
  EXPECT_EQ(0.01, search::proven_gap(methods[1]));
  EXPECT_EQ(0.0, search::proven_gap(search::Grid{}));
  EXPECT_FALSE(search::proven_gap(methods[4]));
}

}  // namespace
}  // namespace rooflaw::testing
