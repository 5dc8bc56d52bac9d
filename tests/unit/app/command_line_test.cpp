// Arguments and numbers as people read them.

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/app/command_line.hpp"
#include "rooflaw/core/numbers.hpp"

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

TEST(ParseArguments, AnOptionThatIsNoneHasAHint) {
  try {
    parse({"a.toml", "--ouptut", "b.h5"});
    FAIL();
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), ::testing::HasSubstr("did you mean \"--output\"?"));
  }
}

TEST(PositiveQuantity, OfOptions) {
  using format::Dimension;
  EXPECT_EQ(0.02, positive_quantity("x", "20ms", Dimension::seconds));
  EXPECT_EQ(3e9, positive_quantity("x", "3GB", Dimension::bytes));
  EXPECT_TRUE(std::isinf(positive_quantity("x", "inf", Dimension::bytes)));
  for (const std::string text : {"0", "-1s", "nan", "", "4GiB", "-inf", "1e999", "soon"}) {
    try {
      positive_quantity("max-wall", text, Dimension::seconds);
      FAIL() << text;
    } catch (const InputError& e) {
      EXPECT_THAT(e.what(), ::testing::StartsWith("command line: --max-wall"));
      EXPECT_THAT(e.what(), ::testing::HasSubstr("must be a number of seconds > 0"));
    }
  }
}

struct Readable {
  double number;
  std::string seconds, bytes, count;
};
class ReadableNumber : public ::testing::TestWithParam<Readable> {};

TEST_P(ReadableNumber, HasOneText) {
  const auto& [number, seconds, bytes, count] = GetParam();
  EXPECT_EQ(seconds, readable_seconds(number));
  EXPECT_EQ(bytes, readable_bytes(number));
  EXPECT_EQ(count, readable_count(number));
}

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
INSTANTIATE_TEST_SUITE_P(
    , ReadableNumber,
    ::testing::Values(
        Readable{0.0, "0 s", "0 B", "0"}, Readable{-0.0, "0 s", "0 B", "0"},
        Readable{1.0, "1 s", "1 B", "1"}, Readable{1.5, "1.5 s", "1.5 B", "1.5"},
        Readable{0.0123, "12.3 ms", "0.0123 B", "0.0123"},
        Readable{0.0009999, "999.9 us", "0.0009999 B", "0.0009999"},
        Readable{2e-9, "2 ns", "2e-09 B", "2e-09"}, Readable{1e-12, "0.001 ns", "1e-12 B", "1e-12"},
        Readable{1e-300, "1e-300 s", "1e-300 B", "1e-300"},
        Readable{-0.25, "-250 ms", "-0.25 B", "-0.25"},
        Readable{1536.0, "1536 s", "1.5 KiB", "1.536 k"},
        Readable{999.97, "1000 s", "1000 B", "1 k"}, Readable{7200.0, "2 h", "7.031 KiB", "7.2 k"},
        Readable{494e6, "15.65 years", "471.1 MiB", "494 M"},
        Readable{0x1p36, "2178 years", "64 GiB", "68.72 G"},
        Readable{9e18, "9e+18 s", "7.806 EiB", "9 E"},
        Readable{9e30, "9e+30 s", "9e+30 B", "9e+30"},
        Readable{-9e30, "-9e+30 s", "-9e+30 B", "-9e+30"}, Readable{infinity, "inf", "inf", "inf"},
        Readable{-infinity, "-inf", "-inf", "-inf"}, Readable{not_a_number, "nan", "nan", "nan"}));

TEST(ReadableCount, ThePrefixBelongsToTheUnit) {
  EXPECT_EQ("42.5 TFLOP/s", readable_count(42.5e12, "FLOP/s"));
  EXPECT_EQ("12 kB/s", readable_count(12e3, "B/s"));
  EXPECT_EQ("7 FLOP", readable_count(7, "FLOP"));
  EXPECT_EQ("9e+30 FLOP", readable_count(9e30, "FLOP"));
  EXPECT_EQ("inf FLOP", readable_count(infinity, "FLOP"));
}

TEST(Readable, AtMostFourDigitsAndOneSpace) {
  for (double x = 1e-40; x < 1e40; x *= 3.7)
    for (const auto& text : {readable_seconds(x), readable_bytes(x), readable_count(x)}) {
      EXPECT_LE(text.size(), 13u) << text;
      EXPECT_EQ(std::string::npos, text.find("  ")) << text;
      EXPECT_NE(' ', text.back()) << text;
    }
}

}  // namespace
}  // namespace rooflaw::app
