// A study over ranks in one process: the same for any number of ranks, and for one that is stopped
// again and again; what it keeps is looked at before it is used.

#include "rooflaw/cluster/study.hpp"

#include <gtest/gtest.h>
#include <chrono>

#include "unit/cluster/in_process.hpp"
#include "unit/search/random_question.hpp"

namespace rooflaw::testing {
namespace {

using cluster::Communicator;
using cluster::Study;
using cluster::Watch;
using search::Findings;

/// All that a result shows of it.
Bytes shown(const Findings& found) {
  return packed(found.search.value().frontiers, found.search->complete,
                found.refined ? found.refined->improvements : std::vector<search::FrontierPoints>{},
                found.whole.value_or(std::vector<search::FrontierPoints>{}), found.theory.value());
}

struct StudyRun {
  std::optional<Findings> found;
  Bytes kept;
  std::vector<std::exception_ptr> thrown;
};

StudyRun run(const Study& study, int ranks, const Bytes& kept, double seconds) {
  StudyRun ran;
  ran.thrown = on_ranks(ranks, [&](Communicator& communicator) {
    Watch watch(communicator, {.max_wall_s = seconds, .checkpoint_every_s = 0.01},
                [](const cluster::Event&) {});
    const cluster::StudyHooks hooks{.progress = [](std::string_view, const search::Progress&) {},
                                    .keep = [&](const Bytes& state) { ran.kept = state; }};
    watch.together([&] {
      auto found = run_study(study, communicator, watch, kept, hooks);
      if (communicator.is_root()) ran.found = std::move(found);
    });
  });
  return ran;
}

struct Case {
  search::Question question;
  search::Method method;
  bool certify = false;
  Study study() const {
    search::RefineOptions refine;
    refine.plas.max_evaluations = 60;
    return {question, method, refine, certify};
  }
};

std::vector<Case> cases() {
  Random random(71);
  const auto question = random_question(random, 2000, 4000, 200).question;
  search::PlasOptions plas;
  plas.max_evaluations = 400;
  return {{question, search::Exact{0.001}},
          {question, search::Grid{}},
          {question, search::Sample{.points = 20000}, true},
          {question, plas, true}};
}

TEST(Study, TheSameOnAnyNumberOfRanks) {
  for (const auto& c : cases()) {
    SCOPED_TRACE(to_string(c.method));
    const auto alone = run(c.study(), 1, {}, 1000);
    ASSERT_TRUE(alone.found) << what(alone.thrown[0]);
    EXPECT_EQ(c.certify, alone.found->whole.has_value());
    for (const int ranks : {2, 5}) {
      const auto together = run(c.study(), ranks, {}, 1000);
      for (const auto& thrown : together.thrown) EXPECT_EQ("", what(thrown));
      ASSERT_TRUE(together.found);
      EXPECT_EQ(shown(*alone.found), shown(*together.found)) << ranks << " ranks";
    }
  }
}

TEST(Study, TheSameHoweverOftenStopped) {
  using Clock = std::chrono::steady_clock;
  for (const auto& c : cases()) {
    SCOPED_TRACE(to_string(c.method));
    const auto start = Clock::now();
    const auto whole = run(c.study(), 1, {}, 1000);
    // A twentieth of what it takes: stopped at least once on a machine of any speed.
    double seconds = 0.05 * std::chrono::duration<double>(Clock::now() - start).count();
    int stops = 0;
    StudyRun last;
    for (int ranks = 1; !last.found; ranks = ranks % 3 + 1, seconds *= 1.3) {
      const Bytes kept = last.kept;
      if (!kept.empty()) {
        EXPECT_NO_THROW(check_kept(c.study(), kept));
      }
      last = run(c.study(), ranks, kept, seconds);
      stops += last.found ? 0 : 1;
      if (last.kept.empty()) last.kept = kept;
    }
    EXPECT_EQ(shown(*whole.found), shown(*last.found));
    EXPECT_GT(stops, 0);
  }
}

TEST(Study, LooksAtWhatWasKept) {
  for (const auto& c : cases()) {
    SCOPED_TRACE(to_string(c.method));
    const auto whole = run(c.study(), 1, {}, 1000);
    const Bytes kept = cluster::as_kept(*whole.found);
    EXPECT_NO_THROW(check_kept(c.study(), kept));
    for (std::size_t size = 0; size < kept.size(); size += 1 + kept.size() / 200)
      EXPECT_THROW(check_kept(c.study(), Bytes(kept.begin(),
                                               kept.begin() + static_cast<std::ptrdiff_t>(size))),
                   Error);
    const auto refused = [&](const auto& change) {
      Findings found = *whole.found;
      change(found);
      EXPECT_THROW(check_kept(c.study(), cluster::as_kept(found)), Error);
    };
    refused([](Findings& f) { f.search->frontiers[0][0].loss = std::nan(""); });
    refused([](Findings& f) { f.search->frontiers.pop_back(); });
    refused([](Findings& f) { f.search->pairs_scored = std::numeric_limits<std::int64_t>::min(); });
    refused([](Findings& f) { f.refined->improvements.pop_back(); });
    refused([](Findings& f) { f.refined->counts.scored = -1; });
    refused([](Findings& f) { f.theory->back().emplace_back(); });
    refused([](Findings& f) {
      f.theory->front().front().binding =
          static_cast<search::Binding>(search::binding_words().size());
    });
    refused([](Findings& f) { f.theory->front().front().loss = 0; });
    refused([](Findings& f) { f.theory->front().front().search_minus_theory_loss += 1; });
    refused([](Findings& f) { f.seconds.erase("search"); });
    refused([](Findings& f) { f.search.reset(); });
  }
}

}  // namespace
}  // namespace rooflaw::testing
