#pragma once
// Method `grid`: every point of the space, in pieces that any rank can score. The result does not
// depend on the cut.

#include <functional>
#include <string>

#include "rooflaw/search/score/scan.hpp"

namespace rooflaw::search {

class Plan {
 public:
  explicit Plan(const Question& question);

  Index pieces() const { return pieces_; }
  std::string name(Index piece) const;

  /// Before the first piece: scores some points from all over the space, so that the
  /// pieces meet frontiers that drop most of their points at a look. They come again with their
  /// piece and are counted there.
  void look_around(Scanner& scanner) const;

  /// Scores a piece; `between_rows` as in Scanner::scan.
  void score(Index piece, Scanner& scanner, const std::function<void()>& between_rows = {}) const;

 private:
  Block whole_block(std::size_t ffn_digit, std::size_t width_digit) const;

  const Question& question_;
  std::vector<ExpertOption> routings_;
  Index pieces_ = 0;
};

}  // namespace rooflaw::search
