#include "rooflaw/model/passes.hpp"

#include <algorithm>
#include <cmath>

namespace rooflaw::model {

std::string_view to_string(Elementwise elementwise) {
  switch (elementwise) {
    case Elementwise::separate:
      return "separate";
    case Elementwise::fused:
      return "fused";
    case Elementwise::ignored:
      break;
  }
  return "ignored";
}

std::optional<Elementwise> elementwise_from(std::string_view name) {
  for (const auto each : {Elementwise::separate, Elementwise::fused, Elementwise::ignored})
    if (to_string(each) == name) return each;
  return std::nullopt;
}

namespace {

double batch(const Workload& w) { return static_cast<double>(w.batch); }
double input_tokens(const Workload& w) { return static_cast<double>(w.input_tokens); }

/// Does a prefill pass skip what its mask hides, outside the window or behind the token?
bool skips_masked(const Engine& engine) { return engine.flash && engine.causal; }

double new_tokens(const Pass& pass) { return pass.tokens / pass.batch; }

Run run_of(const Pass& first, const Pass& last, double count) { return {first, last, count}; }

/// Full passes from `from` to `to`, both included.
void add_prefill(Runs& list, const Workload& w, const Engine& e, double from, double to) {
  if (from <= to)
    list.push_back(run_of(prefill_pass(w, e, from), prefill_pass(w, e, to), to - from + 1.0));
}

Runs prefill_runs(const Workload& w, const Engine& e, double window) {
  Runs list;
  if (w.input_tokens == 0) return list;
  const double chunk = chunk_tokens(w, e);
  const double full = std::floor(input_tokens(w) / chunk);
  if (window > 0.0 && skips_masked(e)) {
    const double before = std::min(std::floor(window / chunk), full);
    add_prefill(list, w, e, 1.0, before);
    double behind = before + 1.0;
    // Of its tokens some attend the whole window, some less.
    if (behind <= full && before * chunk + 1.0 < window) {
      add_prefill(list, w, e, behind, behind);
      behind += 1.0;
    }
    add_prefill(list, w, e, behind, full);
  } else {
    add_prefill(list, w, e, 1.0, full);
  }
  if (full * chunk < input_tokens(w)) {
    const Pass last = prefill_pass(w, e, full + 1.0);
    list.push_back(run_of(last, last, 1.0));
  }
  return list;
}

Runs decode_runs(const Workload& w, double window) {
  Runs list;
  const auto steps = static_cast<double>(w.output_tokens);
  const auto add = [&](double from, double to) {
    if (from <= to) list.push_back(run_of(decode_pass(w, from), decode_pass(w, to), to - from + 1));
  };
  if (window == 0.0) {
    add(1.0, steps);
    return list;
  }
  const double before = std::clamp(window - input_tokens(w), 0.0, steps);
  add(1.0, before);
  add(before + 1.0, steps);
  return list;
}

}  // namespace

double chunk_tokens(const Workload& w, const Engine& e) {
  const auto chunk = static_cast<double>(e.prefill_chunk);
  return chunk == 0.0 ? input_tokens(w) : std::min(chunk, input_tokens(w));
}

double passes(const Workload& w, const Engine& e, Phase phase) {
  if (phase == Phase::decode) return static_cast<double>(w.output_tokens);
  return w.input_tokens == 0 ? 0.0 : std::ceil(input_tokens(w) / chunk_tokens(w, e));
}

Pass prefill_pass(const Workload& w, const Engine& e, double number) {
  const double before = (number - 1.0) * chunk_tokens(w, e);
  const double tokens = std::min(chunk_tokens(w, e), input_tokens(w) - before);
  return {
      .batch = batch(w), .tokens = batch(w) * tokens, .context = before + tokens, .decode = false};
}

Pass decode_pass(const Workload& w, double step) {
  return {.batch = batch(w), .tokens = batch(w), .context = input_tokens(w) + step, .decode = true};
}

Runs runs(const Workload& w, const Engine& e, Phase phase, double window) {
  return phase == Phase::decode ? decode_runs(w, window) : prefill_runs(w, e, window);
}

double keys_attended(const Pass& pass, const Engine& engine, double window) {
  const double context = pass.context;
  if (pass.decode) return window > 0.0 ? std::min(context, window) : context;
  if (!skips_masked(engine)) return context;
  const double tokens = new_tokens(pass);
  const double first = context - tokens + 1.0;
  if (window == 0.0 || context <= window) return (first + context) / 2.0;
  if (first >= window) return window;
  return ((first + window) * (window - first + 1.0) / 2.0 + (context - window) * window) / tokens;
}

double tokens_read(const Pass& pass, const Engine& engine, double window) {
  const bool all = window == 0.0 || (!pass.decode && !engine.flash);
  return pass.batch *
         (all ? pass.context : std::min(pass.context, window + new_tokens(pass) - 1.0));
}

}  // namespace rooflaw::model
