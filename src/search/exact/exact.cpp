#include "rooflaw/search/exact/exact.hpp"

#include <algorithm>

#include "rooflaw/search/exact/bounds.hpp"
#include "rooflaw/search/space/axes.hpp"

namespace rooflaw::search {

namespace {

// Boxes whose corners are computed together, and blocks that are scored together.
constexpr std::size_t batch = 256;
constexpr std::size_t most_buffered = 128;

/// Which targets a box may still matter to.
using Targets = std::vector<bool>;

}  // namespace

Index pieces_of(const Question&, const Subspace& subspace) {
  return static_cast<Index>(frames_of_level(subspace).size());
}

/// The search of one piece: FFN boxes of one frame.
class PieceSearch {
 public:
  PieceSearch(const ExactLevel& level, const Frame& frame,
              const std::vector<AttentionOption>& attention, Scanner& scanner);
  void run(const std::function<void()>& between);

 private:
  struct Open {
    Box box;
    Targets targets;
  };

  void look_at(std::vector<Open>& boxes);
  void set_least_losses(const Box& box, std::size_t lane);
  void cut(const Open& open);
  void keep(std::size_t target, std::size_t lane, double loss, std::size_t depths);
  void flush(std::size_t target);
  FfnParts nothing_kept() const {
    FfnParts parts;
    parts.loss.resize(question_.laws.size());
    parts.deployments.resize(question_.deployments.size());
    return parts;
  }

  const ExactLevel& level_;
  const Question& question_;
  Scanner& scanner_;
  Frame frame_;
  const std::vector<AttentionOption>& attention_;
  FrameBounds bounds_;
  FrameBoxes boxes_;
  std::vector<Open> open_;
  std::vector<Box> parts_;
  std::vector<FfnOption> lower_;
  FfnParts corners_;
  std::vector<double> least_loss_;        // of the box at hand, by law
  std::vector<FfnParts> kept_;            // by target
  std::vector<std::size_t> kept_depths_;  // the most that any of them affords
};

PieceSearch::PieceSearch(const ExactLevel& level, const Frame& frame,
                         const std::vector<AttentionOption>& attention, Scanner& scanner)
    : level_(level),
      question_(level.question_),
      scanner_(scanner),
      frame_(frame),
      attention_(attention),
      bounds_(level.question_, level.tables_, level.depths_, frame, attention, scanner.known(),
              level.lowered_seed_),
      boxes_(question_.space, level.subspace_, level.routes_, frame),
      least_loss_(question_.laws.size()),
      kept_(question_.targets.size()),
      kept_depths_(question_.targets.size(), 0) {
  for (auto& parts : kept_) parts = nothing_kept();
  for (const Box& box : boxes_.whole())
    open_.push_back({box, Targets(question_.targets.size(), true)});
}

void PieceSearch::run(const std::function<void()>& between) {
  std::vector<Open> boxes;
  while (!open_.empty()) {
    boxes.clear();
    while (!open_.empty() && boxes.size() < batch) {
      boxes.push_back(std::move(open_.back()));
      open_.pop_back();
    }
    look_at(boxes);
    if (between) between();
  }
  for (std::size_t t = 0; t < question_.targets.size(); ++t) flush(t);
}

void PieceSearch::look_at(std::vector<Open>& boxes) {
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
      if (single && open.targets[t]) keep(t, i, loss, depths);
    }
    if (any && !single) cut(open);
  }
}

/// What blocks of a box lose at least, by law; `lane` is where its lower corner stands.
void PieceSearch::set_least_losses(const Box& box, std::size_t lane) {
  for (std::size_t law = 0; law < least_loss_.size(); ++law)
    least_loss_[law] = box.single()
                           ? corners_.loss[law][lane]
                           : (1.0 - bound_margin) * ffn_part_loss(level_.tables_, law, frame_,
                                                                  boxes_.corner(box, true));
}

void PieceSearch::cut(const Open& open) {
  cut_box(open.box, parts_);
  for (const Box& part : parts_) open_.push_back({part, open.targets});
}

void PieceSearch::keep(std::size_t target, std::size_t lane, double loss, std::size_t depths) {
  const auto& [id, s, objective, law] = question_.targets[target];
  FfnParts& kept = kept_[target];
  kept.index.push_back(corners_.index[lane]);
  kept.loss[law].push_back(loss);
  kept.activations.push_back(corners_.activations[lane]);
  auto& to = kept.deployments[s];
  const auto& from = corners_.deployments[s];
  to.prefill_s.push_back(from.prefill_s[lane]);
  to.decode_s.push_back(from.decode_s[lane]);
  to.weight_bytes.push_back(from.weight_bytes[lane]);
  kept_depths_[target] = std::max(kept_depths_[target], depths);
  if (++kept.size == most_buffered) flush(target);
}

void PieceSearch::flush(std::size_t target) {
  FfnParts& kept = kept_[target];
  if (kept.size == 0) return;
  const auto& digits = level_.depths_.digits;
  const Block block{.frame = frame_,
                    .attention = attention_,
                    .ffn = {},
                    .layer_digits = {digits.begin(), digits.begin() + static_cast<std::ptrdiff_t>(
                                                                          kept_depths_[target])}};
  scanner_.scan_target(target, block, kept);
  kept = nothing_kept();
  kept_depths_[target] = 0;
}

ExactLevel::ExactLevel(const Question& question, const PowerTables& tables,
                       const Subspace& subspace, std::vector<LossBound> lowered_seed)
    : question_(question),
      tables_(tables),
      subspace_(subspace),
      frames_(frames_of_level(subspace)),
      depths_(depths_of_level(question.space, tables, subspace)),
      routes_(question.space, subspace),
      lowered_seed_(std::move(lowered_seed)) {}

std::string ExactLevel::name(Index piece) const {
  return frame_name(question_.space, frames_[static_cast<std::size_t>(piece)]);
}

void ExactLevel::score(Index piece, Scanner& scanner, const std::function<void()>& between) {
  const Frame& frame = frames_[static_cast<std::size_t>(piece)];
  const auto attention = attention_options(question_.space, frame.width_digit);
  if (attention.empty() || routes_.all().empty() || depths_.digits.empty()) return;
  PieceSearch(*this, frame, attention, scanner).run(between);
}

}  // namespace rooflaw::search
