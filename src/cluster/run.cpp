#include "rooflaw/cluster/run.hpp"

#include <chrono>
#include <cstring>
#include <optional>

#include "rooflaw/core/error.hpp"

namespace rooflaw::cluster {

using search::FrontierPoint;
using search::Index;
using search::PowerTables;

namespace {

constexpr Index no_more_pieces = -1;

template <class T>
std::vector<T> values_from(const Bytes& bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (bytes.size() % sizeof(T) != 0) throw MpiError("a message has an odd size");
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

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

/// What a worker returns: the pairs it scored, then per target the number of points and the points.
Bytes pack(const search::Scanner& scanner) {
  Bytes all;
  const auto append = [&](auto span) {
    const Bytes bytes = to_bytes(span);
    all.insert(all.end(), bytes.begin(), bytes.end());
  };
  const std::int64_t pairs = scanner.pairs_scored();
  append(std::span<const std::int64_t>(&pairs, 1));
  for (const auto& frontier : scanner.frontiers()) {
    const auto points = frontier.points();
    const std::uint64_t size = points.size();
    append(std::span<const std::uint64_t>(&size, 1));
    append(std::span<const FrontierPoint>(points));
  }
  return all;
}

/// Merges a worker's result into `frontiers`; returns the pairs it scored.
std::int64_t merge(const Bytes& bytes, std::vector<search::Frontier>& frontiers) {
  std::size_t place = 0;
  const auto take = [&](auto& to) {
    if (sizeof to > bytes.size() - place) throw MpiError("a worker's result is cut short");
    std::memcpy(&to, bytes.data() + place, sizeof to);
    place += sizeof to;
  };
  std::int64_t pairs = 0;
  take(pairs);
  for (auto& frontier : frontiers) {
    std::uint64_t size = 0;
    take(size);
    for (std::uint64_t i = 0; i < size; ++i) {
      FrontierPoint point;
      take(point);
      frontier.insert(point);
    }
  }
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
            next_ == plan_.pieces()};
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

Outcome run_search(const search::Problem& problem, Communicator& ranks,
                   const std::function<void(const Progress&)>& report) {
  const PowerTables tables = shared_tables(problem, ranks);
  const search::Plan plan(problem);
  search::Scanner scanner(problem, tables);
  if (!ranks.is_root()) {
    work(plan, scanner, ranks);
    return {};
  }
  return Master(problem, plan, scanner, ranks, report).run();
}

}  // namespace rooflaw::cluster
