#include "rooflaw/cluster/run.hpp"

#include <chrono>
#include <ctime>
#include <limits>
#include <optional>

#include "rooflaw/cluster/messages.hpp"
#include "rooflaw/search/exact.hpp"

namespace rooflaw::cluster {

using search::FoundPoint;
using search::Index;
using search::PowerTables;

namespace {

constexpr Index no_more_pieces = -1;

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

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

/// What is to be scored, in pieces that any rank can take.
struct Work {
  Index pieces = 0;
  std::function<void(Index piece, const std::function<void()>& between)> score;
  double max_seconds = std::numeric_limits<double>::infinity();
  bool shares_finds = false;  // ranks prune with what the others found
};

/// Every point of the scanner's frontiers.
std::vector<FoundPoint> all_points(const search::Scanner& scanner) {
  std::vector<FoundPoint> all;
  for (std::size_t t = 0; t < scanner.frontiers().size(); ++t)
    for (const auto& point : scanner.frontiers()[t].points()) all.push_back({t, point});
  return all;
}

Bytes pack_found(const std::vector<FoundPoint>& found) {
  return to_bytes(std::span<const FoundPoint>(found));
}

/// Finds are shared now and then: one that is soon beaten by another then never travels.
class Due {
 public:
  bool now() {
    const auto time = std::chrono::steady_clock::now();
    if (time - last_ < std::chrono::milliseconds(500)) return false;
    last_ = time;
    return true;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

/// Scores pieces until rank 0 has no more. Asks for the next piece before it starts on one, so that
/// it need not wait while rank 0 is busy with a row of its own.
void take_part(const Work& work, search::Scanner& scanner, Communicator& ranks) {
  const std::int64_t pairs_before = scanner.pairs_scored();
  Due due;
  ranks.send(0, Tag::request, {});
  for (;;) {
    const Bytes bytes = ranks.receive().bytes;
    Unpacker unpacker(bytes);
    const auto piece = unpacker.get<Index>();
    if (piece == no_more_pieces) break;
    for (const auto& f : unpacker.get_all<FoundPoint>())
      scanner.frontiers()[f.target].insert(f.point);
    ranks.send(0, Tag::request, due.now() ? pack_found(scanner.take_found()) : pack_found({}));
    work.score(piece, {});
  }
  // Its last word: the pairs it scored, and what rank 0 has not heard of yet.
  Packer packer;
  packer.put(scanner.pairs_scored() - pairs_before);
  packer.put_all(
      std::span<const FoundPoint>(work.shares_finds ? scanner.take_found() : all_points(scanner)));
  ranks.send(0, Tag::result, packer.take());
}

/// Rank 0: answers requests, and scores pieces itself in between.
class Master {
 public:
  Master(const Work& work, search::Scanner& scanner, Communicator& ranks,
         const std::function<void(const Progress&)>& report)
      : work_(work),
        scanner_(scanner),
        ranks_(ranks),
        report_(report),
        told_(static_cast<std::size_t>(ranks.size()), 0),
        due_(static_cast<std::size_t>(ranks.size())) {}

  /// Returns whether all pieces were scored.
  bool run() {
    while (!out_of_pieces()) {
      work_.score(next_++, [&] { serve(); });
      serve();
      report_progress();
    }
    while (results_ + 1 < ranks_.size()) answer(ranks_.receive());
    report_progress();
    return next_ == work_.pieces;
  }
  std::int64_t pairs_of_workers() const { return pairs_of_workers_; }
  const Serving& serving() const { return serving_; }

 private:
  bool out_of_pieces() const {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
    return next_ == work_.pieces || elapsed.count() > work_.max_seconds;
  }

  void serve() {
    while (const auto message = ranks_.poll()) answer(*message);
  }

  void answer(const Message& message) {
    const double before = cpu_seconds();
    reply(message);
    serving_.cpu_s += cpu_seconds() - before;
    ++serving_.messages;
  }

  void reply(const Message& message) {
    if (message.tag == Tag::result) {
      Unpacker unpacker(message.bytes);
      pairs_of_workers_ += unpacker.get<std::int64_t>();
      note_finds(unpacker.get_all<FoundPoint>());
      ++results_;
      return;
    }
    if (work_.shares_finds) note_finds(values_from<FoundPoint>(message.bytes));
    Packer packer;
    packer.put(out_of_pieces() ? no_more_pieces : next_++);
    const auto rank = static_cast<std::size_t>(message.from);
    std::span<const FoundPoint> news;
    if (due_[rank].now()) {
      news = std::span<const FoundPoint>(finds_).subspan(told_[rank]);
      told_[rank] = finds_.size();
    }
    packer.put_all(news);
    ranks_.send(message.from, Tag::piece, packer.take());
  }

  void note_finds(const std::vector<FoundPoint>& of_worker) {
    for (const auto& f : of_worker) {
      auto& frontier = scanner_.frontiers()[f.target];
      const auto before = frontier.additions();
      frontier.insert(f.point);
      if (frontier.additions() != before) finds_.push_back(f);
    }
    const auto own = scanner_.take_found();
    finds_.insert(finds_.end(), own.begin(), own.end());
  }

  void report_progress() {
    std::size_t points = 0;
    for (const auto& frontier : scanner_.frontiers()) points += frontier.size();
    report_({next_, work_.pieces, points});
  }

  const Work& work_;
  search::Scanner& scanner_;
  Communicator& ranks_;
  const std::function<void(const Progress&)>& report_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  Index next_ = 0;
  int results_ = 0;
  std::int64_t pairs_of_workers_ = 0;
  Serving serving_;
  std::vector<FoundPoint> finds_;  // of all ranks, in the order they came
  std::vector<std::size_t> told_;  // by rank: how many of them
  std::vector<Due> due_;           // by rank: to be told more
};

/// Scores all pieces over the ranks. On rank 0 adds to `outcome` what the others did, and notes
/// whether all pieces were scored.
void run_work(const Work& work, search::Scanner& scanner, Communicator& ranks,
              const std::function<void(const Progress&)>& report, Outcome& outcome) {
  if (!ranks.is_root()) return take_part(work, scanner, ranks);
  const double before = cpu_seconds();
  Master master(work, scanner, ranks, report);
  outcome.complete = master.run();
  outcome.pairs_scored += master.pairs_of_workers();
  outcome.serving.messages += master.serving().messages;
  outcome.serving.cpu_s += master.serving().cpu_s;
  outcome.serving.of_cpu_s += cpu_seconds() - before;
}

Outcome with_frontiers(Outcome outcome, search::Scanner& scanner) {
  outcome.pairs_scored += scanner.pairs_scored();
  outcome.frontiers = std::move(scanner.frontiers());
  return outcome;
}

Outcome run_plan(const search::Problem& problem, Communicator& ranks, const Reports& reports) {
  const PowerTables tables = shared_tables(problem, ranks);
  const search::Plan plan(problem);
  search::Scanner scanner(problem, tables);
  const Work work{
      .pieces = plan.pieces(),
      .score = [&](Index piece,
                   const std::function<void()>& between) { plan.score(piece, scanner, between); },
      .max_seconds = problem.max_seconds};
  plan.look_around(scanner);
  Outcome outcome;
  run_work(work, scanner, ranks, reports.pieces, outcome);
  return with_frontiers(std::move(outcome), scanner);
}

Outcome run_exact(const search::Problem& problem, Communicator& ranks, const Reports& reports) {
  const PowerTables tables = shared_tables(problem, ranks);
  search::Scanner scanner(problem, tables);
  if (ranks.size() > 1) scanner.keep_found();
  const auto levels = search::exact_levels(problem.space);
  Outcome outcome;
  for (std::size_t l = 0; l < levels.size(); ++l) {
    std::vector<search::LossBound> lowered_seed;
    if (problem.tolerance > 0.0 && l + 1 == levels.size())
      for (const auto& frontier : scanner.frontiers())
        lowered_seed.emplace_back(frontier, problem.tolerance);
    search::ExactLevel level(problem, tables, levels[l], std::move(lowered_seed));
    const Work work{.pieces = level.pieces(),
                    .score =
                        [&](Index piece, const std::function<void()>& between) {
                          level.score(piece, scanner, between);
                        },
                    .shares_finds = true};
    run_work(work, scanner, ranks, reports.pieces, outcome);
    if (l + 1 < levels.size()) share_frontiers(scanner.frontiers(), ranks);
  }
  return with_frontiers(std::move(outcome), scanner);
}

}  // namespace

namespace {

Outcome run_plas_strategy(const search::Problem& problem, Communicator& ranks,
                          const Reports& reports) {
  search::Plas plas(problem, problem.plas);
  const bool complete = run_plas(plas, problem.plas, problem.max_seconds, ranks, reports.rounds);
  const auto pairs = plas.counts().scored * static_cast<Index>(problem.targets.size());
  return {plas.frontiers(), pairs, complete, plas.counts(), {}};
}

}  // namespace

Outcome run_search(const search::Problem& problem, Communicator& ranks, const Reports& reports) {
  if (problem.strategy == search::Strategy::plas) return run_plas_strategy(problem, ranks, reports);
  if (problem.strategy == search::Strategy::exact) return run_exact(problem, ranks, reports);
  return run_plan(problem, ranks, reports);
}

Refined run_refine(const search::Problem& problem, std::vector<search::Frontier> frontiers,
                   Communicator& ranks, const Reports& reports) {
  share_frontiers(frontiers, ranks);
  const search::Problem fine = search::refined_problem(problem);
  const auto known = search::known_frontiers(problem, fine, frontiers);
  search::PlasSettings settings = problem.plas;
  settings.max_evaluations = problem.refine.max_evaluations;
  settings.hypervolume_gain = problem.refine.hypervolume_gain;
  settings.worth_relaxing = 0;  // its frontiers are dense: what gaps there are, it is there for
  search::Plas plas(fine, settings, known);
  constexpr double no_limit = std::numeric_limits<double>::infinity();
  run_plas(plas, settings, no_limit, ranks, reports.rounds);
  return {search::improvements(plas.frontiers(), known), plas.counts()};
}

}  // namespace rooflaw::cluster
