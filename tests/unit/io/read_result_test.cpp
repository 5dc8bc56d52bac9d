// Results read back: as they were written, or refused by the name of what is wrong.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "rooflaw/core/error.hpp"
#include "rooflaw/core/numbers.hpp"
#include "unit/io/scored_result.hpp"
#include "unit/io/small_result.hpp"

namespace rooflaw::testing {
namespace {

using format::Hdf5Reader;

/// All members, NaN equal to NaN.
template <class T>
void expect_equal_as_text(const T& one, const T& other) {
  EXPECT_EQ(::testing::PrintToString(one), ::testing::PrintToString(other));
}

/// The same rows; an unknown energy is NaN, and so are an unknown error and penalty.
void expect_same_rows(std::vector<search::Row> a, std::vector<search::Row> b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    for (const auto field :
         {&search::Row::energy_j, &search::Row::latency_low_s, &search::Row::latency_high_s,
          &search::Row::loss_low, &search::Row::loss_high, &search::Row::loss_delta_ptq,
          &search::Row::loss_delta_ptq_low, &search::Row::loss_delta_ptq_high,
          &search::Row::loss_delta_qat, &search::Row::loss_delta_qat_low,
          &search::Row::loss_delta_qat_high})
      if (std::isnan(a[i].*field) && std::isnan(b[i].*field)) a[i].*field = b[i].*field = 0;
  EXPECT_EQ(a, b);
}

void expect_same_choices(const std::vector<search::Choice>& a,
                         const std::vector<search::Choice>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].within, b[i].within);
    EXPECT_EQ(a[i].objective, b[i].objective);
    EXPECT_EQ(a[i].worst_regret, b[i].worst_regret);
    EXPECT_EQ(a[i].index, b[i].index);
    EXPECT_EQ(a[i].layers, b[i].layers);
    EXPECT_EQ(a[i].kv_dim, b[i].kv_dim);
  }
}

void expect_same_opinions(const search::Opinions& a, const search::Opinions& b) {
  ASSERT_EQ(a.by_law.size(), b.by_law.size());
  for (std::size_t law = 0; law < a.by_law.size(); ++law) {
    const auto &x = a.by_law[law], &y = b.by_law[law];
    EXPECT_EQ(x.law, y.law);
    EXPECT_EQ(x.opinion_on, y.opinion_on);
    EXPECT_EQ(x.searched, y.searched);
    EXPECT_EQ(x.mean_regret, y.mean_regret);
    EXPECT_EQ(x.largest_regret, y.largest_regret);
    ASSERT_EQ(x.rows.size(), y.rows.size());
    for (std::size_t i = 0; i < x.rows.size(); ++i) {
      EXPECT_EQ(x.rows[i].loss, y.rows[i].loss);
      EXPECT_EQ(x.rows[i].regret, y.rows[i].regret);
    }
    expect_same_choices(x.choices, y.choices);
  }
  expect_same_choices(a.least_regret, b.least_regret);
}

void expect_same(const TargetResult& a, const TargetResult& b) {
  ASSERT_EQ(a.resamples.has_value(), b.resamples.has_value());
  if (a.resamples) {
    EXPECT_EQ(a.resamples->count, b.resamples->count);
    ASSERT_EQ(a.resamples->rows.size(), b.resamples->rows.size());
    for (std::size_t i = 0; i < a.resamples->rows.size(); ++i) {
      EXPECT_EQ(a.resamples->rows[i].loss_low, b.resamples->rows[i].loss_low);
      EXPECT_EQ(a.resamples->rows[i].loss_high, b.resamples->rows[i].loss_high);
      EXPECT_EQ(a.resamples->rows[i].occurrence, b.resamples->rows[i].occurrence);
    }
  }
  ASSERT_EQ(a.opinions.has_value(), b.opinions.has_value());
  if (a.opinions) expect_same_opinions(*a.opinions, *b.opinions);
  EXPECT_EQ(a.target, b.target);
  expect_same_rows(a.rows, b.rows);
  ASSERT_EQ(a.in_range.has_value(), b.in_range.has_value());
  if (a.in_range) {
    expect_same_rows(a.in_range->rows, b.in_range->rows);
    EXPECT_EQ(a.in_range->hypervolume, b.in_range->hypervolume);
    EXPECT_EQ(a.in_range->certified, b.in_range->certified);
  }
  ASSERT_EQ(a.refined.has_value(), b.refined.has_value());
  if (a.refined) {
    expect_same_rows(a.refined->rows, b.refined->rows);
    EXPECT_EQ(a.refined->hypervolume_gain, b.refined->hypervolume_gain);
  }
  ASSERT_EQ(a.sensitivity.size(), b.sensitivity.size());
  for (std::size_t i = 0; i < a.sensitivity.size(); ++i) {
    theory::Sensitivity stored = a.sensitivity[i];
    stored.dlatency_dlayers = stored.dlatency_dwidth = 0;
    stored.dlatency_dffn_ratio = stored.dlatency_dkv_dim = 0;
    EXPECT_EQ(0, std::memcmp(&stored, &b.sensitivity[i], sizeof stored)) << i;  // has NaN
  }
  ASSERT_EQ(a.theory.size(), b.theory.size());
  for (std::size_t i = 0; i < a.theory.size(); ++i) {
    EXPECT_EQ(a.theory[i].binding, b.theory[i].binding);
    EXPECT_EQ(0, std::memcmp(&a.theory[i].shape, &b.theory[i].shape, sizeof a.theory[i].shape));
    expect_equal_as_text(a.theory[i].loss, b.theory[i].loss);
    expect_equal_as_text(a.theory[i].search_minus_theory_loss,
                         b.theory[i].search_minus_theory_loss);
  }
  EXPECT_EQ(a.hypervolume, b.hypervolume);
  EXPECT_EQ(a.reference.latency_s, b.reference.latency_s);
  EXPECT_EQ(a.reference.loss, b.reference.loss);
  EXPECT_EQ(a.certified, b.certified);
  expect_equal_as_text(a.loss_gap_bound, b.loss_gap_bound);
  EXPECT_EQ(a.hypervolume_share, b.hypervolume_share);
}

TEST_F(ResultFile, IsReadAsItWasWritten) {
  const Hdf5Reader file = io::open_result(path_);
  const auto targets = io::read_targets(file);
  ASSERT_EQ(frontiers_.size(), targets.size());
  for (std::size_t t = 0; t < targets.size(); ++t) {
    EXPECT_TRUE(frontiers_[t].certified);
    EXPECT_TRUE(frontiers_[t].refined.has_value());
    expect_same(frontiers_[t], io::read_target(file, targets[t]));
  }
  const auto study = io::read_study(file);
  EXPECT_EQ(job_.text, study.job_toml);
  EXPECT_EQ("exact", study.strategy);
  EXPECT_EQ(7, study.seed);
  EXPECT_EQ(search::valid_count(job_.question.space), study.points_in_space);
  EXPECT_FALSE(study.program_version.empty());
  EXPECT_FALSE(study.git_commit.empty());
}

TEST_F(ResultFile, IsTheSameWrittenInParts) {
  const std::string path = folder_.path("parts.h5");
  for (const std::size_t rows : {std::size_t{1}, std::size_t{2}, std::size_t{7}}) {
    bool shorter = false;  // is a frontier of the law's range over before the other?
    io::write_result(
        path, job_,
        [&](format::Hdf5Writer& file, std::size_t t) {
          const auto description = description_of(job_, scored_, t);
          shorter = shorter || description.rows_in_range() + rows <= description.rows();
          EXPECT_GT(description.size(), rows);
          for (std::size_t first = 0; first < description.size(); first += rows)
            io::write_part(file, description.part(first, rows),
                           {first, description.rows(), description.rows_in_range()});
          return frontiers_[t].target;
        },
        record());
    EXPECT_TRUE(shorter);
    const Hdf5Reader file = io::open_result(path);
    const auto targets = io::read_targets(file);
    ASSERT_EQ(frontiers_.size(), targets.size());
    for (std::size_t t = 0; t < targets.size(); ++t)
      expect_same(frontiers_[t], io::read_target(file, targets[t]));
  }
}

/// Every field its own value, none the default.
search::Row odd_row() {
  search::Row row;
  std::int64_t next = 1;
  search::for_each_column([&](const char*, const char*, auto field, auto) {
    using T = std::remove_reference_t<decltype(row.*field)>;
    ++next;
    if constexpr (std::is_same_v<T, model::AttentionKind>)
      row.*field = model::AttentionKind::mla;
    else if constexpr (std::is_same_v<T, model::FfnKind>)
      row.*field = model::FfnKind::plain;
    else if constexpr (std::is_same_v<T, bool>)
      row.*field = true;
    else
      row.*field = static_cast<T>(next);
  });
  return row;
}

TEST_F(ResultFile, KeepsEveryFieldAndNaN) {
  TargetResult odd{.target = search::info_of(job_.question, job_.question.targets[0])};
  odd.target.memory_budget_bytes = std::numeric_limits<double>::infinity();
  odd.target.calibrated = true;
  odd.target.attention_type = model::ComputeType::bf16;
  odd.target.device_confidence = "estimate";
  odd.rows = {odd_row()};
  theory::Sensitivity s;
  s.dloss_dlayers = 1, s.dloss_dwidth = 2, s.dloss_dffn_ratio = 3, s.dloss_dactivation_rate = 4;
  s.dloss_dkv_dim = 5, s.exchange_layers = nan, s.exchange_width = 7, s.exchange_ffn_ratio = 8;
  s.exchange_kv_dim = nan, s.elasticity_compute = 9, s.elasticity_bandwidth = 10;
  s.elasticity_overhead = 11, s.worth_compute = 12, s.worth_bandwidth = 13, s.worth_memory = 14;
  odd.sensitivity = {s};
  odd.theory = {{{1, 2, nan, 4, 5}, nan, *search::binding_from("total+memory"), 7}};
  odd.hypervolume = 1, odd.reference = {2, 3}, odd.loss_gap_bound = nan;
  odd.hypervolume_share = 0.5;
  const auto read_back = [&] {
    const auto target = [&](std::size_t t) {
      return t == 0 ? odd : TargetResult{.target = frontiers_[t].target};
    };
    const std::string path = folder_.path("odd.h5");
    io::write_result(
        path, job_,
        [&](format::Hdf5Writer& to, std::size_t t) { return io::write_target(to, target(t)); },
        record());
    const Hdf5Reader file = io::open_result(path);
    const auto targets = io::read_targets(file);
    expect_same(target(1), io::read_target(file, targets.at(1)));
    return io::read_target(file, targets.at(0));
  };
  expect_same(odd, read_back());
  odd.rows[0].tpot_s = nan;
  EXPECT_TRUE(std::isnan(read_back().rows.at(0).tpot_s));
}

TEST(DamagedResult, NamesTheObject) {
  const TemporaryFolder folder;
  const ResultParts sound = small_result(folder);
  const std::string law = "/codesign-2026/jetson-agx-orin-64gb.fp16.vla.tpot";
  const auto fault = [&](const std::function<void(ResultParts&)>& change) -> std::string {
    ResultParts parts = sound;
    change(parts);
    const std::string path = write_parts(folder, parts);
    try {
      const Hdf5Reader file = io::open_result(path);
      io::read_study(file);
      for (const auto& target : io::read_targets(file)) io::read_target(file, target);
    } catch (const FileError& e) {
      return e.what();
    }
    return "";
  };
  const auto with = [&](const std::string& path, const format::Column& column) {
    return fault([&](ResultParts& parts) { parts.columns.at(path) = column; });
  };
  const auto without = [&](const std::string& path) {
    return fault([&](ResultParts& parts) { ASSERT_EQ(1u, parts.columns.erase(path)); });
  };
  const auto names = [](const std::string& path, const std::string& what) {
    return ::testing::HasSubstr(path + ": " + what);
  };
  using Numbers = std::vector<double>;
  using Integers = std::vector<std::int64_t>;
  using Words = std::vector<std::string>;
  EXPECT_EQ("", fault([](ResultParts&) {}));
  const std::string frontier = "/frontiers" + law + "/", theory = "/theory" + law + "/";
  EXPECT_THAT(without(frontier + "width"), names(frontier + "width", "is missing"));
  EXPECT_THAT(without("/targets/calibrated"), names("/targets/calibrated", "is missing"));
  EXPECT_THAT(with(frontier + "loss", Numbers{1}), names(frontier + "loss", "is not as long"));
  EXPECT_THAT(with(theory + "binding", Words{}), names(theory + "binding", "is not as long"));
  EXPECT_THAT(with(frontier + "layers", Numbers{1, 2, 3}),
              names(frontier + "layers", "has an unexpected type"));
  EXPECT_THAT(with(frontier + "attention", Words{"gqa", "other", "mla"}),
              names(frontier + "attention", "\"other\" is not"));
  EXPECT_THAT(with("/targets/latency", Words{"tomorrow"}),
              names("/targets/latency", "\"tomorrow\" is not"));
  EXPECT_THAT(with(frontier + "extrapolated", Integers{0, 1, 2}),
              names(frontier + "extrapolated", "2 is neither 0 nor 1"));
  EXPECT_THAT(fault([&](ResultParts& parts) {
                for (auto& [path, column] : parts.columns)
                  if (path.starts_with("/sensitivity")) column = Numbers{1};
              }),
              names("/sensitivity" + law, "has 1 rows, the frontier 3"));
  EXPECT_THAT(fault([&](ResultParts& parts) {
                parts.attributes.erase({"/frontiers" + law, "certified"});
              }),
              names("/frontiers" + law + "@certified", "is missing"));
  EXPECT_THAT(fault([&](ResultParts& parts) {
                parts.attributes[{"/", "seed"}] = std::string("one");
              }),
              names("/@seed", "has an unexpected type"));
}

}  // namespace
}  // namespace rooflaw::testing
