#pragma once
// Words that users type: which are allowed, and which one was meant.

#include <string>
#include <string_view>
#include <vector>

namespace rooflaw::format {

/// A-Z as a-z.
std::string lower(std::string text);

/// must be "a", "b" or "c"
std::string one_of(const std::vector<std::string_view>& words);

/// Of `known` in their order, letter case aside: the one that is a slip of the pen away; else all
/// that begin with the word, then those that contain it; else the nearest by edit distance. Empty
/// if none is near. Cost: the product of the word's length and those of `known`.
std::vector<std::string> near_words(const std::string& word, const std::vector<std::string>& known);

/// did you mean "a", "b" or "c"? At most five are named; empty if none is near.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& known);

}  // namespace rooflaw::format
