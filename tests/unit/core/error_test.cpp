// Errors as the user sees them, and the exit codes they end a program with.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/core/version.hpp"

namespace rooflaw {
namespace {

TEST(InputFault, TextHasPlaceKeyValueRuleAndHint) {
  InputFault fault{.file = "job.toml",
                   .line = 7,
                   .column = 12,
                   .key = "space.layers",
                   .value = "-3",
                   .rule = "must be positive"};
  EXPECT_EQ("job.toml:7:12: space.layers = -3: must be positive", fault.text());
  fault.hint = "did you mean \"3\"?";
  EXPECT_EQ("job.toml:7:12: space.layers = -3: must be positive (did you mean \"3\"?)",
            fault.text());
}

TEST(InputFault, WhatIsUnknownIsLeftOut) {
  EXPECT_EQ("--set: job: is missing",
            (InputFault{.file = "--set", .key = "job", .rule = "is missing"}.text()));
}

TEST(InputFault, IsOneLineWhateverItQuotes) {
  const InputFault fault{.file = "a",
                         .line = 1,
                         .column = 2,
                         .key = "two\nlines",
                         .value = "\x1b[31m\t",
                         .rule = "is bad"};
  EXPECT_EQ("a:1:2: two\\nlines = \\x1b[31m\\x09: is bad", fault.text());
}

TEST(InputError, SaysEverythingOneFaultALine) {
  const InputError error({{.file = "a", .line = 1, .column = 2, .key = "x", .rule = "is bad"},
                          {.file = "a", .line = 3, .column = 4, .key = "y", .rule = "is worse"}});
  EXPECT_STREQ("a:1:2: x: is bad\na:3:4: y: is worse", error.what());
  EXPECT_EQ(2u, error.faults().size());
}

TEST(Errors, CarryTheirExitCode) {
  EXPECT_EQ(1, static_cast<int>(Error("x").exit_code()));
  EXPECT_EQ(2, static_cast<int>(InputError({}).exit_code()));
  EXPECT_EQ(2, static_cast<int>(DomainError("x").exit_code()));
  EXPECT_EQ(3, static_cast<int>(FileError("f", "x").exit_code()));
  EXPECT_EQ(5, static_cast<int>(MpiError("x").exit_code()));
  EXPECT_STREQ("some/file: cannot be read", FileError("some/file", "cannot be read").what());
}

TEST(Version, IsThatOfABuild) {
  EXPECT_THAT(std::string(program_version()),
              ::testing::ContainsRegex("^[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_FALSE(git_commit().empty());
}

}  // namespace
}  // namespace rooflaw
