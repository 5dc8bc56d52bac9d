#include "rooflaw/format/toml_entry.hpp"

#include <gtest/gtest.h>

namespace rooflaw::format {
namespace {

const std::string table =
    "# a table\n"
    "[[model]]\n"
    "id = \"first\"\n"
    "layers = 1\n"
    "\n"
    "[[model]]\n"
    "id = \"second\"\n"
    "notes = \"[[model]] id = 'first'\"\n"
    "[[model.group]]\n"
    "layers = 2\n"
    "# [[model]]\n"
    "[[model]]\n"
    "id = \"third\"\n";

TEST(TomlEntry, StandsOnItsOwnLines) {
  EXPECT_EQ(entry_alone(table, "model", "first").value(),
            "\n[[model]]\nid = \"first\"\nlayers = 1\n\n");
  EXPECT_EQ(entry_alone(table, "model", "second").value(),
            "\n\n\n\n\n[[model]]\nid = \"second\"\nnotes = \"[[model]] id = 'first'\"\n"
            "[[model.group]]\nlayers = 2\n# [[model]]\n");
  EXPECT_EQ(entry_alone(table, "model", "third").value(),
            std::string(11, '\n') + "[[model]]\nid = \"third\"\n");
}

TEST(TomlEntry, IsLeftToTheParserWhereLinesDoNotTell) {
  EXPECT_FALSE(entry_alone(table, "model", "fourth"));
  EXPECT_FALSE(entry_alone(table, "model", "fir"));
  EXPECT_FALSE(entry_alone(table, "device", "first"));
  EXPECT_FALSE(entry_alone(table + "[[model]]\nid = \"first\"\n", "model", "first"));
  EXPECT_FALSE(entry_alone(table + "notes = \"\"\"\n\"\"\"\n", "model", "first"));
  EXPECT_FALSE(entry_alone("[[model]]\nlayers = 1\nid = \"late\"\n", "model", "late"));
  EXPECT_FALSE(entry_alone("#[[model]]\nid = \"first\"\n", "model", "first"));
  EXPECT_FALSE(entry_alone("", "model", "first"));
}

}  // namespace
}  // namespace rooflaw::format
