// Tables that fit a width.

#include <cstdlib>
#include <sstream>

#include <gtest/gtest.h>

#include "app/text_table.hpp"

namespace rooflaw::testing {
namespace {

TEST(TextTable, AlignsAndFolds) {
  const std::vector<std::vector<std::string>> lines{
      {"device", "loss", "time"}, {"a", "3.25", "10 ms"}, {"longer name", "-", ""}};
  EXPECT_EQ(
      "  device       loss   time\n"
      "  a            3.25  10 ms\n"
      "  longer name     -\n",
      app::text_table(lines, 80));
  EXPECT_EQ(
      "  device       loss\n"
      "  a            3.25\n"
      "  longer name     -\n"
      "  device        time\n"
      "  a            10 ms\n"
      "  longer name\n",
      app::text_table(lines, 22));
  EXPECT_EQ("  only\n", app::text_table({{"only"}}, 80));
  EXPECT_EQ("", app::text_table({}, 80));
}

TEST(TextTable, NoLineIsWiderWhereItCanBeHelped) {
  std::vector<std::vector<std::string>> lines(4, {"a device's name"});
  for (std::size_t i = 0; i < lines.size(); ++i)
    for (std::size_t c = 0; c < 13; ++c) lines[i].push_back(std::string(1 + (7 * c + i) % 11, 'x'));
  for (const std::size_t width : {30u, 45u, 80u, 200u}) {
    std::istringstream text(app::text_table(lines, width));
    for (std::string line; std::getline(text, line);) EXPECT_LE(line.size(), width) << line;
  }
}

TEST(TextTable, WidthIsAskedForOrUsual) {
  ::setenv("COLUMNS", "132", 1);
  EXPECT_EQ(132u, app::terminal_width());
  for (const char* none : {"0", "wide", "-4", "3"}) {
    ::setenv("COLUMNS", none, 1);
    EXPECT_GE(app::terminal_width(), 40u);
  }
  ::unsetenv("COLUMNS");
}

}  // namespace
}  // namespace rooflaw::testing
