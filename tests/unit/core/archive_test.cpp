// Values as bytes and back; and bytes that are no value, which cost no memory before they are
// known.

#include "rooflaw/core/archive.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "rooflaw/core/numbers.hpp"

namespace rooflaw::testing {
namespace {

enum class Colour { red, green, blue };

struct Inner {
  std::int64_t number = 0;
  double ratio = 0;
  bool operator==(const Inner&) const = default;
};
template <class Archive>
void fields(Archive& a, Inner& x) {
  a(within(x.number, -1, 6), not_negative(x.ratio));
}

struct Outer {
  bool yes = false;
  Colour colour{};
  std::string text;
  std::vector<double> numbers;
  std::vector<Inner> list;
  std::vector<std::vector<Inner>> nested;
  std::optional<Inner> maybe;
  std::map<std::string, double> by_name;
  Bytes raw;
  bool operator==(const Outer&) const = default;
};
template <class Archive>
void fields(Archive& a, Outer& x) {
  a(x.yes, within(x.colour, Colour::red, Colour::blue), x.text, x.numbers, x.list, x.nested,
    x.maybe, x.by_name, x.raw);
}

Outer sample() {
  return {.yes = true,
          .colour = Colour::blue,
          .text = std::string("a\0b", 3),
          .numbers = {1, -0.0, std::numeric_limits<double>::infinity()},
          .list = {{1, 2}, {-1, 0}},
          .nested = {{}, {{6, 0.5}}, {}},
          .maybe = Inner{3, 4},
          .by_name = {{"", 1}, {"search", 2.5}},
          .raw = {std::byte{7}, std::byte{255}}};
}

template <class T, class... Written>
void expect_refused(const Written&... written) {
  EXPECT_THROW(unpacked<T>(packed(written...)), ArchiveError);
}

TEST(Archive, GivesBackWhatWasPut) {
  EXPECT_EQ(sample(), unpacked<Outer>(packed(sample())));
  EXPECT_EQ(Outer{}, unpacked<Outer>(packed(Outer{})));
}

TEST(Archive, ReplacesWhatWasThere) {
  Outer old = sample();
  const Bytes bytes = packed(Outer{});
  Reader reader(bytes);
  reader(old);
  reader.end();
  EXPECT_EQ(Outer{}, old);
}

TEST(Archive, RefusesEveryCutAndEverySurplus) {
  const Bytes whole = packed(sample());
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_THROW(unpacked<Outer>(std::span(whole).first(size)), ArchiveError) << size;
  Bytes more = whole;
  more.push_back(std::byte{0});
  EXPECT_THROW(unpacked<Outer>(more), ArchiveError);
}

TEST(Archive, RefusesCountsThatTheBytesCannotHold) {
  for (const std::uint64_t items :
       {std::uint64_t{2}, std::uint64_t{1} << 31, std::uint64_t{1} << 61, ~std::uint64_t{0}}) {
    const std::int64_t rest = 0;
    expect_refused<std::vector<double>>(items, rest);
    expect_refused<std::vector<Inner>>(items, rest);
    expect_refused<std::vector<std::vector<Inner>>>(items, rest);
    expect_refused<std::vector<std::string>>(items, rest);
    expect_refused<std::map<std::int64_t, double>>(items, rest);
  }
  expect_refused<std::string>(std::uint64_t{9}, 1.0);
  expect_refused<Bytes>(std::uint64_t{9}, 1.0);
}

TEST(Archive, RefusesValuesOutOfBounds) {
  for (const std::int64_t number :
       {std::int64_t{-2}, std::int64_t{7}, std::numeric_limits<std::int64_t>::min()})
    expect_refused<Inner>(number, 1.0);
  for (const double ratio : {-1.0, nan, std::numeric_limits<double>::infinity()})
    expect_refused<Inner>(std::int64_t{0}, ratio);
  Outer colourless = sample();
  colourless.colour = static_cast<Colour>(3);
  expect_refused<Outer>(colourless);
  colourless.colour = static_cast<Colour>(-1);
  expect_refused<Outer>(colourless);
}

TEST(Archive, RefusesABoolThatIsNeither) {
  EXPECT_TRUE(unpacked<bool>(packed(std::uint8_t{1})));
  expect_refused<bool>(std::uint8_t{2});
  expect_refused<bool>(std::uint8_t{7});
  expect_refused<std::optional<double>>(std::uint8_t{255}, 1.0);
}

}  // namespace
}  // namespace rooflaw::testing
