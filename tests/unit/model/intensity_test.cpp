// Metrics of RooflineBench against sums over the operators of every pass.

#include <gtest/gtest.h>

#include <cmath>

#include "rooflaw/model/intensity.hpp"
#include "unit/random_cases.hpp"

namespace rooflaw::model {
namespace {

struct Work {
  double flops = 0, bytes = 0;
};

/// Of all passes one by one.
Work work_of(const Architecture& a, const Scenario& s, Phase phase) {
  Work sum;
  const auto add = [&](const Operator<double>& op, double times) {
    sum.flops += times * op.flops;
    sum.bytes += times * (op.bytes + op.kv_bytes);
  };
  const double count = passes(s, phase);
  for (double i = 1; i <= count; ++i) {
    const Pass pass =
        phase == Phase::decode ? decode_pass(s.workload, i) : prefill_pass(s.workload, s.engine, i);
    for_each_group(a, [&](const Layers& group) {
      for (const auto& op : layer_operators(group, a.width, s, pass))
        add(op, static_cast<double>(group.layers));
    });
    if (const auto head = head_operator(a, s); head && (phase == Phase::decode || i == 1))
      add(*head, 1);
  }
  return sum;
}

TEST(Intensity, IsOfTheOperatorsThatLatencyIsMadeOf) {
  rooflaw::testing::Random random(8);
  for (int i = 0; i < 100; ++i) {
    const auto c = rooflaw::testing::random_case(random, 300);
    const auto a = rooflaw::testing::architecture_from(c.at("architecture"));
    const auto s = rooflaw::testing::scenario_from(c);
    Law law;
    const auto e = evaluate(law, a, s);
    const Intensity found = intensity(a, s, e);
    EXPECT_DOUBLE_EQ(s.device.peak_flops.at(s.precision.matmul) / s.device.bandwidth_bytes_per_s,
                     found.ridge);
    for (const auto& [phase, p, seconds] :
         {std::tuple{Phase::prefill, found.prefill, e.prefill.seconds},
          {Phase::decode, found.decode, e.decode.seconds}}) {
      if (seconds == 0.0) {
        EXPECT_EQ(0, p.flops);
        continue;
      }
      const Work work = work_of(a, s, phase);
      EXPECT_NEAR(1, p.flops / work.flops, 1e-9);
      EXPECT_NEAR(1, p.bytes / work.bytes, 1e-9);
      EXPECT_NEAR(1, p.intensity * work.bytes / work.flops, 1e-9);
      EXPECT_NEAR(1, p.attained_flops * seconds / work.flops, 1e-9);
      const double rate = p.flops_gap / 1e9;
      EXPECT_EQ(found.ridge - p.intensity, p.intensity_gap);
      const double distance = p.intensity_gap > 0 ? std::hypot(p.intensity_gap, rate) : rate;
      EXPECT_NEAR(distance, p.potential, 1e-12 * std::abs(distance));
    }
  }
}

}  // namespace
}  // namespace rooflaw::model
