#pragma once
// A product space of architectures: a list per axis, a mixed-radix index per point.
//
// The index counts over the axes (attention, ffn, widths, kv_heads or MLA ranks, expert_ffn_ratio,
// shared_ffn, experts, top_k, layers), last fastest; absent axes have length 1. Combinations that
// are no architecture keep their index and are skipped:
//   a surplus kv digit; expert_ffn = 0; width not a multiple of head_dim; kv_heads > heads or not
//   dividing them; "heads" where that number is listed too; experts = 1 with top_k > 1; experts > 1
//   with top_k >= experts.
// No rule ties an attention axis to an FFN axis but through the width, so the valid points of one
// width are attention options x FFN options x layers. The search is built on that.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "rooflaw/model/architecture.hpp"
#include "rooflaw/model/law.hpp"

namespace rooflaw::search {

using Index = std::int64_t;

struct Space {
  std::vector<model::AttentionKind> attention{model::AttentionKind::gqa};
  std::vector<model::FfnKind> ffn{model::FfnKind::gated};
  std::vector<std::int64_t> widths;
  std::int64_t head_dim = 0;           // heads = width / head_dim
  std::vector<std::int64_t> kv_heads;  // model::all_heads for "heads"
  std::vector<model::MlaRanks> mla;
  std::vector<double> expert_ffn_ratio;
  std::int64_t ffn_multiple_of = 1;
  std::vector<std::int64_t> shared_ffn{0};
  std::vector<std::int64_t> experts;
  std::vector<std::int64_t> top_k;
  std::vector<std::int64_t> layers;
  std::int64_t vocab = 0;
  bool tied = true;
  double ffn_sparsity = 0;
  // An axis was given by its ends alone: its list holds every size between them that can be built,
  // and an index means nothing to a user.
  bool continuous = false;
};

enum class Axis { attention, ffn, width, kv, ratio, shared, experts, top_k, layers };
inline constexpr std::size_t axis_count = 9;
using Digits = std::array<std::size_t, axis_count>;  // a position on each axis

/// Length of each axis.
Digits axis_lengths(const Space& space);

/// Points counting the invalid ones; nullopt if more than 2^63 - 1.
std::optional<Index> index_count(const Space& space);

/// Valid points.
Index valid_count(const Space& space);

/// Index <-> digits. Require a space whose index_count exists.
Index index_of(const Space& space, const Digits& digits);
Digits digits_of(const Space& space, Index index);

/// The architecture at these digits; nullopt for an invalid combination.
std::optional<model::Architecture> architecture_at(const Space& space, const Digits& digits);

/// round(ratio * width / multiple) * multiple, half away from zero.
std::int64_t expert_ffn_size(double ratio, std::int64_t width, std::int64_t multiple);

/// What lies between the ends of an axis and can be built. Every multiple of `unit`:
std::vector<std::int64_t> multiples_between(std::int64_t lo, std::int64_t hi, std::int64_t unit);
/// and FFN ratios, both ends included, that between them give every FFN of whole units at every
/// width up to `largest_width`.
std::vector<double> ratios_between(double lo, double hi, std::int64_t unit,
                                   std::int64_t largest_width);

/// An attention block of one width: digits and what they stand for. `index` is its share of the
/// point's index.
struct AttentionOption {
  Index index = 0;
  std::size_t kind_digit = 0;
  std::size_t kv_digit = 0;
  model::AttentionKind kind{};
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  model::MlaRanks mla{};
};
std::vector<AttentionOption> attention_options(const Space& space, std::size_t width_digit);

/// Router choices: pairs of the experts and top_k axes that are valid together.
struct ExpertOption {
  Index index = 0;
  std::size_t experts_digit = 0;
  std::size_t top_k_digit = 0;
  std::int64_t experts = 0;
  std::int64_t top_k = 0;
};
std::vector<ExpertOption> expert_options(const Space& space);
bool valid_routing(std::int64_t experts, std::int64_t top_k);

/// An FFN block of one width and kind.
struct FfnOption {
  Index index = 0;
  std::size_t ratio_digit = 0;
  std::size_t shared_digit = 0;
  std::int64_t expert_ffn = 0;
  std::int64_t shared_ffn = 0;
  ExpertOption routing;
};

/// FFN options are numbered ratio x shared x routing; this is how many there are, valid or not, and
/// the option of a number (nullopt: expert_ffn = 0).
std::size_t ffn_option_count(const Space& space, const std::vector<ExpertOption>& routings);
std::optional<FfnOption> ffn_option(const Space& space, const std::vector<ExpertOption>& routings,
                                    std::size_t width_digit, std::size_t number);

/// Share of a point's index that an axis contributes at a digit.
Index index_share(const Space& space, Axis axis, std::size_t digit);

/// Values of axes that no combination can use.
struct UnusedValue {
  Axis axis{};
  bool of_mla = false;  // of the kv axis: a value of `mla`, not of `kv_heads`
  std::size_t digit = 0;
  const char* why = "";
};
std::vector<UnusedValue> unused_values(const Space& space);

}  // namespace rooflaw::search
