// Faults of single keys: the place, the key, the value as written, the rule, the hint.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/format/toml_reader.hpp"

namespace rooflaw::format {
namespace {

using ::testing::HasSubstr;

/// Reads [table] of a text with all kinds of keys and gives back the faults found.
std::vector<InputFault> faults_of(const std::string& text) {
  const toml::table file = parse_toml(text, "some.toml");
  Faults faults;
  TableReader reader(*file["table"].as_table(), "table", faults);
  reader.required_number("bandwidth", rules::positive);
  reader.number("overhead", rules::non_negative);
  reader.number("delta", rules::finite);
  reader.number("efficiency", rules::efficiency);
  reader.number("sparsity", rules::fraction);
  reader.number("weight_bytes", rules::bytes_per_element);
  reader.integer("layers", 1, 100);
  reader.text("name");
  reader.boolean("tied");
  reader.array("list");
  reader.sub_table("sub");
  reader.allow({"notes"});
  reader.reject_unknown_keys();
  try {
    faults.throw_if_any();
  } catch (const InputError& e) {
    EXPECT_EQ(ExitCode::bad_input, e.exit_code());
    return e.faults();
  }
  return {};
}

InputFault only_fault(const std::string& line) {
  const auto faults = faults_of("[table]\nbandwidth = 1\n" + line + "\n");
  EXPECT_EQ(1u, faults.size()) << line;
  return faults.empty() ? InputFault{} : faults.front();
}

TEST(TableReader, SoundKeysHaveNoFaults) {
  EXPECT_TRUE(faults_of("[table]\nbandwidth = 1e9\noverhead = 0\ndelta = -0.5\nefficiency = 1.5\n"
                        "sparsity = 0\nweight_bytes = 0.5\nlayers = 100\nname = \"x\"\n"
                        "tied = false\nlist = [1]\nsub = {}\nnotes = 3\n")
                  .empty());
}

TEST(TableReader, WholeNumbersAreNumbersButNotTheOtherWay) {
  const toml::table file = parse_toml("[table]\na = 3\nb = 3.0\n", "some.toml");
  Faults faults;
  TableReader reader(*file["table"].as_table(), "table", faults);
  EXPECT_EQ(3.0, reader.number("a", rules::positive));
  EXPECT_FALSE(reader.integer("b", 1));
  EXPECT_EQ(1u, faults.size());
  EXPECT_FALSE(reader.number("c", rules::positive));  // absent is no fault
  EXPECT_EQ(1u, faults.size());
}

struct BadLine {
  std::string line, key, value, rule;
};
class FaultyLine : public ::testing::TestWithParam<BadLine> {};

TEST_P(FaultyLine, IsReportedInFull) {
  const auto& [line, key, value, rule] = GetParam();
  const InputFault fault = only_fault(line);
  EXPECT_EQ("some.toml", fault.file);
  EXPECT_EQ(3u, fault.line);
  EXPECT_EQ(line.find('=') + 3, fault.column);  // that of the value, counted from 1
  EXPECT_EQ("table." + key, fault.key);
  EXPECT_EQ(value, fault.value);
  EXPECT_THAT(fault.rule, HasSubstr(rule));
  EXPECT_THAT(fault.text(), HasSubstr("some.toml:3:" + std::to_string(fault.column) + ": table." +
                                      key + " = " + value + ": "));
}

INSTANTIATE_TEST_SUITE_P(
    , FaultyLine,
    ::testing::Values(BadLine{"overhead = -1.5", "overhead", "-1.5", ">= 0"},
                      BadLine{"overhead = nan", "overhead", "nan", "finite"},
                      BadLine{"overhead = inf", "overhead", "inf", "finite"},
                      BadLine{"delta = nan", "delta", "nan", "finite"},
                      BadLine{"delta = -inf", "delta", "-inf", "finite"},
                      BadLine{"overhead = true", "overhead", "true", ">= 0"},
                      BadLine{"efficiency = 0", "efficiency", "0", "[1e-6, 1.5]"},
                      BadLine{"efficiency = 1.6", "efficiency", "1.6", "[1e-6, 1.5]"},
                      BadLine{"sparsity = 1.0", "sparsity", "1.0", "[0, 1)"},
                      BadLine{"sparsity = -0.25", "sparsity", "-0.25", "[0, 1)"},
                      BadLine{"weight_bytes = 0", "weight_bytes", "0", "[0.001, 16]"},
                      BadLine{"weight_bytes = 17", "weight_bytes", "17", "[0.001, 16]"},
                      BadLine{"layers = 0", "layers", "0", "from 1 to 100"},
                      BadLine{"layers = 101", "layers", "101", "from 1 to 100"},
                      BadLine{"layers = 2.5", "layers", "2.5", "whole number"},
                      BadLine{"name = 3", "name", "3", "text"},
                      BadLine{"tied = 1", "tied", "1", "true or false"},
                      BadLine{"list = 3", "list", "3", "list"},
                      BadLine{"sub = 3", "sub", "3", "table"}),
    [](const auto& one) { return one.param.key + "_" + std::to_string(one.index); });

TEST(TableReader, AWordIsNoNumber) {
  const InputFault fault = only_fault("overhead = \"much\"");
  EXPECT_EQ(12u, fault.column);
  EXPECT_THAT(fault.value, HasSubstr("much"));
  EXPECT_THAT(only_fault("name = \"\"").rule, HasSubstr("not empty"));
}

TEST(TableReader, LongValuesAreCut) {
  const InputFault fault = only_fault("overhead = \"" + std::string(500, 'x') + "\"");
  EXPECT_LT(fault.value.size(), 80u);
  EXPECT_THAT(fault.value, HasSubstr("xxx..."));
}

TEST(TableReader, MissingKeysAreReportedAtTheirTable) {
  const auto faults = faults_of("# a comment\n\n[table]\nlayers = 3\n");
  ASSERT_EQ(1u, faults.size());
  EXPECT_EQ("table.bandwidth", faults[0].key);
  EXPECT_EQ(3u, faults[0].line);
  EXPECT_EQ("", faults[0].value);
  EXPECT_THAT(faults[0].rule, HasSubstr("missing"));
}

TEST(TableReader, UnknownKeysHaveAHintIfOneIsNear) {
  const InputFault near = only_fault("  layer = 3");
  EXPECT_EQ(3u, near.line);
  EXPECT_EQ(3u, near.column);  // that of the key
  EXPECT_EQ("table.layer", near.key);
  EXPECT_THAT(near.rule, HasSubstr("unknown key"));
  EXPECT_THAT(near.hint, HasSubstr("\"layers\""));
  EXPECT_THAT(near.text(), HasSubstr("did you mean \"layers\"?"));
  EXPECT_EQ("", only_fault("zzzzzzzz = 3").hint);
}

TEST(TableReader, AllFaultsAtOnceByLine) {
  const auto faults = faults_of(
      "[table]\nlayers = -1\nunknown_thing = 1\ntied = \"no\"\nbandwidth = inf\nsparsity = 2\n");
  std::vector<unsigned> lines;
  for (const auto& f : faults) lines.push_back(f.line);
  EXPECT_EQ((std::vector<unsigned>{2, 3, 4, 5, 6}), lines);
}

TEST(Faults, TheSameFaultIsToldOnce) {
  Faults faults;
  const InputFault fault{.file = "a", .line = 1, .column = 1, .key = "x", .rule = "is bad"};
  faults.add(fault);
  faults.add(InputFault{.file = "a", .line = 2, .column = 1, .key = "x", .rule = "is bad"});
  faults.add(fault);
  try {
    faults.throw_if_any();
    FAIL();
  } catch (const InputError& e) {
    EXPECT_EQ(2u, e.faults().size());
  }
  EXPECT_NO_THROW(Faults().throw_if_any());
}

TEST(ParseToml, SyntaxErrorsHaveAPlace) {
  for (const auto& [text, line] : {std::pair{"a = 1\nb = = 2\n", 2u},
                                   std::pair{"a = 1\na = 2\n", 2u}, std::pair{"\n\nx\n", 3u}}) {
    try {
      parse_toml(text, "broken.toml");
      FAIL() << text;
    } catch (const InputError& e) {
      ASSERT_EQ(1u, e.faults().size());
      EXPECT_EQ("broken.toml", e.faults()[0].file);
      EXPECT_EQ(line, e.faults()[0].line) << text;
      EXPECT_GT(e.faults()[0].column, 0u);
    }
  }
}

TEST(ToText, KeepsNumbersAndText) {
  const toml::table t = parse_toml("a = 0.1\nb = \"x\"\nc = [1, 2]\n", "t");
  const toml::table again = parse_toml(to_text(t), "again");
  EXPECT_EQ(0.1, again["a"].value<double>());
  EXPECT_EQ("x", again["b"].value<std::string>());
  EXPECT_EQ(2u, again["c"].as_array()->size());
}

TEST(TableReader, NumbersWithADimensionMayHaveAUnit) {
  const toml::table file = parse_toml(
      "[table]\na = \"4GiB\"\nb = 4\nc = \"20 GB\"\nd = \"-1GB\"\ne = \"inf\"\nf = \"4GiB\"\ng = "
      "\"\"\n"
      "h = \"20ms\"\n",
      "some.toml");
  Faults faults;
  TableReader reader(*file["table"].as_table(), "table", faults);
  EXPECT_EQ(0x1p32, reader.number("a", rules::bytes));
  EXPECT_EQ(4.0, reader.number("b", rules::bytes));
  EXPECT_EQ(0.02, reader.number("h", rules::non_negative_seconds));
  EXPECT_TRUE(faults.empty());
  EXPECT_FALSE(reader.number("c", rules::seconds));
  EXPECT_FALSE(reader.number("d", rules::bytes));
  EXPECT_FALSE(reader.number("e", rules::bytes));
  EXPECT_FALSE(reader.number("f", rules::positive));  // no dimension
  EXPECT_FALSE(reader.number("g", rules::seconds));
  try {
    faults.throw_if_any();
    FAIL();
  } catch (const InputError& e) {
    ASSERT_EQ(5u, e.faults().size());
    EXPECT_EQ(
        "some.toml:4:5: table.c = \"20 GB\": must be a finite number of seconds > 0, from 1e-30 to "
        "1e30 (as text with a unit: ns, us, ms, s, min, h or d): \"GB\" is a unit of size, not of "
        "time",
        e.faults()[0].text());
    EXPECT_THAT(e.faults()[2].rule, HasSubstr("no unit"));
    EXPECT_THAT(e.faults()[3].rule, ::testing::Not(HasSubstr("unit")));
    EXPECT_THAT(e.faults()[4].rule, HasSubstr("empty"));
  }
}

TEST(TableReader, KeysKnownElsewhereAreExplained) {
  const toml::table file = parse_toml("[table]\n  width = 1\n", "some.toml");
  Faults faults;
  TableReader reader(*file["table"].as_table(), "table", faults);
  reader.integer("widths", 1);
  reader.explain("width", "is another thing");
  reader.explain("widths", "is never said: the key was asked for");
  reader.reject_unknown_keys();
  try {
    faults.throw_if_any();
    FAIL();
  } catch (const InputError& e) {
    EXPECT_STREQ("some.toml:2:3: table.width: is another thing", e.what());
  }
}

TEST(NumberRule, EndsAreInsideWhereTheySaySo) {
  EXPECT_FALSE(rules::positive.holds(0));
  EXPECT_TRUE(rules::positive.holds(1e-30));
  EXPECT_FALSE(rules::positive.holds(1e-31));
  EXPECT_TRUE(rules::non_negative.holds(0));
  EXPECT_FALSE(rules::non_negative.holds(-1e-300));
  EXPECT_TRUE(rules::efficiency.holds(1.5));
  EXPECT_FALSE(rules::efficiency.holds(1.5000001));
  EXPECT_FALSE(rules::fraction.holds(1));
  for (const auto* rule : {&rules::positive, &rules::non_negative, &rules::finite,
                           &rules::efficiency, &rules::fraction, &rules::bytes_per_element}) {
    EXPECT_FALSE(rule->holds(std::numeric_limits<double>::quiet_NaN()));
    EXPECT_FALSE(rule->holds(std::numeric_limits<double>::infinity()));
    EXPECT_FALSE(rule->holds(-std::numeric_limits<double>::infinity()));
  }
}

}  // namespace
}  // namespace rooflaw::format
