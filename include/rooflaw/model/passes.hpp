#pragma once
// The forward passes of a workload: a prompt in chunks, then a token at a time.
//
// What an operator costs in a pass depends on the new tokens and on the context, and is affine in
// the context as long as that stays on one side of the layer's window. A run is a stretch of
// passes of equal size on one side, so that the sum over it is a closed form; at most four make a
// phase: prefill passes before, astride and behind the window and a shorter last one, or decode
// steps before and behind it.

#include "rooflaw/core/fixed_vector.hpp"
#include "rooflaw/model/workload.hpp"

namespace rooflaw::model {

enum class Phase { prefill, decode };

/// One forward pass.
struct Pass {
  double batch = 1;    // sequences
  double tokens = 0;   // new tokens of all sequences
  double context = 0;  // tokens of a sequence behind it
  bool decode = false;
};

/// Passes of the same new tokens at equidistant contexts.
struct Run {
  Pass first, last;
  double count = 0;
};
using Runs = FixedVector<Run, 4>;

/// Tokens of a sequence in a full prefill pass: the chunk, or the whole prompt.
double chunk_tokens(const Workload& workload, const Engine& engine);

/// Number of passes: ceil(input_tokens / chunk) or output_tokens.
double passes(const Workload& workload, const Engine& engine, Phase phase);

/// Prefill pass j = 1 .. passes; the last may be shorter. Decode step s = 1 .. output_tokens; its
/// context is input_tokens + s, the new token included.
Pass prefill_pass(const Workload& workload, const Engine& engine, double number);
Pass decode_pass(const Workload& workload, double step);

/// All passes of a phase, in order, cut where costs cease to be affine for layers of this window
/// (0: none).
Runs runs(const Workload& workload, const Engine& engine, Phase phase, double window);

/// Keys that a new token attends, on average; and tokens of all sequences whose keys and values
/// are read.
double keys_attended(const Pass& pass, const Engine& engine, double window);
double tokens_read(const Pass& pass, const Engine& engine, double window);

}  // namespace rooflaw::model
