#include "rooflaw/model/capacity.hpp"

#include <algorithm>

namespace rooflaw::model {

namespace {

/// The largest count of 1 .. most at which the model fits; memory does not fall with the count.
template <class Set>
std::int64_t largest_that_fits(const Architecture& a, Scenario s, double memory_bytes,
                               std::int64_t most, Set set) {
  const auto x = lift(a);
  const auto fits = [&](std::int64_t count) {
    set(s.workload, count);
    return memory(x, s).total() <= memory_bytes;
  };
  if (fits(most)) return most;
  std::int64_t fitting = 0, too_many = most;
  while (too_many - fitting > 1) {
    const std::int64_t count = fitting + (too_many - fitting) / 2;
    (fits(count) ? fitting : too_many) = count;
  }
  return fitting;
}

}  // namespace

std::int64_t largest_input_tokens(const Architecture& a, const Scenario& s, double memory_bytes) {
  const bool one_pass = s.engine.flash && !s.engine.causal && s.engine.prefill_chunk > 0;
  return largest_that_fits(a, s, memory_bytes, one_pass ? s.engine.prefill_chunk : most_tokens,
                           [](Workload& w, std::int64_t tokens) { w.input_tokens = tokens; });
}

std::int64_t largest_batch(const Architecture& a, const Scenario& s, double memory_bytes) {
  return largest_that_fits(a, s, memory_bytes, most_tokens,
                           [](Workload& w, std::int64_t batch) { w.batch = batch; });
}

}  // namespace rooflaw::model
