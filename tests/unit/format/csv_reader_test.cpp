// CSV as programs and people write it: quotes, line ends, and what breaks it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/format/csv.hpp"

namespace rooflaw::format {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Rows = std::vector<std::vector<std::string>>;

Rows texts(const std::string& csv) {
  Faults faults;
  Rows all;
  for (const auto& row : parse_csv(csv, "a.csv", faults)) {
    all.emplace_back();
    for (const auto& cell : row) all.back().push_back(cell.text);
  }
  EXPECT_TRUE(faults.empty());
  return all;
}

std::string fault(const std::string& csv) {
  Faults faults;
  parse_csv(csv, "a.csv", faults);
  try {
    faults.throw_if_any();
  } catch (const InputError& error) {
    return error.what();
  }
  return "none";
}

TEST(CsvReader, FieldsAndLines) {
  EXPECT_THAT(texts(""), IsEmpty());
  EXPECT_THAT(texts("\n \r\n\n"), IsEmpty());
  EXPECT_EQ((Rows{{"a", "b"}, {"1", "2"}}), texts("a,b\n1,2\n"));
  EXPECT_EQ((Rows{{"a", "b"}, {"1", "2"}}), texts("\xef\xbb\xbf"
                                                  "a , b\r\n1,\t2"));
  EXPECT_EQ((Rows{{"", "", ""}}), texts(",,\n"));
  EXPECT_EQ((Rows{{"a"}, {"b"}}), texts("a\n\nb\n\n"));
}

TEST(CsvReader, Quotes) {
  EXPECT_EQ((Rows{{"a,b", "say \"x\"", ""}}), texts("\"a,b\", \"say \"\"x\"\"\" ,\"\"\n"));
  EXPECT_EQ((Rows{{"two\nlines", "b"}, {"c"}}), texts("\"two\nlines\",b\nc\n"));
  EXPECT_EQ((Rows{{"5\" disk"}}), texts("5\" disk"));
}

TEST(CsvReader, CellsKnowTheirPlace) {
  Faults faults;
  const auto rows = parse_csv("a,\"x\ny\", b\nc,d", "a.csv", faults);
  ASSERT_EQ(2u, rows.size());
  EXPECT_EQ(1u, rows[0][1].line);
  EXPECT_EQ(3u, rows[0][1].column);
  EXPECT_EQ(2u, rows[0][2].line);
  EXPECT_EQ(5u, rows[0][2].column);
  EXPECT_EQ(3u, rows[1][1].line);
  EXPECT_EQ(3u, rows[1][1].column);
}

TEST(CsvReader, Faults) {
  EXPECT_EQ("a.csv:2:3: CSV: the quote that opens here has no end", fault("a\n1,\"2\n3\n"));
  EXPECT_EQ("a.csv:1:1: CSV: text stands behind a field in quotes", fault("\"a\"b,c\nd,e\n"));
  Faults faults;
  EXPECT_EQ(1u, parse_csv("\"a\"b,c\nd,e\n", "a.csv", faults).size());
}

TEST(CsvReader, ReadsWhatIsWritten) {
  const std::vector<std::string> names{"id", "note"};
  const std::vector<Column> columns{std::vector<std::string>{"a", "b"},
                                    std::vector<std::string>{"x, \"y\"", "two\nlines"}};
  EXPECT_EQ((Rows{{"id", "note"}, {"a", "x, \"y\""}, {"b", "two\nlines"}}),
            texts(csv(names, columns)));
}

}  // namespace
}  // namespace rooflaw::format
