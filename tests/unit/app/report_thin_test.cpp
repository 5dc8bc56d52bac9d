#include "app/report/thin.hpp"

#include <cmath>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/report/html.hpp"

namespace rooflaw::app::report {
namespace {

using ::testing::ElementsAre;
using Curve = std::vector<std::pair<double, double>>;

Curve falling(std::size_t points, unsigned seed) {
  std::mt19937 random(seed);
  std::exponential_distribution<double> step(1.0);
  Curve curve;
  double x = 0, y = 9;
  for (std::size_t i = 0; i < points; ++i) {
    curve.emplace_back(x, y);
    x += step(random);
    y -= step(random) / static_cast<double>(i + 2);
  }
  return curve;
}

double line(const Curve& curve, std::size_t a, std::size_t b, double x) {
  const auto& [ax, ay] = curve[a];
  const auto& [bx, by] = curve[b];
  return ay + (by - ay) * (x - ax) / (bx - ax);
}

TEST(Thinned, KeepsAllThatFit) {
  const Curve curve = falling(5, 1);
  EXPECT_THAT(thinned(curve, 5), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(thinned(Curve{}, 5), ElementsAre());
}

TEST(Thinned, KeepsEndsAndAsManyAsAsked) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    const Curve curve = falling(500, seed);
    for (const std::size_t most : {2U, 3U, 24U, 100U}) {
      const auto places = thinned(curve, most);
      ASSERT_EQ(places.size(), most);
      EXPECT_EQ(places.front(), 0U);
      EXPECT_EQ(places.back(), curve.size() - 1);
      EXPECT_TRUE(std::is_sorted(places.begin(), places.end()));
    }
  }
}

// The hull of what is kept is that of all, as far as its corners fit.
TEST(Thinned, NothingLiesBelowTheHullOfWhatIsKept) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    const Curve curve = falling(500, seed);
    const auto places = thinned(curve, 100);
    for (std::size_t p = 0; p < curve.size(); ++p) {
      bool below = true;  // every chord of kept points that spans p?
      for (std::size_t a = 0; a < places.size() && below; ++a)
        for (std::size_t b = a; b < places.size() && below; ++b) {
          if (places[a] == p || places[b] == p)
            below = false;
          else if (places[a] < p && p < places[b])
            below = curve[p].second < line(curve, places[a], places[b], curve[p].first) - 1e-12;
        }
      EXPECT_FALSE(below) << "seed " << seed << ", point " << p;
    }
  }
}

TEST(Thinned, AConvexCurveStaysNearItself) {
  Curve curve;
  for (int i = 0; i < 20000; ++i) curve.emplace_back(0.001 * i, std::exp(-0.0003 * i));
  const auto places = thinned(curve, 40);
  for (std::size_t k = 1; k < places.size(); ++k)
    for (std::size_t p = places[k - 1]; p < places[k]; ++p) {
      const double on_line = line(curve, places[k - 1], places[k], curve[p].first);
      EXPECT_LE(curve[p].second, on_line + 1e-12);
      EXPECT_NEAR(curve[p].second, on_line, 0.005);
    }
}

TEST(Html, EscapesWhatIsForeign) {
  EXPECT_EQ(escaped("<a href='x' \"&"), "&lt;a href=&#39;x&#39; &quot;&amp;");
  EXPECT_EQ(escaped("\x1b[31m\n"), "\\x1b[31m\\x0a");
  EXPECT_EQ(escaped("a\nb", "\n"), "a\nb");
}

TEST(Html, ScriptJsonCannotEndItsElement) {
  const auto text = script_json({{"</script><!--", "\xe2\x80\xa8 & \xff"}});
  EXPECT_EQ(text.find('<'), std::string::npos);
  EXPECT_EQ(text.find('>'), std::string::npos);
  EXPECT_EQ(text.find('&'), std::string::npos);
  for (const char c : text) EXPECT_GE(c, ' ') << "ASCII only";
  EXPECT_EQ(nlohmann::json::parse(text).begin().key(), "</script><!--");
}

TEST(Html, FillsPlaceholdersOnce) {
  EXPECT_EQ(filled("a{{x}}b{{y}}", {{"x", "{{y}}"}, {"y", "2"}}), "a{{y}}b2");
  EXPECT_ANY_THROW(filled("{{z}}", {}));
}

}  // namespace
}  // namespace rooflaw::app::report
