#pragma once
// The search of one frame of a level, box by box, and what it keeps from piece to piece: bounds
// that are filled as they are asked for, and blocks that wait until there are enough to be scored
// together.

#include <span>

#include "rooflaw/search/exact/bounds.hpp"
#include "rooflaw/search/exact/exact.hpp"

namespace rooflaw::search {

class FrameSearch {
 public:
  /// Keeps references. What is known changes under it: see forget_bound.
  FrameSearch(const ExactLevel& level, const Frame& frame, const std::vector<KnownLosses>& known);

  /// Looks at these boxes and all that they are cut into. `between` is called now and then; blocks
  /// may wait for settle().
  void search(const std::vector<Box>& boxes, Scanner& scanner,
              const std::function<void()>& between);
  /// Scores what waits.
  void settle(Scanner& scanner);
  /// What is known of a target is another now.
  void forget_bound(std::size_t target) { bounds_.forget_bound(target); }

  std::int64_t boxes_looked_at() const { return looked_at_; }

 private:
  /// Boxes, and which targets each may still matter to: so many words of bits a box.
  struct OpenBoxes {
    std::vector<Box> boxes;
    std::vector<std::uint64_t> targets;
  };

  struct KeptBlock {
    double seconds = 0;  // a layer, in the target's kind of latency
    double loss = 0;
    FfnCosts costs;
    Index index = 0;
    std::size_t depths = 0;  // that it affords
  };

  void take_some();
  void fill_corners();
  void look_at_some(Scanner& scanner);
  void set_least_losses(const Box& box, std::size_t lane);
  void cut(std::size_t box);
  void keep(std::size_t target, std::size_t lane, double loss, std::size_t depths,
            Scanner& scanner);
  void flush(std::size_t target, Scanner& scanner);
  void scan(std::size_t target, std::span<const KeptBlock> blocks, Scanner& scanner);

  const ExactLevel& level_;
  const Question& question_;
  Frame frame_;
  FrameBounds bounds_;
  FrameBoxes boxes_;
  std::int64_t looked_at_ = 0;
  std::size_t words_;  // of bits, by target
  std::vector<std::uint64_t> all_targets_;
  OpenBoxes open_, some_;
  std::vector<Box> parts_;
  std::vector<FfnOption> lower_;
  FfnParts corners_;
  std::vector<char> wanted_;                  // by packet of them and deployment
  std::vector<double> least_loss_;            // of the box at hand, by law
  std::vector<std::vector<KeptBlock>> kept_;  // by target
  FfnParts scanned_;
};

}  // namespace rooflaw::search
