#include "frame_search.hpp"

#include <algorithm>
#include <bit>

namespace rooflaw::search {

namespace {

// Boxes whose corners are computed together, and blocks that wait, of which so many are scored
// together.
constexpr std::size_t batch = 256;
constexpr std::size_t most_kept = 512;
constexpr std::size_t scanned_together = FfnParts::packet;

}  // namespace

FrameSearch::FrameSearch(const ExactLevel& level, const Frame& frame,
                         const std::vector<KnownLosses>& known)
    : level_(level),
      question_(level.question_),
      frame_(frame),
      bounds_(question_, level.tables_, level.depths_, frame, known, level.lowered_seed_),
      boxes_(question_.space, level.subspace_, level.routes_, frame),
      words_((question_.targets.size() + 63) / 64),
      all_targets_(words_, ~std::uint64_t{0}),
      least_loss_(question_.laws.size()),
      kept_(question_.targets.size()) {
  if (const std::size_t rest = question_.targets.size() % 64; rest != 0)
    all_targets_.back() = (std::uint64_t{1} << rest) - 1;
  scanned_.index.resize(scanned_together);
  scanned_.loss.assign(question_.laws.size(), std::vector<double>(scanned_together));
  scanned_.activations.resize(scanned_together);
  scanned_.deployments.resize(question_.deployments.size());
  for (auto& part : scanned_.deployments)
    for (auto* column : {&part.prefill_s, &part.decode_s, &part.weight_bytes})
      column->resize(scanned_together);
}

void FrameSearch::search(const std::vector<Box>& boxes, Scanner& scanner,
                         const std::function<void()>& between) {
  if (!bounds_.has_attention() || level_.depths_.digits.empty()) return;
  open_ = {};  // of a piece that was broken off
  for (const Box& box : boxes)
    if (const auto built = boxes_.built(box)) {
      open_.boxes.push_back(*built);
      open_.targets.insert(open_.targets.end(), all_targets_.begin(), all_targets_.end());
    }
  while (!open_.boxes.empty()) {
    take_some();
    look_at_some(scanner);
    looked_at_ += static_cast<std::int64_t>(some_.boxes.size());
    if (between) between();
  }
}

/// The boxes that came last: the fewest are open at once then.
void FrameSearch::take_some() {
  const std::size_t left = open_.boxes.size() - std::min(open_.boxes.size(), batch);
  const auto take = [](auto& from, std::size_t first, auto& to) {
    to.assign(from.begin() + static_cast<std::ptrdiff_t>(first), from.end());
    from.resize(first);
  };
  take(open_.boxes, left, some_.boxes);
  take(open_.targets, left * words_, some_.targets);
}

void FrameSearch::settle(Scanner& scanner) {
  for (std::size_t t = 0; t < kept_.size(); ++t) flush(t, scanner);
}

/// The lower corners, in the deployments of targets that they may still matter to.
void FrameSearch::fill_corners() {
  const std::size_t deployments = question_.deployments.size();
  lower_.clear();
  wanted_.assign((some_.boxes.size() / FfnParts::packet + 1) * deployments, 0);
  for (std::size_t i = 0; i < some_.boxes.size(); ++i) {
    lower_.push_back(boxes_.corner(some_.boxes[i], false));
    char* wanted = wanted_.data() + i / FfnParts::packet * deployments;
    for (std::size_t w = 0; w < words_; ++w)
      for (std::uint64_t bits = some_.targets[i * words_ + w]; bits != 0; bits &= bits - 1) {
        const std::size_t t = w * 64 + static_cast<std::size_t>(std::countr_zero(bits));
        wanted[question_.targets[t].deployment] = 1;
      }
  }
  fill_ffn_parts(
      question_, level_.tables_, frame_, lower_, corners_,
      [&](std::size_t packet, std::size_t s) { return wanted_[packet * deployments + s] != 0; });
}

void FrameSearch::look_at_some(Scanner& scanner) {
  fill_corners();
  for (std::size_t i = 0; i < some_.boxes.size(); ++i) {
    const Box& box = some_.boxes[i];
    const bool single = box.single();
    if (single && !is_within(question_.space, lower_[i])) continue;
    set_least_losses(box, i);
    bool any = false;
    std::size_t depths = 0;
    std::size_t known_deployment = question_.deployments.size();
    for (std::size_t t = 0; t < question_.targets.size(); ++t) {
      std::uint64_t& word = some_.targets[i * words_ + t / 64];
      const std::uint64_t bit = std::uint64_t{1} << (t % 64);
      if ((word & bit) == 0) continue;
      const auto& [id, s, objective, law] = question_.targets[t];
      const double loss = least_loss_[law];
      if (s != known_deployment) depths = bounds_.depths_affordable(s, corners_, i);
      known_deployment = s;
      if (depths == 0 || !bounds_.matters(t, corners_, i, loss, depths)) {
        word &= ~bit;
        continue;
      }
      any = true;
      if (single) keep(t, i, loss, depths, scanner);
    }
    if (any && !single) cut(i);
  }
}

/// What blocks of a box lose at least, by law; `lane` is where its lower corner stands.
void FrameSearch::set_least_losses(const Box& box, std::size_t lane) {
  for (std::size_t law = 0; law < least_loss_.size(); ++law)
    least_loss_[law] = box.single()
                           ? corners_.loss[law][lane]
                           : (1.0 - bound_margin) * ffn_part_loss(level_.tables_, law, frame_,
                                                                  boxes_.corner(box, true));
}

void FrameSearch::cut(std::size_t box) {
  cut_box(some_.boxes[box], parts_);
  const auto targets = some_.targets.begin() + static_cast<std::ptrdiff_t>(box * words_);
  for (const Box& part : parts_) {
    open_.boxes.push_back(part);
    open_.targets.insert(open_.targets.end(), targets,
                         targets + static_cast<std::ptrdiff_t>(words_));
  }
}

void FrameSearch::keep(std::size_t target, std::size_t lane, double loss, std::size_t depths,
                       Scanner& scanner) {
  const FfnCosts costs = ffn_costs(corners_, question_.targets[target].deployment, lane);
  auto& kept = kept_[target];
  kept.push_back({.seconds = bounds_.seconds(target, costs),
                  .loss = loss,
                  .costs = costs,
                  .index = corners_.index[lane],
                  .depths = depths});
  if (kept.size() == most_kept) flush(target, scanner);
}

/// Blocks of like time together: what bounds the fastest and best of a few says much of each.
void FrameSearch::flush(std::size_t target, Scanner& scanner) {
  auto& kept = kept_[target];
  std::sort(kept.begin(), kept.end(), [](const KeptBlock& x, const KeptBlock& y) {
    return x.seconds < y.seconds || (x.seconds == y.seconds && x.index < y.index);
  });
  for (std::size_t i = 0; i < kept.size(); i += scanned_together)
    scan(target, {kept.data() + i, std::min(scanned_together, kept.size() - i)}, scanner);
  kept.clear();
}

void FrameSearch::scan(std::size_t target, std::span<const KeptBlock> blocks, Scanner& scanner) {
  const auto& [id, s, objective, law] = question_.targets[target];
  auto& part = scanned_.deployments[s];
  double loss = blocks.front().loss;
  std::size_t depths = 0;
  scanned_.size = blocks.size();
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const KeptBlock& block = blocks[i];
    scanned_.index[i] = block.index;
    scanned_.loss[law][i] = block.loss;
    scanned_.activations[i] = block.costs.activations;
    part.prefill_s[i] = block.costs.prefill_s;
    part.decode_s[i] = block.costs.decode_s;
    part.weight_bytes[i] = block.costs.weight_bytes;
    loss = std::min(loss, block.loss);
    depths = std::max(depths, block.depths);
  }
  bounds_.open_rows(target, blocks.front().seconds, loss, depths,
                    [&](const TargetRows& rows) { scanner.scan_rows(rows, scanned_); });
}

}  // namespace rooflaw::search
