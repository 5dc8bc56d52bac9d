#pragma once
// The speeds of inputs/measured.csv that were measured on the chips of a result, beside what the
// model predicts for the same test.

#include <string>
#include <vector>

#include "report/study.hpp"
#include "rooflaw/model/passes.hpp"

namespace rooflaw::app::report {

struct MeasuredPoint {
  std::string device, engine, model, precision;  // `engine` with the power mode, where stated
  model::Phase phase{};
  double tokens_per_second = 0;
  double predicted = 0;  // NaN: the chip's efficiencies do not know the format
  // In the test, by the model's count of FLOP and bytes.
  double intensity = 0, attained_flops = 0, predicted_flops = 0;
  bool fitted = false;  // under the engine that the chip's efficiencies are of, at full power, in a
                        // format that they know
};

/// Those without a doubt. `why_none`: set where there is nothing, in words.
/// Cost: a pass over the file and the tables of the inputs folder.
std::vector<MeasuredPoint> measured_on(const PageStudy& study, std::string& why_none);

}  // namespace rooflaw::app::report
