// Files of other kinds where TOML is expected.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/format/toml_reader.hpp"

namespace rooflaw::format {
namespace {

using namespace std::string_literals;
using ::testing::HasSubstr;

std::string rule_of(const std::string& text) {
  try {
    parse_toml(text, "file");
  } catch (const InputError& e) {
    EXPECT_EQ(1u, e.faults().size());
    EXPECT_EQ(1u, e.faults()[0].line);
    EXPECT_EQ(1u, e.faults()[0].column);
    return e.faults()[0].rule;
  }
  return "";
}

TEST(OtherKind, IsSaid) {
  EXPECT_THAT(rule_of("{\n \"hidden_size\": 896}"), HasSubstr("a JSON file"));
  EXPECT_THAT(rule_of("\xef\xbb\xbf {}"), HasSubstr("a JSON file"));
  EXPECT_THAT(rule_of("[\n {\"a\": 1}]"), HasSubstr("a JSON file"));
  EXPECT_THAT(rule_of("GGUF\3\0\0\0"s), HasSubstr("a GGUF file"));
  EXPECT_THAT(rule_of("\x7f"
                      "ELF\2\1\1\0"s),
              HasSubstr("a program"));
  EXPECT_THAT(rule_of("\x89HDF\r\n\x1a\n"s), HasSubstr("rooflaw inspect"));
  EXPECT_THAT(rule_of("rooflaw-result sha256 of the first format"),
              HasSubstr("a result of rooflaw"));
  EXPECT_THAT(rule_of("PK\3\4"), HasSubstr("ZIP"));
  EXPECT_THAT(rule_of("\x40\0\0\0\0\0\0\0{\"a\""s), HasSubstr("safetensors"));
  EXPECT_THAT(rule_of("\0\1\2"s), HasSubstr("binary"));
}

TEST(OtherKind, TomlIsNone) {
  for (const std::string text : {"", "\n", "[job]\n", "[[device]]\n", "PK = 2\n", "# {\n",
                                 "\xef\xbb\xbf"
                                 "a = 1\n"})
    EXPECT_EQ("", rule_of(text)) << text;
  EXPECT_THAT(rule_of("[ 'a' ]\n"), ::testing::Not(HasSubstr("JSON")));
}

}  // namespace
}  // namespace rooflaw::format
