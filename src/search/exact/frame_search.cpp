#include "frame_search.hpp"

#include <algorithm>

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
      least_loss_(question_.laws.size()),
      kept_(question_.targets.size()) {
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
  for (const Box& box : boxes)
    if (const auto built = boxes_.built(box))
      open_.push_back({*built, Targets(question_.targets.size(), true)});
  std::vector<Open> some;
  while (!open_.empty()) {
    some.clear();
    while (!open_.empty() && some.size() < batch) {
      some.push_back(std::move(open_.back()));
      open_.pop_back();
    }
    look_at(some, scanner);
    looked_at_ += static_cast<std::int64_t>(some.size());
    if (between) between();
  }
}

void FrameSearch::settle(Scanner& scanner) {
  for (std::size_t t = 0; t < kept_.size(); ++t) flush(t, scanner);
}

void FrameSearch::look_at(std::vector<Open>& boxes, Scanner& scanner) {
  lower_.clear();
  for (const auto& open : boxes) lower_.push_back(boxes_.corner(open.box, false));
  fill_ffn_parts(question_, level_.tables_, frame_, lower_, corners_);
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    Open& open = boxes[i];
    const bool single = open.box.single();
    if (single && !is_within(question_.space, lower_[i])) continue;
    set_least_losses(open.box, i);
    bool any = false;
    std::size_t depths = 0;
    std::size_t known_deployment = question_.deployments.size();
    for (std::size_t t = 0; t < question_.targets.size(); ++t) {
      if (!open.targets[t]) continue;
      const auto& [id, s, objective, law] = question_.targets[t];
      const double loss = least_loss_[law];
      if (s != known_deployment) depths = bounds_.depths_affordable(s, corners_, i);
      known_deployment = s;
      open.targets[t] = depths > 0 && bounds_.matters(t, corners_, i, loss, depths);
      any = any || open.targets[t];
      if (single && open.targets[t]) keep(t, i, loss, depths, scanner);
    }
    if (any && !single) cut(open);
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

void FrameSearch::cut(const Open& open) {
  cut_box(open.box, parts_);
  for (const Box& part : parts_) open_.push_back({part, open.targets});
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
