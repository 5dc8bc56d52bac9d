#include "rooflaw/format/words.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

namespace rooflaw::format {

namespace {

// The distance takes the product of two lengths, and no known word is half as long.
constexpr std::size_t longest_word_with_hint = 100;
constexpr std::size_t most_named = 5;
constexpr std::size_t shortest_part = 3;  // two letters are inside of too many words

/// Levenshtein distance.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({substitute, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

/// "a", "b" or "c"
template <class Word>
std::string quoted(const std::vector<Word>& words, const std::string& last = {}) {
  std::string text;
  const std::size_t count = words.size() + (last.empty() ? 0 : 1);
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) text += i + 1 == count ? " or " : ", ";
    text += i < words.size() ? fmt::format("\"{}\"", words[i]) : last;
  }
  return text;
}

}  // namespace

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::string one_of(const std::vector<std::string_view>& words) {
  return "must be " + quoted(words);
}

std::vector<std::string> near_words(const std::string& word,
                                    const std::vector<std::string>& known) {
  if (word.empty() || word.size() > longest_word_with_hint) return {};
  const std::string typed = lower(word);
  const std::string* nearest = nullptr;
  std::size_t least = 0;
  std::vector<std::string> beginning;
  std::vector<std::string> containing;
  for (const auto& candidate : known) {
    const std::string other = lower(candidate);
    const std::size_t distance = edit_distance(typed, other);
    if (nearest == nullptr || distance < least) {
      least = distance;
      nearest = &candidate;
    }
    if (other.starts_with(typed))
      beginning.push_back(candidate);
    else if (typed.size() >= shortest_part && other.find(typed) != std::string::npos)
      containing.push_back(candidate);
  }
  if (nearest == nullptr) return {};
  const std::size_t slip = typed.size() < shortest_part ? 0 : 1;
  if (least <= slip) return {*nearest};
  beginning.insert(beginning.end(), containing.begin(), containing.end());
  if (!beginning.empty()) return beginning;
  // A word of which nothing is left is near to any.
  const std::size_t reach = std::max<std::size_t>(2, typed.size() / 3);
  if (least <= reach && least < typed.size()) return {*nearest};
  return {};
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
  auto words = near_words(word, known);
  if (words.empty()) return "";
  std::string more;
  if (words.size() > most_named) {
    more = fmt::format("{} more", words.size() - most_named);
    words.resize(most_named);
  }
  return fmt::format("did you mean {}?", quoted(words, more));
}

}  // namespace rooflaw::format
