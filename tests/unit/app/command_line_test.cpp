// Arguments and numbers as people read them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/app/command_line.hpp"

namespace rooflaw::app {
namespace {

namespace po = boost::program_options;

std::optional<po::variables_map> parse(const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("output,o", po::value<std::string>(), "where to");
  return parse_arguments(arguments, "thing JOB [-o FILE]", "Does a thing.", options, {"job"});
}

TEST(ParseArguments, OptionsAndPlaces) {
  const auto values = parse({"a.toml", "-o", "b.h5"});
  ASSERT_TRUE(values);
  EXPECT_EQ("a.toml", required(*values, "job", "thing JOB"));
  EXPECT_EQ("b.h5", (*values)["output"].as<std::string>());
}

TEST(ParseArguments, HelpIsPrintedToStdout) {
  ::testing::internal::CaptureStdout();
  const auto values = parse({"--help"});
  const std::string printed = ::testing::internal::GetCapturedStdout();
  EXPECT_FALSE(values);
  EXPECT_THAT(printed, ::testing::HasSubstr("usage: rooflaw thing JOB"));
  EXPECT_THAT(printed, ::testing::HasSubstr("Does a thing."));
  EXPECT_THAT(printed, ::testing::HasSubstr("--output"));
}

TEST(ParseArguments, MistakesEndWithExitCodeTwo) {
  for (const Arguments& arguments :
       {Arguments{"--nothing"}, Arguments{"a", "b", "c"}, Arguments{"a", "-o"}}) {
    try {
      parse(arguments);
      FAIL() << arguments.front();
    } catch (const Error& e) {
      EXPECT_EQ(ExitCode::bad_input, e.exit_code());
      EXPECT_THAT(e.what(), ::testing::HasSubstr("usage: rooflaw thing"));
    }
  }
  const auto values = parse({});
  ASSERT_TRUE(values);
  EXPECT_THROW(required(*values, "job", "thing JOB"), Error);
}

TEST(ParseArguments, APlaceThatTakesTheRest) {
  const auto parsed = [](const Arguments& arguments) {
    return parse_arguments(arguments, "thing A B...", "Does a thing.",
                           po::options_description("options"), {"A", "B..."});
  };
  const auto values = parsed({"1", "2", "3", "4"});
  ASSERT_TRUE(values);
  EXPECT_EQ("1", required(*values, "A", "thing A B..."));
  EXPECT_EQ((std::vector<std::string>{"2", "3", "4"}),
            (*values)["B..."].as<std::vector<std::string>>());
  EXPECT_EQ(0u, parsed({"1"})->count("B..."));
}

TEST(Readable, Numbers) {
  EXPECT_EQ("12.3 ms", readable_seconds(0.0123));
  EXPECT_EQ("1.5 s", readable_seconds(1.5));
  EXPECT_EQ("999.9 us", readable_seconds(0.0009999));
  EXPECT_EQ("2 ns", readable_seconds(2e-9));
  EXPECT_EQ("0 ns", readable_seconds(0));
  EXPECT_EQ("64 GiB", readable_bytes(64.0 * 1024 * 1024 * 1024));
  EXPECT_EQ("1.5 KiB", readable_bytes(1536));
  EXPECT_EQ("42.5 T", readable_count(42.5e12));
  EXPECT_EQ("494 M", readable_count(494e6));
}

}  // namespace
}  // namespace rooflaw::app
