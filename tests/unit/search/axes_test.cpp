// The table of axes: complete, in the order of the index, and what jobs/README.md says.

#include "rooflaw/search/space/axes.hpp"

#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "unit/search/random_question.hpp"

namespace rooflaw::testing {
namespace {

using search::Axis;

TEST(Axes, AreDocumentedInTheOrderOfTheIndex) {
  std::ifstream file(std::string(ROOFLAW_SOURCE_DIR) + "/jobs/README.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::string readme = text.str();
  std::size_t before = 0;
  for (const Axis axis : search::all_axes) {
    const auto& home = search::home_of(axis);
    const std::string row = fmt::format(
        "\n| `space.{}` | {} | {} |\n", home.key,
        home.required ? "required" : fmt::format("`{}`", home.default_text), home.meaning);
    const std::size_t at = readme.find(row);
    EXPECT_NE(std::string::npos, at) << row;
    EXPECT_GT(at, before) << row;
    before = at;
  }
}

/// What an axis writes into an architecture is where keys_of finds it again.
TEST(Axes, EnterWhatTheyFindAgain) {
  Random random(401);
  std::size_t seen = 0;
  for (int i = 0; i < 100; ++i) {
    const search::Space space = space_from(random_space(random));
    if (search::index_count(space).value() > 5000) continue;
    for (const auto& [index, a] : all_points(space)) {
      const auto digits = search::digits_of(space, index);
      for (const Axis axis : search::all_axes) {
        const auto& home = search::home_of(axis);
        model::Architecture same = a;
        home.enter(space, digits[axis], same);
        EXPECT_EQ(a, same);
        const auto key = home.key_of(space, digits[axis]);
        const auto ranges = home.keys_of(space, a);
        EXPECT_TRUE(std::any_of(ranges.begin(), ranges.end(), [&](const auto& range) {
          return range.first <= key && key <= range.second;
        })) << home.key;
      }
      ++seen;
    }
  }
  EXPECT_GT(seen, 5000u);
}

}  // namespace
}  // namespace rooflaw::testing
