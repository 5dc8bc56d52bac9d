// What people are told of how far a run is.

#include "rooflaw/app/run_log.hpp"

#include <gmock/gmock.h>

namespace rooflaw::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ProgressText, SaysHowMuchLongerOnceThatCanBeTold) {
  EXPECT_EQ("30 s, about 90 s left, 7 points",
            progress_text({.done = 25, .of = 100, .frontier_points = 7}, 30));
  EXPECT_EQ("level 2 of 3, 4 s, about 4 s left, 0 points",
            progress_text({.done = 1, .of = 2, .level = 2, .levels = 3}, 4));
  // The first piece of a phase that began with something else: "about 600000 s left".
  EXPECT_EQ("6 s, 7 points", progress_text({.done = 1, .of = 100000, .frontier_points = 7}, 6));
  EXPECT_THAT(progress_text({.done = 1, .of = 1000}, 60), HasSubstr("about 59940 s left"));
  EXPECT_THAT(progress_text({.done = 0, .of = 1000}, 600), Not(HasSubstr("left")));
  EXPECT_EQ("9 s, about 0 s left, 7 points",
            progress_text({.done = 0, .of = 0, .frontier_points = 7}, 9));
}

}  // namespace
}  // namespace rooflaw::app
