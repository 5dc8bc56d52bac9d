#pragma once
// A product space of architectures: a list per axis, a mixed-radix index per point.
//
// The index counts over the axes in the order of `Axis`, last fastest; absent axes have length 1.
// Combinations that are no architecture keep their index and are skipped:
//   expert_ffn = 0; query_ratio * width / head_dim not whole; kv_heads > heads or not dividing
//   them; layers not a multiple of window.global_every;
//   "heads" where that number is listed too; experts = 1 with top_k > 1; experts > 1 with
//   top_k >= experts.
// What an axis is called, how its values are ordered and enter an architecture: axes.hpp. The
// blocks that points are made of: options.hpp. The space in the order of its values, for searches
// that walk: lattice.hpp. This folder knows architectures and the range of a law; nothing of
// scores, targets or strategies.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "rooflaw/model/architecture.hpp"
#include "rooflaw/model/law.hpp"

namespace rooflaw::search {

using Index = std::int64_t;

/// An attention block but for the width: one axis holds all of them.
struct AttentionChoice {
  model::AttentionKind kind = model::AttentionKind::gqa;
  std::int64_t kv_heads = 0;  // gqa; model::all_heads for "heads"
  model::MlaRanks mla{};      // mla
  bool operator==(const AttentionChoice&) const = default;
};
std::vector<AttentionChoice> gqa_choices(const std::vector<std::int64_t>& kv_heads);
std::vector<AttentionChoice> mla_choices(const std::vector<model::MlaRanks>& ranks);

/// One layer of so many attends all tokens, the others a window of them.
struct WindowPattern {
  std::int64_t tokens = 0;
  std::int64_t global_every = 1;
  bool operator==(const WindowPattern&) const = default;
};

/// What the law has no opinion on is fixed for all points, no axis: a search would exploit what the
/// law cannot see.
struct Space {
  std::vector<model::FfnKind> ffn{model::FfnKind::gated};
  std::vector<std::int64_t> widths;
  std::vector<AttentionChoice> attention;
  std::vector<double> expert_ffn_ratio;
  std::vector<std::int64_t> shared_ffn{0};
  std::vector<std::int64_t> experts;
  std::vector<std::int64_t> top_k;
  std::vector<std::int64_t> layers;
  std::int64_t head_dim = 0;  // heads = query_ratio * width / head_dim
  double query_ratio = 1;
  std::optional<WindowPattern> window;  // of gqa
  std::int64_t ffn_multiple_of = 1;
  std::int64_t vocab = 0;
  bool tied = true;
  double ffn_sparsity = 0;
  // An axis was given by its ends alone: its list holds every size between them that can be built,
  // and an index means nothing to a user.
  bool continuous = false;
  // Points outside are left out, by all that makes points or parts of points. Only valid_count and
  // unused_values, which speak of what was asked for, see the whole.
  std::optional<model::LawRange> within;
};

enum class Axis { ffn, width, attention, ratio, shared, experts, top_k, layers };
inline constexpr std::size_t axis_count = static_cast<std::size_t>(Axis::layers) + 1;
inline constexpr auto all_axes = [] {
  std::array<Axis, axis_count> axes{};
  for (std::size_t a = 0; a < axis_count; ++a) axes[a] = static_cast<Axis>(a);
  return axes;
}();

/// Something of each axis. `Meaning` keeps numbers apart that must not stand for one another.
template <class T, class Meaning>
struct PerAxis {
  std::array<T, axis_count> values{};
  constexpr T& operator[](Axis axis) { return values[static_cast<std::size_t>(axis)]; }
  constexpr const T& operator[](Axis axis) const { return values[static_cast<std::size_t>(axis)]; }
  bool operator==(const PerAxis&) const = default;
};
using Lengths = PerAxis<std::size_t, struct LengthOfAxis>;
/// Positions in the lists as they were given: what an index is made of.
using Digits = PerAxis<std::size_t, struct PositionInList>;
/// What a step along an axis adds to the index.
using Strides = PerAxis<Index, struct StrideOfAxis>;

Lengths axis_lengths(const Space& space);

/// Points counting the invalid ones; nullopt if more than 2^63 - 1.
std::optional<Index> index_count(const Space& space);

/// Valid points, those outside `within` too; and those within. Cost: linear in the axes, but for
/// experts x top_k.
Index valid_count(const Space& space);
Index count_within(const Space& space);

/// Index <-> digits. Require a space whose index_count exists.
Strides strides_of(const Space& space);
Index index_of(const Space& space, const Digits& digits);
Digits digits_of(const Space& space, Index index);

/// Query heads at a width; nullopt unless whole.
std::optional<std::int64_t> heads_at(const Space& space, std::int64_t width);

/// Layers of a point: those that attend all tokens, then those with a window.
struct LayerSplit {
  double global = 0, windowed = 0;
};
/// As shares of one layer; and of so many.
LayerSplit layer_shares(const Space& space);
LayerSplit split_layers(const Space& space, std::int64_t layers);

/// The architecture at these digits; nullopt for an invalid combination and outside `within`.
std::optional<model::Architecture> architecture_at(const Space& space, const Digits& digits);

/// The same space without `within`.
Space whole(Space space);

/// The same architecture with the window pattern of the space: groups of layers instead of one.
/// Requires a number of layers that the pattern divides.
model::Architecture with_windows(const Space& space, model::Architecture uniform);

/// round(ratio * width / multiple) * multiple, half away from zero.
std::int64_t expert_ffn_size(double ratio, std::int64_t width, std::int64_t multiple);

bool valid_routing(std::int64_t experts, std::int64_t top_k);

/// KV heads that a choice of grouped-query attention has at a number of heads; nullopt where it is
/// invalid. "heads" is, where the space lists that number too.
std::optional<std::int64_t> kv_heads_at(const Space& space, const AttentionChoice& choice,
                                        std::int64_t heads);

/// Values of axes that no combination can use.
struct UnusedValue {
  Axis axis{};
  std::size_t digit = 0;
  const char* why = "";
};
std::vector<UnusedValue> unused_values(const Space& space);

}  // namespace rooflaw::search
