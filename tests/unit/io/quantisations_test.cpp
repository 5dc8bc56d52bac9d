// Names of formats of weights, and the bytes they stand for.

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/io/catalogue.hpp"

namespace rooflaw::io {
namespace {

struct Tables {
  std::vector<model::Precision> precisions;
  std::vector<Quantisation> quantisations;
};
const Tables& shipped_tables() {
  static const Tables tables = [] {
    SourceFiles files;
    format::Faults faults;
    Catalogue catalogue(files, "", faults);
    Tables read{values_of(catalogue.all_precisions()), values_of(catalogue.all_quantisations())};
    faults.throw_if_any();
    return read;
  }();
  return tables;
}
const Quantisations& names() {
  static const Quantisations all(shipped_tables().precisions, shipped_tables().quantisations);
  return all;
}

TEST(Quantisations, EveryNameOfTheTableHasBytes) {
  EXPECT_GE(shipped_tables().quantisations.size(), 60u);
  for (const auto& q : shipped_tables().quantisations) {
    SCOPED_TRACE(q.id);
    const auto* by_id = names().find(q.id);
    ASSERT_NE(nullptr, by_id);
    EXPECT_EQ(q.precision.empty() ? q.id : q.precision, by_id->id);
    EXPECT_GT(by_id->weight_bytes, 0.1);
    EXPECT_EQ(0, q.format.loss_delta) << "measured, not proposed";
    for (const auto& name : q.names) {
      ASSERT_NE(nullptr, names().find(name)) << name;
      EXPECT_EQ(by_id->id, names().find(name)->id) << name;
    }
  }
  for (const auto& p : shipped_tables().precisions) EXPECT_EQ(p.id, names().find(p.id)->id);
}

TEST(Quantisations, LetterCaseDoesNotCount) {
  EXPECT_EQ("q4_k_m", names().find("q4_K - MEDIUM")->id);
  EXPECT_EQ("fp16", names().find("F16")->id);
  EXPECT_EQ("q2_k", names().find("Q2_K")->id);
  EXPECT_EQ(nullptr, names().find("Q4_K - Medium "));
  EXPECT_EQ(nullptr, names().find(""));
}

TEST(Quantisations, TheLongestEndingIsTaken) {
  const auto ending = names().ending_of("qwen2 1.5B Q4_K - Medium");
  EXPECT_EQ("qwen2 1.5B", ending.before);
  EXPECT_EQ("Q4_K - Medium", ending.name);
  EXPECT_EQ("q4_k_m", ending.precision->id);
  EXPECT_EQ("iq4_xs", names().ending_of("llama 8B IQ4_XS - 4.25 bpw").precision->id);
  EXPECT_EQ(nullptr, names().ending_of("llama 8B all F32").precision);
  EXPECT_EQ(nullptr, names().ending_of("Q4_0").precision) << "a name stands behind a model";
}

std::string faults_of(const std::string& entry) {
  const auto path = std::filesystem::absolute(inputs_folder() + "/quantisations.toml");
  auto files =
      SourceFiles::in_memory({{path.lexically_normal().string(), "[[quantisation]]\n" + entry}});
  format::Faults faults;
  Catalogue catalogue(files, "", faults);
  catalogue.all_quantisations();
  try {
    faults.throw_if_any();
  } catch (const InputError& error) {
    return error.what();
  }
  return "none";
}

TEST(Quantisations, FaultsOfAnEntry) {
  using ::testing::HasSubstr;
  EXPECT_EQ("none", faults_of("id = \"x\"\nprecision = \"fp16\"\nnames = [\"X\"]\n"));
  EXPECT_THAT(faults_of("id = \"x\"\nprecision = \"fp16\"\nweight_bytes = 2\n"),
              HasSubstr("quantisation.weight_bytes"));
  EXPECT_THAT(faults_of("id = \"x\"\n"), HasSubstr("quantisation.weight_bytes: is missing"));
  EXPECT_THAT(faults_of("id = \"x\"\nprecision = \"fp16\"\nnames = [3]\n"),
              HasSubstr("quantisation.names = 3: must be a text"));
  EXPECT_THAT(faults_of("precision = \"fp16\"\n"), HasSubstr("quantisation.id: is missing"));
}

}  // namespace
}  // namespace rooflaw::io
