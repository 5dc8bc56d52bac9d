// What of a text reaches a terminal.

#include "rooflaw/core/printable.hpp"

#include <gtest/gtest.h>

namespace rooflaw {
namespace {

TEST(Printable, LeavesWhatOnlyShowsItself) {
  for (const char* text :
       {"", "plain", "Gr\u00f6\u00dfe \u2265 1 \u00a0 \u6a21\u578b \U0001f600 \ufeff",
        "\u2027\u202f\u2065\u206a"})
    EXPECT_EQ(text, printable(text));
}

TEST(Printable, WritesOutControls) {
  EXPECT_EQ("\\x1b]0;x\\x07\\x7f\\x0a", printable("\x1b]0;x\x07\x7f\n"));
  EXPECT_EQ("a\n\\x09", printable("a\n\t", "\n"));
  EXPECT_EQ("\\u0080\\u009b\\u009f\u00a0", printable("\u0080\u009b\u009f\u00a0"));
}

TEST(Printable, WritesOutWhatMovesOthers) {
  EXPECT_EQ("a\\u202eb\\u202a\\u2066\\u2069\\u2028", printable("a\u202e"
                                                               "b\u202a\u2066\u2069\u2028"));
}

TEST(Printable, WritesOutWhatIsNoText) {
  // A lone byte, an overlong form of ESC, a surrogate, beyond the last, cut short.
  EXPECT_EQ("\\x9b1m", printable("\x9b"
                                 "1m"));
  EXPECT_EQ("\\xc0\\x9b", printable("\xc0\x9b"));
  EXPECT_EQ("\\xe0\\x80\\x9b", printable("\xe0\x80\x9b"));
  EXPECT_EQ("\\xed\\xa0\\x80", printable("\xed\xa0\x80"));
  EXPECT_EQ("\\xf4\\x90\\x80\\x80", printable("\xf4\x90\x80\x80"));
  EXPECT_EQ("\\xf0\\x9f\\x98", printable("\xf0\x9f\x98"));
  EXPECT_EQ("\\xffa", printable("\xff"
                                "a"));
}

}  // namespace
}  // namespace rooflaw
