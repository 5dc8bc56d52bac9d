// A PLAS that is stopped after any round and goes on in another one equals the one that ran
// through.

#include <gtest/gtest.h>

#include "rooflaw/search/refine/refine.hpp"
#include "rooflaw/search/state.hpp"
#include "unit/search/plas_cases.hpp"

namespace rooflaw::testing {
namespace {

using search::Plas;
using search::Question;

struct Ended {
  std::vector<std::vector<search::FrontierPoint>> frontiers;
  search::Index scored = 0, requested = 0, rounds = 0, calls = 0;
  double hypervolume = 0;
  bool operator==(const Ended&) const = default;
  friend void PrintTo(const Ended& e, std::ostream* out) {
    *out << e.rounds << " rounds, " << e.scored << " of " << e.requested << " scored, " << e.calls
         << " calls, hypervolume " << e.hypervolume;
  }
};

Ended ended(const Plas& plas) {
  Ended e{.frontiers = {},
          .scored = plas.counts().scored,
          .requested = plas.counts().requested,
          .rounds = plas.counts().rounds,
          .calls = plas.counts().relaxations.calls,
          .hypervolume = plas.hypervolume()};
  for (const auto& frontier : plas.frontiers()) e.frontiers.push_back(frontier.points());
  return e;
}

void step(Plas& plas) {
  std::vector<search::Proposal> proposals;
  for (std::size_t s = 0; s < plas.stretches(); ++s) proposals.push_back(plas.propose(s));
  plas.accept(proposals);
  plas.absorb(plas.score());
}

/// Moves to a new Plas after every `every` rounds; 0: never.
template <class Make>
Ended run(const Make& make, int every) {
  auto plas = std::make_unique<Plas>(make());
  plas->absorb(plas->score());
  for (int round = 1; !plas->finished(); ++round) {
    if (every > 0 && round % every == 0) {
      const auto state = plas->state();
      plas = std::make_unique<Plas>(make());
      plas->restore(state);
    }
    step(*plas);
  }
  return ended(*plas);
}

TEST(PlasResume, EqualsTheUninterruptedRun) {
  Random random(77);
  int moved = 0;
  for (int i = 0; i < 30 && !::testing::Test::HasFailure(); ++i) {
    RandomQuestion r = random_question(random, 300, 3000, 300);
    if (random.chance(0.5)) limit_exactly(random, r);
    Question& question = r.question;
    search::PlasOptions options;
    options.initial_samples = random.integer(1, 60);
    options.max_evaluations = random.integer(50, 800);
    options.gaps_per_round = random.integer(0, 2);
    const auto make = [&] { return Plas(question, options); };
    const Ended whole = run(make, 0);
    moved += whole.rounds > 2 ? 1 : 0;
    for (const int every : {1, 2, 3}) EXPECT_EQ(whole, run(make, every)) << i << ", " << every;
  }
  EXPECT_GT(moved, 10);
}

TEST(PlasResume, FromKnownFrontiersToo) {
  const Question question = benchmark_question();
  search::PlasOptions options;
  options.max_evaluations = 600;
  Plas first(question, options);
  first.absorb(first.score());
  const Question fine = search::refined_question(question);
  const auto known = search::known_frontiers(question, fine, search::points_of(first.frontiers()));
  const auto make = [&] { return Plas(fine, options, known); };
  const Ended whole = run(make, 0);
  EXPECT_GT(whole.rounds, 3);
  EXPECT_EQ(whole, run(make, 1));
}

}  // namespace
}  // namespace rooflaw::testing
