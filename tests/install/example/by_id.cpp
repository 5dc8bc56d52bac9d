// by_id MODEL DEVICE PRECISION WORKLOAD: what `rooflaw evaluate` says of the loss and the time.

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "rooflaw/io/case_file.hpp"
#include "rooflaw/model/evaluation.hpp"

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  ::setenv("ROOFLAW_INPUTS", EXAMPLE_INPUTS, 0);
  try {
    rooflaw::io::SourceFiles files;
    const auto c = rooflaw::io::read_case(
        files, "",
        {.model = argv[1], .device = argv[2], .precision = argv[3], .workload = argv[4]});
    const auto e = rooflaw::model::evaluate(c.law, c.architecture, c.scenario);
    std::printf("%.17g %.17g\n", e.loss, e.total_s);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
