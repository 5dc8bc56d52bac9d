#pragma once
// Metrics of RooflineBench [R], arXiv:2602.11506: where an architecture stands under a chip's roof.
//
// FLOP and bytes of a phase are its times at unit rates, so they are those of the operators that
// latency is made of. Peaks are the data sheet's, whatever the efficiencies. [R] measures bytes as
// memory in use times time; here they are what operators read and write, so its axis of intensity
// is another.

#include "rooflaw/model/evaluation.hpp"

namespace rooflaw::model {

struct PhaseIntensity {
  double flops = 0, bytes = 0;
  double intensity = 0;       // FLOP/byte
  double attained_flops = 0;  // FLOP/s
  double intensity_gap = 0;   // to the ridge, FLOP/byte; negative beyond it
  double flops_gap = 0;       // to the peak, FLOP/s
  /// Relative inference potential: left of the ridge the distance to it, sqrt of the sum of squares
  /// of both gaps in FLOP/byte and GFLOP/s, so that the second rules; else the second alone. Values
  /// of the two sides do not compare.
  double potential = 0;
};

struct Intensity {
  double ridge = 0;                // FLOP/byte, peak of the matmul type over bandwidth
  PhaseIntensity prefill, decode;  // zeros of a phase that takes no time
};

/// @param e  of the same architecture and scenario
/// Cost: about two microseconds.
Intensity intensity(const Architecture& a, const Scenario& s, const Evaluation& e);

}  // namespace rooflaw::model
