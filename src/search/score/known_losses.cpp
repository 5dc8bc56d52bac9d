#include "rooflaw/search/score/known_losses.hpp"

#include <algorithm>

namespace rooflaw::search {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
// Bins are taken by the octave.
constexpr std::int64_t octave = 1024;

/// Of numbers that fall, from one place on: those above `loss` become it, and are a run.
void lower(std::vector<double>& falling, std::int64_t from, double loss) {
  const auto begin = falling.begin() + from;
  if (begin == falling.end() || !(*begin > loss)) return;
  // Mostly it is short: look near first.
  std::int64_t step = 1;
  auto near = begin;
  while (falling.end() - near > step && *(near + step) > loss) {
    near += step;
    step *= 2;
  }
  const auto far = falling.end() - near > step ? near + step : falling.end();
  const auto end = std::partition_point(near, far, [loss](double least) { return least > loss; });
  std::fill(begin, end, loss);
}

}  // namespace

void DominanceBins::add(std::int64_t bin, double loss) { lower(least_loss_before_, bin + 1, loss); }

LossBound::LossBound(std::span<const FrontierPoint> points, double lowered_by)
    : shift_(fine_shift) {
  // Slow ones first: each lowers no more than the bins up to the next then.
  for (auto p = points.rbegin(); p != points.rend(); ++p)
    add(bin(p->latency_s, shift_), p->loss - lowered_by);
}

void LossBound::add(std::int64_t bin, double loss) {
  if (least_before_.size() == 1) first_ = bin - bin % octave;
  if (bin < first_) {
    const std::int64_t more = (first_ - bin + octave - 1) / octave * octave;
    least_before_.insert(least_before_.begin(), static_cast<std::size_t>(more), infinity);
    first_ -= more;
  }
  const auto at = static_cast<std::size_t>(bin - first_) + 1;
  if (at >= least_before_.size()) {
    const std::size_t size = (at / octave + 1) * octave + 1;
    least_before_.resize(size, least_before_.back());
  }
  lower(least_before_, static_cast<std::int64_t>(at), loss);
}

bool KnownLosses::add(std::int64_t bin, double loss) {
  const double before = least_until(bin);
  if (!(loss < before)) return false;
  bins_.add(DominanceBins::within(bin >> (DominanceBins::shift - LossBound::shift)), loss);
  bound_.add(bin, loss);
  ++changes_;
  return loss < before - last_digits;
}

}  // namespace rooflaw::search
