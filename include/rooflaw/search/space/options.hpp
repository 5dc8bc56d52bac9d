#pragma once
// What points are made of. No rule ties an attention axis to an FFN axis but through the width, so
// the valid points of one FFN kind and width (a frame) are attention options x FFN options x
// depths. The search is built on that. An option's `index` is its share of the point's index.
//
// All of them lie in Space::within, where the space has it.

#include "rooflaw/model/shape.hpp"
#include "rooflaw/search/space/space.hpp"

namespace rooflaw::search {

/// Digits of an axis whose values lie in `within` by themselves.
std::vector<std::size_t> digits_within(const Space& space, Axis axis);

/// The least and the largest of these of an axis of numbers; of all if none lies within.
model::Interval ends_within(const Space& space, Axis axis);

/// What the blocks of a point have in common.
struct Frame {
  std::size_t ffn_digit = 0;
  std::size_t width_digit = 0;
};
/// FFN kinds x widths, some without valid points.
std::vector<Frame> frames_of(const Space& space);

/// Its share of a point's index.
Index index_of_frame(const Strides& strides, const Frame& frame);

/// An attention block of one width: a digit of the attention axis and what it stands for.
struct AttentionOption {
  Index index = 0;
  std::size_t digit = 0;
  model::AttentionKind kind{};
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  model::MlaRanks mla{};
};
std::optional<AttentionOption> attention_option(const Space& space, std::size_t width_digit,
                                                std::size_t digit);
std::vector<AttentionOption> attention_options(const Space& space, std::size_t width_digit);
model::AttentionShape<double> attention_shape(const Space& space, std::size_t width_digit,
                                              const AttentionOption& option);

/// Router choices: pairs of the experts and top_k axes that are valid together, by experts.
struct ExpertOption {
  std::size_t experts_digit = 0;
  std::size_t top_k_digit = 0;
  std::int64_t experts = 0;
  std::int64_t top_k = 0;
};
std::vector<ExpertOption> expert_options(const Space& space);

/// An FFN block of one frame.
struct FfnOption {
  Index index = 0;
  Digits digits{};                   // of the axes of block ffn
  model::Architecture architecture;  // of this FFN and width; the rest is not set
};

/// FFN options of a frame, numbered over the axes of block ffn, the pairs of experts and top_k
/// last.
class FfnOptions {
 public:
  explicit FfnOptions(const Space& space);
  /// With these pairs of experts and top_k only.
  FfnOptions(const Space& space, std::vector<ExpertOption> routings);

  std::size_t size() const { return size_; }
  /// nullopt: expert_ffn = 0, or outside the law's range. Cost: a step per axis.
  std::optional<FfnOption> at(const Frame& frame, std::size_t number) const;
  /// The same, in the range or not.
  std::optional<FfnOption> built(const Frame& frame, std::size_t number) const;
  /// That of the first value of every axis, whatever its size.
  FfnOption first(const Frame& frame) const;

 private:
  FfnOption numbered(const Frame& frame, std::size_t number) const;
  const Space* space_;
  Strides strides_;
  std::vector<Axis> axes_;  // but for experts and top_k
  std::vector<std::vector<std::size_t>> digits_;
  std::vector<ExpertOption> routings_;
  std::size_t size_ = 1;
};

/// Does its FFN ratio, and its activation rate, lie in the range that a space is bound to?
bool is_within(const Space& space, const FfnOption& option);

/// The FFN option at these digits; nullopt if it is none.
std::optional<FfnOption> ffn_option(const Space& space, const Digits& digits);

/// Writes an axis's value into an option, and its share of the index.
void set_axis(const Space& space, const Strides& strides, Axis axis, std::size_t digit,
              FfnOption& option);
/// An option with nothing but its frame.
FfnOption ffn_option_of(const Space& space, const Frame& frame);

}  // namespace rooflaw::search
