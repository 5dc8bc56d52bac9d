#include "rooflaw/search/sample/sample.hpp"
#include "rooflaw/search/score/scan_run.hpp"

namespace rooflaw::search {

namespace {

class SampleRun : public ScanRun {
 public:
  SampleRun(const Sample& sample, const Question& question, Role role)
      : ScanRun(question, role, false), plan_(question, sample.points) {}
  std::string name(std::int64_t piece) const override { return plan_.name(piece); }

 protected:
  std::int64_t pieces_of(std::uint64_t) const override { return plan_.pieces(); }
  void prepare(const std::vector<FrontierPoints>*) override {}
  void score_piece(std::int64_t piece, const Between& between) override {
    plan_.score(piece, scanner(), between);
  }

 private:
  SamplePlan plan_;
};

}  // namespace

std::unique_ptr<MethodRun> start(const Sample& sample, const Question& question, Role role) {
  return std::make_unique<SampleRun>(sample, question, role);
}

}  // namespace rooflaw::search
