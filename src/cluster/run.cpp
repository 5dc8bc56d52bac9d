#include "rooflaw/cluster/run.hpp"

#include <chrono>
#include <limits>
#include <optional>

#include "rooflaw/cluster/messages.hpp"

namespace rooflaw::cluster {

using search::FrontierPoint;
using search::Index;
using search::PowerTables;

namespace {

constexpr Index no_more_pieces = -1;

/// Rank 0's tables on all ranks: see tables.hpp for why they are not filled everywhere.
PowerTables shared_tables(const search::Problem& problem, Communicator& ranks) {
  PowerTables tables;
  if (ranks.is_root()) tables = fill_tables(problem);
  for (auto* column :
       {&tables.depth, &tables.width_sparsity, &tables.width_capacity, &tables.kv, &tables.ratio,
        &tables.activation, &tables.activation_shared, &tables.distinct, &tables.rows_read}) {
    Bytes bytes = to_bytes(std::span<const double>(*column));
    ranks.broadcast(bytes);
    if (!ranks.is_root()) *column = values_from<double>(bytes);
  }
  return tables;
}

/// What a worker returns: the pairs it scored, then the points of each target's frontier.
Bytes pack(const search::Scanner& scanner) {
  Packer packer;
  packer.put(scanner.pairs_scored());
  for (const auto& frontier : scanner.frontiers())
    packer.put_all(std::span<const FrontierPoint>(frontier.points()));
  return packer.take();
}

/// Merges a worker's result into `frontiers`; returns the pairs it scored.
std::int64_t merge(const Bytes& bytes, std::vector<search::Frontier>& frontiers) {
  Unpacker unpacker(bytes);
  const auto pairs = unpacker.get<std::int64_t>();
  for (auto& frontier : frontiers)
    for (const auto& point : unpacker.get_all<FrontierPoint>()) frontier.insert(point);
  return pairs;
}

/// Scores pieces until rank 0 has no more. Asks for the next piece before it starts on one, so that
/// it need not wait while rank 0 is busy with a row of its own.
void work(const search::Plan& plan, search::Scanner& scanner, Communicator& ranks) {
  ranks.send(0, Tag::request, {});
  for (;;) {
    const Index piece = values_from<Index>(ranks.receive().bytes).at(0);
    if (piece == no_more_pieces) break;
    ranks.send(0, Tag::request, {});
    plan.score(piece, scanner);
  }
  const Bytes result = pack(scanner);
  ranks.send(0, Tag::result, result);
}

/// Rank 0: answers requests, and scores pieces itself in between.
class Master {
 public:
  Master(const search::Problem& problem, const search::Plan& plan, search::Scanner& scanner,
         Communicator& ranks, const std::function<void(const Progress&)>& report)
      : problem_(problem), plan_(plan), scanner_(scanner), ranks_(ranks), report_(report) {}

  Outcome run() {
    while (!out_of_pieces()) {
      plan_.score(next_++, scanner_, [&] { serve(); });
      serve();
      report_progress();
    }
    while (results_ + 1 < ranks_.size()) answer(ranks_.receive());
    report_progress();
    return {std::move(scanner_.frontiers()), scanner_.pairs_scored() + pairs_of_workers_,
            next_ == plan_.pieces(), std::nullopt};
  }

 private:
  bool out_of_pieces() const {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
    return next_ == plan_.pieces() || elapsed.count() > problem_.max_seconds;
  }

  void serve() {
    while (const auto message = ranks_.poll()) answer(*message);
  }

  void answer(const Message& message) {
    if (message.tag == Tag::result) {  // a worker's last word
      pairs_of_workers_ += merge(message.bytes, scanner_.frontiers());
      ++results_;
      return;
    }
    const Index piece = out_of_pieces() ? no_more_pieces : next_++;
    ranks_.send(message.from, Tag::piece, std::as_bytes(std::span<const Index>(&piece, 1)));
  }

  void report_progress() {
    std::size_t points = 0;
    for (const auto& frontier : scanner_.frontiers()) points += frontier.size();
    report_({next_, plan_.pieces(), points});
  }

  const search::Problem& problem_;
  const search::Plan& plan_;
  search::Scanner& scanner_;
  Communicator& ranks_;
  const std::function<void(const Progress&)>& report_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  Index next_ = 0;
  int results_ = 0;
  std::int64_t pairs_of_workers_ = 0;
};

}  // namespace

namespace {

Outcome run_plas_strategy(const search::Problem& problem, Communicator& ranks,
                          const Reports& reports) {
  search::Plas plas(problem, problem.plas);
  const bool complete = run_plas(plas, problem.plas, problem.max_seconds, ranks, reports.rounds);
  const auto pairs = plas.counts().scored * static_cast<Index>(problem.targets.size());
  return {plas.frontiers(), pairs, complete, plas.counts()};
}

}  // namespace

Outcome run_search(const search::Problem& problem, Communicator& ranks, const Reports& reports) {
  if (problem.strategy == search::Strategy::plas) return run_plas_strategy(problem, ranks, reports);
  const PowerTables tables = shared_tables(problem, ranks);
  const search::Plan plan(problem);
  search::Scanner scanner(problem, tables);
  if (!ranks.is_root()) {
    work(plan, scanner, ranks);
    Outcome none;
    none.frontiers.resize(problem.targets.size());
    return none;
  }
  return Master(problem, plan, scanner, ranks, reports.pieces).run();
}

Refined run_refine(const search::Problem& problem, std::vector<search::Frontier> frontiers,
                   Communicator& ranks, const Reports& reports) {
  share_frontiers(frontiers, ranks);
  const search::Problem fine = search::refined_problem(problem);
  const auto known = search::known_frontiers(problem, fine, frontiers);
  search::PlasSettings settings = problem.plas;
  settings.max_evaluations = problem.refine.max_evaluations;
  settings.hypervolume_gain = problem.refine.hypervolume_gain;
  search::Plas plas(fine, settings, known);
  constexpr double no_limit = std::numeric_limits<double>::infinity();
  run_plas(plas, settings, no_limit, ranks, reports.rounds);
  return {search::improvements(plas.frontiers(), known), plas.counts()};
}

}  // namespace rooflaw::cluster
