#include "rooflaw/search/score/known_losses.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "rooflaw/core/numbers.hpp"

namespace rooflaw::search {

namespace {

constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto acquire = std::memory_order_acquire;
constexpr auto release = std::memory_order_release;
// Bins come to be used by the octave.
constexpr std::int64_t octave = 1024;

template <class Number>
Number load(const Number& number, std::memory_order order = relaxed) {
  return std::atomic_ref(const_cast<Number&>(number)).load(order);
}
template <class Number>
void store(Number& number, Number value, std::memory_order order = relaxed) {
  std::atomic_ref(number).store(value, order);
}

/// Of numbers that fall, from one place on: those above `loss` become it, and are a run.
void lower(std::span<double> falling, std::size_t from, double loss) {
  const auto above = [&](std::size_t at) { return load(falling[at]) > loss; };
  if (from >= falling.size() || !above(from)) return;
  // Mostly it is short: look near first.
  std::size_t near = from, step = 1;
  while (near + step < falling.size() && above(near + step)) {
    near += step;
    step *= 2;
  }
  std::size_t far = std::min(near + step, falling.size());
  while (near + 1 < far) {
    const std::size_t middle = near + (far - near) / 2;
    (above(middle) ? near : far) = middle;
  }
  for (std::size_t at = from; at < far; ++at)
    if (above(at)) store(falling[at], loss);  // another may have been here meanwhile
}

}  // namespace

LossBound::LossBound(std::span<const FrontierPoint> points, double lowered_by)
    : own_(std::make_unique<Own>()), shift_(fine_shift), base_(0), window_(&own_->window) {
  const auto by_time = [](const FrontierPoint& x, const FrontierPoint& y) {
    return x.latency_s < y.latency_s;
  };
  std::int64_t last = 0;
  if (!points.empty()) {
    const auto [fastest, slowest] = std::minmax_element(points.begin(), points.end(), by_time);
    base_ = bin(fastest->latency_s, shift_);
    last = bin(slowest->latency_s, shift_) + 1;
  }
  own_->window.now = {base_, last};
  own_->least_before.assign(static_cast<std::size_t>(last - base_) + 1, infinity);
  least_before_ = own_->least_before;
  // Slow ones first: each lowers no more than the bins up to the next then.
  for (auto p = points.rbegin(); p != points.rend(); ++p)
    add(bin(p->latency_s, shift_), p->loss - lowered_by);
}

LossBound::LossBound(std::span<double> least_before, GrowingWindow& window)
    : least_before_(least_before), window_(&window) {}

LossWindow LossBound::window() const {
  return {load(window_->now.first, acquire), load(window_->now.last, acquire)};
}

double LossBound::before(std::int64_t bin) const {
  const auto [first, last] = window();
  const std::int64_t at = bin < first ? base_ : (bin > last ? last : bin);
  return load(least_before_[static_cast<std::size_t>(at - base_)]);
}

/// The bins before the window know of no point, those behind it of all. One widens it at a time:
/// another does not wait, who may be on the same core, and leaves it as it is.
void LossBound::widen(std::int64_t from, std::int64_t to) {
  const auto fits = [&] {
    const auto [first, last] = window();
    return first <= from && to <= last;
  };
  const std::atomic_ref being_widened(window_->being_widened);
  if (fits() || being_widened.exchange(1, acquire) != 0) return;
  const auto fill = [&](std::int64_t first, std::int64_t end, double loss) {
    for (std::int64_t b = first; b < end; ++b)
      store(least_before_[static_cast<std::size_t>(b - base_)], loss);
  };
  const auto down = [this](std::int64_t b) { return b - (b - base_) % octave; };
  const std::int64_t end = base_ + std::ssize(least_before_) - 1;
  const auto [first, last] = window();
  if (from < first) {
    fill(down(from), first, infinity);
    store(window_->now.first, down(from), release);
  }
  if (to > last) {
    const std::int64_t new_last = std::min(down(to) + octave, end);
    fill(last + 1, new_last + 1, before(last));
    store(window_->now.last, new_last, release);
    lower_from(last + 1, before(last));  // what others lowered meanwhile ended there
  }
  being_widened.store(0, release);
}

void LossBound::lower_from(std::int64_t bin, double loss) {
  lower(least_before_.first(static_cast<std::size_t>(window().last - base_) + 1),
        static_cast<std::size_t>(bin - base_), loss);
}

void LossBound::add(std::int64_t bin, double loss) {
  bin = std::max(bin, base_);
  const std::int64_t after = bin + 1;
  if (after - base_ >= std::ssize(least_before_)) return;
  widen(bin, after);
  lower_from(std::max(after, window().first + 1), loss);
}

void make_ready(LossMemory& memory) {
  // From the middle on it widens both ways.
  constexpr std::int64_t second = std::bit_cast<std::int64_t>(1.0) >> LossBound::shift;
  memory.changes = 0;
  memory.window = {.now = {second, second}};
  std::fill(std::begin(memory.untold), std::end(memory.untold), std::uint64_t{0});
  std::fill(std::begin(memory.bins), std::end(memory.bins), infinity);
  memory.least_before[0] = memory.least_before[second - LossBound::lowest] = infinity;
}

KnownLosses::KnownLosses()
    : own_(std::make_unique_for_overwrite<LossMemory>()),
      memory_(own_.get()),
      bound_(memory_->least_before, memory_->window) {
  make_ready(*memory_);
}

KnownLosses::KnownLosses(LossMemory& memory)
    : memory_(&memory), bound_(memory.least_before, memory.window) {}

std::uint64_t KnownLosses::changes() const { return load(memory_->changes); }

bool KnownLosses::add(std::int64_t bin, double loss) {
  const double before = least_until(bin);
  if (!(loss < before)) return false;
  const auto coarse = DominanceBins::within(bin >> (DominanceBins::shift - LossBound::shift));
  lower(memory_->bins, static_cast<std::size_t>(coarse) + 1, loss);
  bound_.add(bin, loss);
  std::atomic_ref(memory_->changes).fetch_add(1, relaxed);
  return loss < before - last_digits;
}

void KnownLosses::note(std::int64_t bin) {
  const auto at = static_cast<std::size_t>(
      std::clamp(bin - LossBound::lowest, std::int64_t{0}, LossBound::count - 1));
  // What is noted is known to who takes the note.
  std::atomic_ref(memory_->untold[at / 64])
      .fetch_or(std::uint64_t{1} << (at % 64), std::memory_order_acq_rel);
}

std::vector<std::int64_t> KnownLosses::take_noted() {
  const std::uint64_t now = changes();
  std::vector<std::int64_t> noted;
  if (std::exchange(changes_taken_, now) == now) return noted;
  const auto [first, last] = bound_.window();
  const auto word_of = [](std::int64_t bin) { return (bin - LossBound::lowest) / 64; };
  for (std::int64_t w = word_of(first); w <= word_of(last); ++w) {
    auto& word = memory_->untold[w];
    if (load(word) == 0) continue;
    for (auto bits = std::atomic_ref(word).exchange(0, std::memory_order_acq_rel); bits != 0;
         bits &= bits - 1)
      noted.push_back(LossBound::lowest + w * 64 + std::countr_zero(bits));
  }
  return noted;
}

}  // namespace rooflaw::search
