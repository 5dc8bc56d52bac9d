// Several laws in one question: each finds what it finds alone, whatever the others are.

#include <gtest/gtest.h>

#include "rooflaw/search/method_run.hpp"
#include "rooflaw/search/refine/refine.hpp"
#include "rooflaw/search/result.hpp"
#include "unit/search/random_question.hpp"

namespace rooflaw::testing {
namespace {

using search::FrontierPoints;
using search::Method;
using search::Question;

std::vector<FrontierPoints> found(const Method& method, const Question& question) {
  const auto run = search::start(method, question);
  run->begin({});
  for (; !run->finished(); run->next_round(run->gathered())) {
    for (std::int64_t piece = 0; piece < run->pieces(); ++piece) run->score(piece, [] {});
    // A state of it is one that the model agrees with.
    EXPECT_NO_THROW(run->check(run->state()));
  }
  return run->found().frontiers;
}

struct Case {
  RandomQuestion of_one;  // of the published law
  std::vector<model::Law> laws;
  Question of_all;

  Question alone(std::size_t law) const {
    Question question = of_one.question;
    question.laws = {laws[law]};
    return question;
  }
  /// Where a target of `alone` stands in `of_all`.
  std::size_t number(std::size_t target, std::size_t law) const {
    return target * laws.size() + law;
  }
};

Case random_laws(Random& random, search::Index most) {
  Case c{.of_one = random_question(random, 1, most, 300), .laws = {published_law()}, .of_all = {}};
  if (random.chance(0.7)) limit_exactly(random, c.of_one);
  if (random.chance(0.2)) c.of_one.question.space.within = published_law().range;
  for (std::int64_t n = random.integer(1, 2); n > 0; --n) c.laws.push_back(random_law(random));
  random.shuffle(c.laws);
  c.of_all = with_laws(c.of_one.question, c.laws);
  return c;
}

TEST(Laws, EachFindsWhatItFindsAlone) {
  Random random(801);
  std::size_t points = 0, differing = 0;
  for (int i = 0; i < 150 && !::testing::Test::HasFailure(); ++i) {
    const Case c = random_laws(random, 2000);
    SCOPED_TRACE(c.of_one.space.dump());
    const std::vector<Method> methods = {search::Grid{}, search::Exact{}, search::Exact{0.01},
                                         search::Sample{.points = 300}};
    for (const Method& method : methods) {
      SCOPED_TRACE(to_string(method));
      const auto together = found(method, c.of_all);
      ASSERT_EQ(c.of_all.targets.size(), together.size());
      for (std::size_t law = 0; law < c.laws.size(); ++law) {
        const auto alone = found(method, c.alone(law));
        for (std::size_t t = 0; t < alone.size(); ++t) {
          const std::size_t n = c.number(t, law);
          EXPECT_EQ(alone[t], together[n]) << "law " << law << ", target " << t;
          EXPECT_NO_THROW(search::rows_of(c.of_all, c.of_all.targets[n], together[n]));
          points += together[n].size();
          differing += law > 0 && together[n] != together[c.number(t, 0)] ? 1 : 0;
        }
      }
    }
  }
  EXPECT_GT(points, 20000u);
  EXPECT_GT(differing, 1000u);
}

TEST(Laws, EachIsRefinedAsAlone) {
  Random random(803);
  std::size_t improved = 0;
  search::RefineOptions options;
  options.plas.max_evaluations = 150;
  options.in_range = false;  // such spaces lie outside
  for (int i = 0; i < 12 && !::testing::Test::HasFailure(); ++i) {
    const Case c = random_laws(random, 1000);
    SCOPED_TRACE(c.of_one.space.dump());
    const Question fine = search::refined_question(c.of_all);
    for (std::size_t law = 0; law < c.laws.size(); ++law) {
      const Question alone = c.alone(law);
      const Question fine_alone = search::refined_question(alone);
      const auto frontiers = grid(alone);
      for (std::size_t t = 0; t < frontiers.size(); ++t) {
        const auto frontier = frontiers[t].points();
        const auto expected = search::refine(alone, fine_alone, t, frontier, options, [] {});
        const auto refined =
            search::refine(c.of_all, fine, c.number(t, law), frontier, options, [] {});
        EXPECT_EQ(expected.improvements.points(), refined.improvements.points());
        EXPECT_EQ(expected.counts.evaluations(), refined.counts.evaluations());
        EXPECT_EQ(expected.counts.rounds, refined.counts.rounds);
        improved += refined.improvements.size();
      }
    }
  }
  EXPECT_GT(improved, 200u);
}

}  // namespace
}  // namespace rooflaw::testing
