#include "rooflaw/search/grid/plan.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

namespace rooflaw::search {

namespace {
// FFN blocks of a grid piece: enough to fill the lanes, few enough for the first-level cache.
constexpr Index ffn_options_per_piece = 512;

Index pieces_for(Index count, Index per_piece) { return (count + per_piece - 1) / per_piece; }
}  // namespace

Plan::Plan(const Question& question)
    : question_(question), routings_(expert_options(question.space)) {
  const auto blocks = static_cast<Index>(question.space.ffn.size() * question.space.widths.size());
  const auto options = static_cast<Index>(ffn_option_count(question.space, routings_));
  pieces_ = blocks * pieces_for(options, ffn_options_per_piece);
}

std::string Plan::name(Index piece) const {
  const auto options = static_cast<Index>(ffn_option_count(question_.space, routings_));
  const auto block = static_cast<std::size_t>(piece / pieces_for(options, ffn_options_per_piece));
  const auto widths = question_.space.widths.size();
  return fmt::format("{} FFN, width {}", to_string(question_.space.ffn[block / widths]),
                     question_.space.widths[block % widths]);
}

Block Plan::whole_block(std::size_t ffn_digit, std::size_t width_digit) const {
  Block block{.ffn_digit = ffn_digit,
              .width_digit = width_digit,
              .attention = attention_options(question_.space, width_digit),
              .ffn = {},
              .layer_digits = std::vector<std::size_t>(question_.space.layers.size())};
  std::iota(block.layer_digits.begin(), block.layer_digits.end(), std::size_t{0});
  return block;
}

void Plan::look_around(Scanner& scanner) const {
  constexpr std::size_t most_widths = 16, most_ffn = 48, most_layers = 12;
  const auto step = [](std::size_t size, std::size_t most) { return (size + most - 1) / most; };
  const Space& space = question_.space;
  const std::size_t options = ffn_option_count(space, routings_);
  const std::int64_t counted = scanner.pairs_scored();
  for (std::size_t kind = 0; kind < space.ffn.size(); ++kind)
    for (std::size_t w = 0; w < space.widths.size(); w += step(space.widths.size(), most_widths)) {
      Block block = whole_block(kind, w);
      const std::size_t every = step(space.layers.size(), most_layers);
      std::erase_if(block.layer_digits, [&](std::size_t digit) { return digit % every != 0; });
      for (std::size_t n = 0; n < options; n += step(options, most_ffn))
        if (const auto option = ffn_option(space, routings_, w, n)) block.ffn.push_back(*option);
      drop_extrapolated(question_, block);
      scanner.scan(block);
    }
  scanner.count_from(counted);
}

void Plan::score(Index piece, Scanner& scanner, const std::function<void()>& between_rows) const {
  const Space& space = question_.space;
  const auto options = static_cast<Index>(ffn_option_count(space, routings_));
  const Index runs = pieces_for(options, ffn_options_per_piece);
  const Index first = piece % runs * ffn_options_per_piece;
  const auto block_number = static_cast<std::size_t>(piece / runs);

  Block block = whole_block(block_number / space.widths.size(), block_number % space.widths.size());
  for (Index n = first; n < std::min(first + ffn_options_per_piece, options); ++n)
    if (const auto option =
            ffn_option(space, routings_, block.width_digit, static_cast<std::size_t>(n)))
      block.ffn.push_back(*option);
  drop_extrapolated(question_, block);
  scanner.scan(block, between_rows);
}

}  // namespace rooflaw::search
