#include "rooflaw/search/grid/grid.hpp"
#include "rooflaw/search/score/scan_run.hpp"

namespace rooflaw::search {

namespace {

class GridRun : public ScanRun {
 public:
  GridRun(const Question& question, Role role) : ScanRun(question, role, false), plan_(question) {}
  std::string name(std::int64_t piece) const override { return plan_.name(piece); }

 protected:
  std::int64_t pieces_of(std::uint64_t) const override { return plan_.pieces(); }
  void prepare(const std::vector<FrontierPoints>*) override { plan_.look_around(scanner()); }
  void score_piece(std::int64_t piece, const Between& between) override {
    plan_.score(piece, scanner(), between);
  }

 private:
  GridPlan plan_;
};

}  // namespace

std::unique_ptr<MethodRun> start(const Grid&, const Question& question, Role role) {
  return std::make_unique<GridRun>(question, role);
}

}  // namespace rooflaw::search
